//! Flow control of the output to one client: its `flow_window` and acknowledgements, `hold`, and
//! the pacer if it reads slowly.
//!
//! Guarantees that no more is unacknowledged than the client's window allows. Pure arithmetic: no
//! socket, no clock. Offsets count all output of the session, also what an earlier client received
//! (no session has a second client yet).

use super::pacer::Pacer;
use super::slow_reader::SlowReaderDetector;
use crate::error::SessionError;
use std::time::{Duration, Instant};

/// Time in which no new pacer starts after one has found its client fast enough: its socket stays
/// full because the round trip is long.
const DETECTION_PAUSE: Duration = Duration::from_secs(60);

#[derive(Debug, Default)]
pub(in crate::bridge) struct ClientFlow {
    /// Offset up to which the client has acknowledged output.
    acked: u64,
    /// `flow_window` of `auth`, in bytes. Without it output is bounded by TCP, and by the pacer of
    /// a slow client.
    pub(in crate::bridge) window: Option<u64>,
    /// The client holds output (`hold`, `release`).
    pub(in crate::bridge) hold: bool,
    detector: SlowReaderDetector,
    // Boxed: few clients are slow.
    pacer: Option<Box<Pacer>>,
    /// End of the [`DETECTION_PAUSE`].
    paused_until: Option<Instant>,
}

impl ClientFlow {
    /// Returns the flow control of a client that has received all output before `offset`.
    pub(in crate::bridge) fn new(offset: u64) -> Self {
        Self {
            acked: offset,
            ..Self::default()
        }
    }

    /// Returns the bytes that may be sent now, with `sent` bytes sent so far. `reading`: the
    /// client's messages are read. While its input waits they are not, so no pong is seen, and the
    /// pacer does not bound the output.
    pub(in crate::bridge) fn budget(&self, sent: u64, reading: bool) -> u64 {
        match &self.pacer {
            Some(pacer) if reading => pacer.budget(sent).min(self.client_window(sent)),
            _ => self.client_window(sent),
        }
    }

    /// Returns the bytes left in the client's own window: 0 while it holds output, unbounded
    /// without `flow_window`.
    pub(in crate::bridge) fn client_window(&self, sent: u64) -> u64 {
        match (self.hold, self.window) {
            (true, _) => 0,
            (false, None) => u64::MAX,
            (false, Some(window)) => window.saturating_sub(sent - self.acked),
        }
    }

    /// Updates the slow-reader detection at the end of a poll of the session. `blocked`: the
    /// client's socket has bytes that the kernel does not take; `written`: the bytes it has written
    /// so far. Starts a pacer for a client that is slow.
    pub(in crate::bridge) fn detect_slow_reader(
        &mut self,
        now: Instant,
        blocked: bool,
        written: u64,
    ) {
        let slow = self.window.is_none() && self.detector.observe(now, blocked, written);
        if slow && self.pacer.is_none() && self.paused_until.is_none_or(|until| until <= now) {
            self.pacer = Some(Box::new(Pacer::new()));
        }
    }

    /// Returns whether a pacer bounds the output.
    pub(in crate::bridge) fn is_paced(&self) -> bool {
        self.pacer.is_some()
    }

    /// Returns the number of the next ping of the pacer, if one is due ([`Pacer::next_ping`]), and
    /// its timeout ([`Pacer::pong_timeout`]).
    pub(in crate::bridge) fn next_ping(
        &mut self,
        now: Instant,
        sent: u64,
        stall_timeout: Duration,
    ) -> Option<(u64, Duration)> {
        let pacer = self.pacer.as_mut()?;
        let number = pacer.next_ping(now, sent)?;
        Some((number, pacer.pong_timeout(stall_timeout)))
    }

    /// Returns the number of the pacer's unanswered ping. Any other ping must carry it too: a
    /// client may answer the latest alone (RFC 6455 section 5.5.3).
    pub(in crate::bridge) fn unanswered_ping(&self) -> Option<u64> {
        self.pacer.as_ref()?.unanswered_ping()
    }

    /// Takes a pong that carries `number`. Drops the pacer if the client is not slow any more.
    pub(in crate::bridge) fn on_pong(&mut self, now: Instant, number: u64) {
        let dropped = self.pacer.take_if(|pacer| !pacer.on_pong(now, number));
        if dropped.is_some() {
            self.paused_until = Some(now + DETECTION_PAUSE);
        }
    }

    /// Stops pacing until the next pong: its pong did not arrive in time.
    pub(in crate::bridge) fn on_pong_timeout(&mut self) {
        if let Some(pacer) = &mut self.pacer {
            pacer.on_timeout();
        }
    }

    /// Takes an acknowledgement of all output before `total`.
    ///
    /// # Errors
    /// `OutOfOrder` if that is ahead of the output sent. A repeated or late one is harmless.
    pub(in crate::bridge) fn ack(&mut self, total: u64, sent: u64) -> Result<(), SessionError> {
        if total > sent {
            let rule = "`ack` is ahead of the output that was sent";
            return Err(SessionError::OutOfOrder(rule));
        }
        self.acked = self.acked.max(total);
        Ok(())
    }

    /// Returns whether no more is unacknowledged than the window allows.
    pub(in crate::bridge) fn is_consistent(&self, sent: u64) -> bool {
        self.acked <= sent && self.window.is_none_or(|w| sent - self.acked <= w)
    }
}
