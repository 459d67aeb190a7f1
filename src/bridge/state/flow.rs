//! Bytes counted in both directions: how much output the client allows, how
//! much of its input is on the way. Pure arithmetic.

use super::pace::{Blockage, Pace};
use std::time::{Duration, Instant};

/// A client whose pongs showed that it is not slow is only far away, so that its
/// socket is full all the time. It is not tried again for so long.
const TRUSTED: Duration = Duration::from_secs(60);

/// Output towards the client, counted since the first `ready`.
#[derive(Debug)]
pub(super) struct OutputFlow {
    sent: u64,
    acked: u64,
    /// `flow_window` of `auth`; without it TCP pushes back, and a slow client's
    /// pace.
    window: Option<u64>,
    held: bool,
    blockage: Blockage,
    // Boxed: few clients are slow.
    pace: Option<Box<Pace>>,
    /// Until then it is not slow, whatever its socket says: see [`TRUSTED`].
    trusted: Option<Instant>,
}

/// An `ack` that no honest client sends.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct BadAck;

impl OutputFlow {
    pub(super) fn new() -> Self {
        Self {
            sent: 0,
            acked: 0,
            window: None,
            held: false,
            blockage: Blockage::default(),
            pace: None,
            trusted: None,
        }
    }

    pub(super) fn set_window(&mut self, window: Option<u64>) {
        self.window = window;
    }

    pub(super) fn set_held(&mut self, held: bool) {
        self.held = held;
    }

    /// Bytes that may be sent now. `listening`: the client's messages are read,
    /// and so the pongs among them, which nothing may wait for otherwise.
    pub(super) fn budget(&self, listening: bool) -> u64 {
        match &self.pace {
            Some(pace) if listening => pace.budget(self.sent).min(self.allowed()),
            _ => self.allowed(),
        }
    }

    /// Bytes the client allows now.
    pub(super) fn allowed(&self) -> u64 {
        match (self.held, self.window) {
            (true, _) => 0,
            (false, None) => u64::MAX,
            (false, Some(window)) => window.saturating_sub(self.sent - self.acked),
        }
    }

    /// At the end of a turn: whether the client's socket has more than it takes,
    /// and the bytes it took so far.
    pub(super) fn note_blocked(&mut self, now: Instant, blocked: bool, taken: u64) {
        let slow = self.window.is_none() && self.blockage.note(now, blocked, taken);
        if slow && self.pace.is_none() && self.trusted.is_none_or(|until| until <= now) {
            self.pace = Some(Box::new(Pace::new(self.sent)));
        }
    }

    /// Whether the client reads slowly.
    pub(super) fn is_paced(&self) -> bool {
        self.pace.is_some()
    }

    /// See [`Pace::next_ping`].
    pub(super) fn next_ping(&mut self, now: Instant) -> Option<u64> {
        self.pace.as_mut()?.next_ping(now, self.sent)
    }

    /// The number a ping must carry that comes behind an unanswered one: a client
    /// may answer the latest alone (RFC 6455 section 5.5.3).
    pub(super) fn pinged(&self) -> Option<u64> {
        self.pace.as_ref()?.pinged()
    }

    pub(super) fn on_pong(&mut self, now: Instant, number: u64) {
        if self
            .pace
            .take_if(|pace| !pace.on_pong(now, number))
            .is_some()
        {
            self.trusted = Some(now + TRUSTED);
        }
    }

    pub(super) fn on_pong_overdue(&mut self) {
        if let Some(pace) = &mut self.pace {
            pace.on_overdue();
        }
    }

    pub(super) fn note_sent(&mut self, bytes: u64) {
        self.sent += bytes;
    }

    /// A repeated or late ack is harmless; one ahead of what was sent is not.
    pub(super) fn ack(&mut self, total: u64) -> Result<(), BadAck> {
        if total > self.sent {
            return Err(BadAck);
        }
        self.acked = self.acked.max(total);
        Ok(())
    }

    pub(super) fn sent(&self) -> u64 {
        self.sent
    }

    /// No more is unacknowledged than the client allowed.
    pub(super) fn is_consistent(&self) -> bool {
        self.acked <= self.sent && self.window.is_none_or(|w| self.sent - self.acked <= w)
    }
}

/// Input from the client.
#[derive(Debug)]
pub(super) struct InputFlow {
    received: u64,
    passed: u64,
    acked: u64,
    window: u64,
}

impl InputFlow {
    pub(super) fn new(window: u64) -> Self {
        Self {
            received: 0,
            passed: 0,
            acked: 0,
            window,
        }
    }

    pub(super) fn note_received(&mut self, bytes: u64) {
        self.received += bytes;
    }

    pub(super) fn note_passed(&mut self, total: u64) {
        debug_assert!(self.passed <= total && total <= self.received);
        self.passed = total;
    }

    pub(super) fn waits(&self) -> bool {
        self.passed < self.received
    }

    /// Input that may be on the way, in bytes.
    pub(super) fn window(&self) -> u64 {
        self.window
    }

    /// Whether another message may be read. A client within its window is
    /// never held back: what it has unacknowledged is at least what we hold.
    pub(super) fn has_room(&self) -> bool {
        self.received - self.passed <= self.window
    }

    /// The total to acknowledge, if another quarter of the window has passed.
    pub(super) fn due_ack(&self) -> Option<u64> {
        (self.passed - self.acked >= self.window.div_ceil(4)).then_some(self.passed)
    }

    pub(super) fn note_acked(&mut self, total: u64) {
        self.acked = total;
    }

    pub(super) fn received(&self) -> u64 {
        self.received
    }

    /// Nothing is acknowledged before it passed, nor passed before it came.
    pub(super) fn is_consistent(&self) -> bool {
        self.acked <= self.passed && self.passed <= self.received
    }
}
