//! Output that one client allows: its window and acknowledgements, `hold`, and the pacer if it reads slowly.
//! Pure arithmetic; offsets are those of the session's output, which other clients may have been sent before.

use super::pacer::Pacer;
use super::slow_reader::SlowReaderDetector;
use std::time::{Duration, Instant};

/// A client whose pongs showed that it is not slow is only far away, so that its
/// socket is full all the time. It is not tried again for so long.
const TRUSTED: Duration = Duration::from_secs(60);

/// Flow control of the output to one client.
#[derive(Debug)]
pub(in crate::bridge) struct ClientFlow {
    acked: u64,
    /// `flow_window` of `auth`, in bytes; without it TCP pushes back, and the pacer of a slow client.
    window: Option<u64>,
    held: bool,
    detector: SlowReaderDetector,
    // Boxed: few clients are slow.
    pacer: Option<Box<Pacer>>,
    /// Until then it is not slow, whatever its socket says: see [`TRUSTED`].
    trusted: Option<Instant>,
}

/// An `ack` that no honest client sends.
#[derive(Debug, PartialEq, Eq)]
pub(in crate::bridge) struct BadAck;

impl ClientFlow {
    /// Flow control of a client that has all output before `offset`.
    pub(in crate::bridge) fn new(offset: u64) -> Self {
        Self {
            acked: offset,
            window: None,
            held: false,
            detector: SlowReaderDetector::default(),
            pacer: None,
            trusted: None,
        }
    }

    /// Sets the client's window, in bytes.
    pub(in crate::bridge) fn set_window(&mut self, window: Option<u64>) {
        self.window = window;
    }

    /// Sets whether the client holds output back.
    pub(in crate::bridge) fn set_held(&mut self, held: bool) {
        self.held = held;
    }

    /// Bytes that may be sent now, `sent` having been sent. `listening`: the client's messages are read,
    /// and so the pongs among them, which nothing may wait for otherwise.
    pub(in crate::bridge) fn budget(&self, sent: u64, listening: bool) -> u64 {
        match &self.pacer {
            Some(pacer) if listening => pacer.budget(sent).min(self.allowed(sent)),
            _ => self.allowed(sent),
        }
    }

    /// Bytes the client allows now.
    pub(in crate::bridge) fn allowed(&self, sent: u64) -> u64 {
        match (self.held, self.window) {
            (true, _) => 0,
            (false, None) => u64::MAX,
            (false, Some(window)) => window.saturating_sub(sent - self.acked),
        }
    }

    /// Takes, at the end of a tick, whether the client's socket has more than it takes, and the bytes it
    /// took so far.
    pub(in crate::bridge) fn note_blocked(
        &mut self,
        now: Instant,
        sent: u64,
        blocked: bool,
        taken: u64,
    ) {
        let slow = self.window.is_none() && self.detector.note(now, blocked, taken);
        if slow && self.pacer.is_none() && self.trusted.is_none_or(|until| until <= now) {
            self.pacer = Some(Box::new(Pacer::new(sent)));
        }
    }

    /// Returns whether the client reads slowly.
    pub(in crate::bridge) fn is_paced(&self) -> bool {
        self.pacer.is_some()
    }

    /// See [`Pacer::next_ping`].
    pub(in crate::bridge) fn next_ping(&mut self, now: Instant, sent: u64) -> Option<u64> {
        self.pacer.as_mut()?.next_ping(now, sent)
    }

    /// The number a ping must carry that comes behind an unanswered one: a client
    /// may answer the latest alone (RFC 6455 section 5.5.3).
    pub(in crate::bridge) fn pinged(&self) -> Option<u64> {
        self.pacer.as_ref()?.pinged()
    }

    /// Takes a pong that carries `number`.
    pub(in crate::bridge) fn on_pong(&mut self, now: Instant, number: u64) {
        let was_slow = self.pacer.take_if(|pacer| !pacer.on_pong(now, number));
        if was_slow.is_some() {
            self.trusted = Some(now + TRUSTED);
        }
    }

    /// The pacer's pong did not come in time.
    pub(in crate::bridge) fn on_pong_overdue(&mut self) {
        if let Some(pacer) = &mut self.pacer {
            pacer.on_overdue();
        }
    }

    /// Takes an acknowledgement of all output before `total`.
    ///
    /// # Errors
    /// [`BadAck`] if that is ahead of what was sent. A repeated or late one is harmless.
    pub(in crate::bridge) fn ack(&mut self, total: u64, sent: u64) -> Result<(), BadAck> {
        if total > sent {
            return Err(BadAck);
        }
        self.acked = self.acked.max(total);
        Ok(())
    }

    /// No more is unacknowledged than the client allowed.
    pub(in crate::bridge) fn is_consistent(&self, sent: u64) -> bool {
        self.acked <= sent && self.window.is_none_or(|w| sent - self.acked <= w)
    }
}
