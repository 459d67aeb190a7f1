//! How the process is, as every shard sees it.

use crate::http::Health;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

/// Written by the control thread and at a shard's start, read per connection.
#[derive(Debug)]
pub struct Lifecycle {
    starting: AtomicUsize,
    draining: AtomicBool,
}

impl Lifecycle {
    /// A process whose `shards` shards are all still starting.
    pub fn new(shards: usize) -> Self {
        Self {
            starting: AtomicUsize::new(shards),
            draining: AtomicBool::new(false),
        }
    }

    /// One more shard listens.
    pub fn shard_started(&self) {
        self.starting.fetch_sub(1, Ordering::AcqRel);
    }

    /// Whether some shard does not listen yet.
    pub fn is_starting(&self) -> bool {
        self.starting.load(Ordering::Acquire) > 0
    }

    /// No new sessions from now on.
    pub fn start_draining(&self) {
        self.draining.store(true, Ordering::Release);
    }

    /// Whether [`Self::start_draining`] was called.
    pub fn is_draining(&self) -> bool {
        self.draining.load(Ordering::Acquire)
    }

    /// What `/readyz` says.
    pub fn health(&self) -> Health {
        if self.is_draining() {
            Health::Draining
        } else if self.is_starting() {
            Health::Starting
        } else {
            Health::Ready
        }
    }
}
