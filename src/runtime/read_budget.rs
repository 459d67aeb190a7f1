//! Read budget of one peer: the input that is processed in one poll of its task. It is kept at the
//! socket, below every parser, so that no kind of bytes is free: frames of any kind, TLS records,
//! HTTP heads in drips, bytes that are only discarded.
//!
//! A peer within the budget is read at once. One that sends more gets a ticket of the bulk
//! scheduler, which dispatches one per tick: an interactive session waits behind one such read,
//! however many peers send in bulk.

use super::{BulkTicket, poll_number};
use std::task::{Context, Poll};
use std::time::{Duration, Instant};

/// Cost of the work in one poll, in bytes.
const PER_POLL: usize = 8 * 1024;

/// Time in one poll from its first read on: some bytes cost more than others.
const TIME_PER_POLL: Duration = Duration::from_micros(50);

/// Least cost of a read or a message, in bytes: a system call, a poll.
const MIN_COST: usize = 256;

/// A peer that costs [`PER_POLL`] within this time sends in bulk.
const DETECTION_INTERVAL: Duration = Duration::from_millis(10);

/// Read budget of one socket. Belongs to a task made by [`super::spawn`]; without a reactor nothing
/// is counted.
pub struct ReadBudget {
    /// The latest poll, its start, and its cost so far.
    poll: (u64, Instant, usize),
    /// Start of the present interval, and its cost so far.
    interval: (Instant, usize),
    was_bulk: bool,
    /// Ticket of the bulk scheduler; only a peer that sends in bulk has one.
    ticket: Option<BulkTicket>,
}

impl ReadBudget {
    /// Ready when the next read or message may be processed. Otherwise the task is woken when it
    /// may be, whether or not more has arrived.
    pub fn poll_ready(&mut self, cx: &Context<'_>) -> Poll<()> {
        let (poll, now) = (poll_number(), crate::clock::now());
        if self.poll.0 != poll {
            self.poll = (poll, now, 0);
        }
        let (_, start, cost) = self.poll;
        let late = now.saturating_duration_since(start) >= TIME_PER_POLL;
        let spent = cost >= PER_POLL || (cost > 0 && late);
        if !spent && !self.is_bulk(now) {
            self.ticket = None;
            return Poll::Ready(());
        }
        if self.ticket.is_none() {
            self.ticket = BulkTicket::new();
        }
        match &self.ticket {
            Some(ticket) => ticket.poll_dispatch(cx, spent),
            None => Poll::Ready(()),
        }
    }

    /// Gives up a dispatch of the bulk scheduler: nothing may be read now.
    pub fn forgo(&self) {
        if let Some(ticket) = &self.ticket {
            ticket.forgo();
        }
    }

    /// Charges a read of `bytes`, or a message (0).
    pub fn spend(&mut self, bytes: usize) {
        let (cost, now) = (bytes.max(MIN_COST), crate::clock::now());
        let age = now.saturating_duration_since(self.interval.0);
        if age > DETECTION_INTERVAL {
            self.was_bulk = self.interval.1 >= PER_POLL && age < 2 * DETECTION_INTERVAL;
            self.interval = (now, 0);
        }
        self.interval.1 += cost;
        self.poll.2 += cost;
    }

    /// A peer that waits for its ticket still sends in bulk, although nothing is read meanwhile.
    fn is_bulk(&self, now: Instant) -> bool {
        if self.ticket.as_ref().is_some_and(BulkTicket::waits) {
            return true;
        }
        let (since, cost) = self.interval;
        (self.was_bulk || cost >= PER_POLL)
            && now.saturating_duration_since(since) <= 2 * DETECTION_INTERVAL
    }
}

impl Default for ReadBudget {
    /// Nothing is spent yet.
    fn default() -> Self {
        let now = crate::clock::now();
        Self {
            poll: (0, now, 0),
            interval: (now, 0),
            was_bulk: false,
            ticket: None,
        }
    }
}
