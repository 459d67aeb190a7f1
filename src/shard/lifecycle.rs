//! Lifecycle of the process, shared by all threads: starting, ready, draining, sockets handed over.
//! Every step is one-way; the first drain counts.

use crate::http::Health;
use crate::limits::LimitTable;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::time::Instant;

/// State of the process. Written by the control thread and at a shard's start, read per connection.
#[derive(Debug, Default)]
pub struct ProcessLifecycle {
    starting: AtomicUsize,
    /// Deadline of the drain, once there is one.
    drain: OnceLock<Instant>,
    stopped_accepting: AtomicBool,
    reloads_applied: AtomicU64,
    reloads_refused: AtomicU64,
}

impl ProcessLifecycle {
    /// A process whose `shards` shards are all still starting.
    pub fn new(shards: usize) -> Self {
        Self {
            starting: AtomicUsize::new(shards),
            ..Self::default()
        }
    }

    /// Counts a shard that listens now.
    pub fn shard_started(&self) {
        self.starting.fetch_sub(1, Ordering::AcqRel);
    }

    /// Returns true while some shard does not listen yet.
    pub fn is_starting(&self) -> bool {
        self.starting.load(Ordering::Acquire) > 0
    }

    /// Starts the drain: no new sessions from now on, and none at all after `deadline`. The first
    /// call counts.
    pub fn start_draining(&self, deadline: Instant) {
        let _ = self.drain.set(deadline);
    }

    /// Returns true after [`Self::start_draining`].
    pub fn is_draining(&self) -> bool {
        self.drain.get().is_some()
    }

    /// Returns the deadline of the drain, if there is one.
    pub fn drain_deadline(&self) -> Option<Instant> {
        self.drain.get().copied()
    }

    /// Stops every shard from accepting, for good: another process has the listening sockets.
    pub fn stop_accepting(&self) {
        self.stopped_accepting.store(true, Ordering::Release);
    }

    /// Returns true after [`Self::stop_accepting`].
    pub fn has_stopped_accepting(&self) -> bool {
        self.stopped_accepting.load(Ordering::Acquire)
    }

    /// Counts a reload of the configuration; `in_force`: it was applied.
    pub fn note_reload(&self, in_force: bool) {
        let count = if in_force {
            &self.reloads_applied
        } else {
            &self.reloads_refused
        };
        count.fetch_add(1, Ordering::Relaxed);
    }

    /// Returns the reloads that were applied, and those that were refused.
    pub fn reloads(&self) -> (u64, u64) {
        (
            self.reloads_applied.load(Ordering::Relaxed),
            self.reloads_refused.load(Ordering::Relaxed),
        )
    }

    /// Returns the health that `/readyz` answers with.
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
    fn health_is_ready_once_every_shard_listens_and_until_the_drain() {
        let limits = Limits {
            max_connections: 1,
            max_per_target: 1,
            max_unauthenticated: 1,
            max_per_client: 0,
        };
        let limits = LimitTable::new(limits, 1);
        let lifecycle = ProcessLifecycle::new(2);
        assert_eq!(lifecycle.health(&limits), Health::Starting);
        lifecycle.shard_started();
        assert_eq!(lifecycle.health(&limits), Health::Starting);
        lifecycle.shard_started();
        assert_eq!(lifecycle.health(&limits), Health::Ready);
        lifecycle.start_draining(crate::clock::now());
        assert_eq!(lifecycle.health(&limits), Health::Draining);
    }
}
