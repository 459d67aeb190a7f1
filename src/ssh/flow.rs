//! Measurement of what a server has sent lately: it decides whether that is a flood, which then
//! reads in turns with the shard's other floods. Reads nothing itself.

use crate::runtime::BulkTicket;
use std::task::{Context, Poll};
use std::time::{Duration, Instant};

/// A server that sends this many bytes within [`FLOOD_TIME`] floods.
const FLOOD: usize = 32 * 1024;
const FLOOD_TIME: Duration = Duration::from_millis(10);

/// Bytes received lately: their number in this span of [`FLOOD_TIME`], and
/// whether it was a flood in the one before.
pub(super) struct Flow {
    since: Instant,
    bytes: usize,
    was_flood: bool,
    /// Ticket of the bulk scheduler; `None` unless this is one.
    ticket: Option<BulkTicket>,
}

impl Flow {
    pub(super) fn new(now: Instant) -> Self {
        Self {
            since: now,
            bytes: 0,
            was_flood: false,
            ticket: None,
        }
    }

    /// `bytes` more have come. Whether that is a flood.
    pub(super) fn note(&mut self, bytes: usize, now: Instant) -> bool {
        let age = now.saturating_duration_since(self.since);
        if age > FLOOD_TIME {
            self.was_flood = self.bytes >= FLOOD && age < 2 * FLOOD_TIME;
            self.bytes = 0;
            self.since = now;
        }
        self.bytes += bytes;
        self.floods()
    }

    fn floods(&self) -> bool {
        self.was_flood || self.bytes >= FLOOD
    }

    /// Returns whether what was a flood has ended long since; `false` while it
    /// waits for its turn.
    fn is_over(&self, now: Instant) -> bool {
        let waits = self.ticket.as_ref().is_some_and(BulkTicket::waits);
        !waits && now.saturating_duration_since(self.since) > 2 * FLOOD_TIME
    }

    /// Returns `Ready` if this session may read in this turn of its task.
    /// `done`: it has read its share.
    pub(super) fn poll_turn(&mut self, cx: &Context<'_>, done: bool) -> Poll<()> {
        if !self.floods() || self.is_over(crate::clock::now()) {
            self.ticket = None;
        } else if self.ticket.is_none() {
            self.ticket = BulkTicket::new();
        }
        match &self.ticket {
            Some(ticket) => ticket.poll_dispatch(cx, done),
            None if done => {
                cx.waker().wake_by_ref();
                Poll::Pending
            }
            None => Poll::Ready(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_flood_is_much_at_once_or_much_for_long() {
        let start = crate::clock::now();
        let ms = |ms| start + Duration::from_millis(ms);
        let mut flow = Flow::new(start);
        // A screen now and then is none.
        for second in 0..5 {
            assert!(!flow.note(FLOOD - 1, ms(1000 * second)));
        }
        assert!(flow.note(1, ms(4000)));
        // It stays one while it goes on, from its first byte in each span.
        let mut flow = Flow::new(start);
        for at in 0..100 {
            let floods = flow.note(FLOOD / 10 + 1, ms(at));
            assert_eq!(floods, at >= 9, "{at} ms");
        }
        assert!(!flow.note(1, ms(200)));
    }
}
