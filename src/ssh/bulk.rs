//! Detection of bulk output: whether a server has lately sent so much that its session reads as one
//! of the shard's bulk readers, in round-robin order with the others. Reads nothing itself.

use crate::runtime::BulkTicket;
use std::task::{Context, Poll};
use std::time::{Duration, Instant};

/// Bytes within one [`DETECTION_INTERVAL`] from which on output is bulk.
const BULK_BYTES: usize = 32 * 1024;
const DETECTION_INTERVAL: Duration = Duration::from_millis(10);

/// Bytes received in the current [`DETECTION_INTERVAL`], and whether the one before was bulk.
pub(super) struct BulkDetector {
    since: Instant,
    bytes: usize,
    was_bulk: bool,
    /// Ticket of the bulk scheduler; `None` unless this is bulk.
    ticket: Option<BulkTicket>,
}

impl BulkDetector {
    pub(super) fn new(now: Instant) -> Self {
        Self {
            since: now,
            bytes: 0,
            was_bulk: false,
            ticket: None,
        }
    }

    /// Counts `bytes` more, and returns whether the output is bulk now.
    pub(super) fn note(&mut self, bytes: usize, now: Instant) -> bool {
        let age = now.saturating_duration_since(self.since);
        if age > DETECTION_INTERVAL {
            self.was_bulk = self.bytes >= BULK_BYTES && age < 2 * DETECTION_INTERVAL;
            self.bytes = 0;
            self.since = now;
        }
        self.bytes += bytes;
        self.is_bulk()
    }

    fn is_bulk(&self) -> bool {
        self.was_bulk || self.bytes >= BULK_BYTES
    }

    /// Returns whether bulk output ended some time ago; `false` while its reader waits for
    /// dispatch.
    fn is_over(&self, now: Instant) -> bool {
        let waits = self.ticket.as_ref().is_some_and(BulkTicket::waits);
        !waits && now.saturating_duration_since(self.since) > 2 * DETECTION_INTERVAL
    }

    /// Ready if this session may read in the current poll of its task. `share_spent`: it has read
    /// its share.
    pub(super) fn poll_dispatch(&mut self, cx: &Context<'_>, share_spent: bool) -> Poll<()> {
        if !self.is_bulk() || self.is_over(crate::clock::now()) {
            self.ticket = None;
        } else if self.ticket.is_none() {
            self.ticket = BulkTicket::new();
        }
        match &self.ticket {
            Some(ticket) => ticket.poll_dispatch(cx, share_spent),
            None if share_spent => {
                cx.waker().wake_by_ref();
                Poll::Pending
            }
            None => Poll::Ready(()),
        }
    }

    /// Gives up a dispatch: this session may not read now.
    pub(super) fn forgo(&self) {
        if let Some(ticket) = &self.ticket {
            ticket.forgo();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bulk_is_much_within_one_interval_or_in_each_of_several() {
        let start = crate::clock::now();
        let ms = |ms| start + Duration::from_millis(ms);
        let mut detector = BulkDetector::new(start);
        // A screen now and then is not bulk.
        for second in 0..5 {
            assert!(!detector.note(BULK_BYTES - 1, ms(1000 * second)));
        }
        assert!(detector.note(1, ms(4000)));
        // It stays bulk while it goes on, from the first byte in each interval.
        let mut detector = BulkDetector::new(start);
        for at in 0..100 {
            let bulk = detector.note(BULK_BYTES / 10 + 1, ms(at));
            assert_eq!(bulk, at >= 9, "{at} ms");
        }
        assert!(!detector.note(1, ms(200)));
    }
}
