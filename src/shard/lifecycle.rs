//! How the process is, as every shard sees it.

use crate::http::Health;
use crate::limits::LimitTable;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::time::Instant;

/// Written by the control thread and at a shard's start, read per connection.
#[derive(Debug)]
pub struct Lifecycle {
    starting: AtomicUsize,
    /// When the drain ends, once there is one.
    drain: OnceLock<Instant>,
    handed_over: AtomicBool,
    reloaded: AtomicU64,
    not_reloaded: AtomicU64,
}

impl Lifecycle {
    /// A process whose `shards` shards are all still starting.
    pub fn new(shards: usize) -> Self {
        Self {
            starting: AtomicUsize::new(shards),
            drain: OnceLock::new(),
            handed_over: AtomicBool::new(false),
            reloaded: AtomicU64::new(0),
            not_reloaded: AtomicU64::new(0),
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

    /// No new sessions from now on, and none at all after `deadline`. The first one counts.
    pub fn start_draining(&self, deadline: Instant) {
        let _ = self.drain.set(deadline);
    }

    /// Whether [`Self::start_draining`] was called.
    pub fn is_draining(&self) -> bool {
        self.drain.get().is_some()
    }

    /// Deadline of the drain, if there is one.
    pub fn drain_deadline(&self) -> Option<Instant> {
        self.drain.get().copied()
    }

    /// The listening sockets are another process's: no shard accepts again.
    pub fn stop_accepting(&self) {
        self.handed_over.store(true, Ordering::Release);
    }

    /// Whether [`Self::stop_accepting`] was called.
    pub fn has_stopped_accepting(&self) -> bool {
        self.handed_over.load(Ordering::Acquire)
    }

    /// The configuration was read again, and put in force or not.
    pub fn note_reload(&self, in_force: bool) {
        let count = if in_force {
            &self.reloaded
        } else {
            &self.not_reloaded
        };
        count.fetch_add(1, Ordering::Relaxed);
    }

    /// Reloads that were put in force, and those that were not.
    pub fn reloads(&self) -> (u64, u64) {
        (
            self.reloaded.load(Ordering::Relaxed),
            self.not_reloaded.load(Ordering::Relaxed),
        )
    }

    /// What `/readyz` says.
    pub fn health(&self, limits: &LimitTable) -> Health {
        if self.is_draining() {
            Health::Draining
        } else if self.is_starting() {
            Health::Starting
        } else if limits.is_full() {
            Health::Full
        } else {
            Health::Ready
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::limits::Limits;

    #[test]
    fn it_is_ready_once_every_shard_listens_and_until_it_drains() {
        let limits = Limits {
            max_connections: 1,
            max_per_target: 1,
            max_unauthenticated: 1,
            max_per_client: 0,
        };
        let limits = LimitTable::new(limits, 1);
        let lifecycle = Lifecycle::new(2);
        assert_eq!(lifecycle.health(&limits), Health::Starting);
        lifecycle.shard_started();
        assert_eq!(lifecycle.health(&limits), Health::Starting);
        lifecycle.shard_started();
        assert_eq!(lifecycle.health(&limits), Health::Ready);
        lifecycle.start_draining(crate::clock::now());
        assert_eq!(lifecycle.health(&limits), Health::Draining);
    }
}
