//! Heartbeats of a shard's loop, for other threads.
//!
//! A heartbeat is reported with a tick that happens anyway; only an idle loop is woken for one. So
//! it costs a shard with traffic no wake-up. The reader of the reports decides from which age on a
//! shard is stuck.

use std::cell::{Cell, OnceCell};
use std::time::{Duration, Instant};

/// Longest time between two reports of a loop that runs.
const MAX_INTERVAL: Duration = Duration::from_secs(1);

/// Least time between two reports.
const MIN_INTERVAL: Duration = Duration::from_millis(100);

#[derive(Default)]
pub(super) struct Liveness {
    report: OnceCell<Box<dyn Fn(Instant)>>,
    last: Cell<Option<Instant>>,
}

impl Liveness {
    /// Sets the receiver of the reports, once.
    pub(super) fn set_report(&self, report: impl Fn(Instant) + 'static) {
        // Only the first counts: there is one shard to a loop.
        let _ = self.report.set(Box::new(report));
    }

    /// Longest time that the loop may wait; None for any.
    pub(super) fn longest_wait(&self) -> Option<Duration> {
        self.report.get().map(|_| MAX_INTERVAL - MIN_INTERVAL)
    }

    /// To be called once per tick of the loop.
    pub(super) fn tick(&self, now: Instant) {
        let Some(report) = self.report.get() else {
            return;
        };
        let last = self.last.get();
        if last.is_none_or(|last| now.saturating_duration_since(last) >= MIN_INTERVAL) {
            self.last.set(Some(now));
            report(now);
        }
    }
}
