//! Table of all deadlines of a session. Pure: it takes the time as an argument and sleeps nowhere.

use std::time::{Duration, Instant};

/// Deadlines of a session. LIFECYCLE.md has their settings and states.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(usize)]
pub enum Timer {
    /// Deadline of the present stage.
    Stage,
    /// `limits.connection_timeout`: from `auth` to `ready`.
    Connection,
    /// Answer to a question.
    Prompt,
    /// Next WebSocket ping.
    Ping,
    /// Pong that the pacer of a slow client waits for.
    PacerPong,
    /// `websocket.stall_timeout`: the client takes no bytes.
    Stall,
    /// `session.hold_timeout`: the client holds output.
    Hold,
    /// `session.idle_timeout`.
    Idle,
    /// `session.max_lifetime`.
    Lifetime,
    /// The server's drain deadline.
    Drain,
    /// Closing handshake of both sides.
    Linger,
    /// Next probe: reads are stopped, and input may need a reply of the server first.
    CreditProbe,
    /// Next SSH keep-alive.
    SshKeepalive,
}

impl Timer {
    const ALL: [Self; 13] = [
        Self::Stage,
        Self::Connection,
        Self::Prompt,
        Self::Ping,
        Self::PacerPong,
        Self::Stall,
        Self::Hold,
        Self::Idle,
        Self::Lifetime,
        Self::Drain,
        Self::Linger,
        Self::CreditProbe,
        Self::SshKeepalive,
    ];
}

/// One optional deadline for each timer.
#[derive(Debug, Default)]
pub struct Timers {
    deadlines: [Option<Instant>; Timer::ALL.len()],
}

impl Timers {
    fn slot(&mut self, timer: Timer) -> &mut Option<Instant> {
        #[expect(
            clippy::indexing_slicing,
            reason = "the array has a slot for every timer"
        )]
        &mut self.deadlines[timer as usize]
    }

    /// Sets the deadline of `timer`, in place of an earlier one.
    pub fn set(&mut self, timer: Timer, at: Instant) {
        *self.slot(timer) = Some(at);
    }

    /// Stops `timer`.
    pub fn clear(&mut self, timer: Timer) {
        *self.slot(timer) = None;
    }

    /// Returns the deadline of `timer`, if it runs.
    pub fn get(&self, timer: Timer) -> Option<Instant> {
        self.deadlines.get(timer as usize).copied().flatten()
    }

    /// Starts `timer` unless it runs already.
    pub fn set_if_stopped(&mut self, timer: Timer, at: Instant) {
        self.slot(timer).get_or_insert(at);
    }

    /// Stops `timer` and returns the time it had left.
    pub fn suspend(&mut self, timer: Timer, now: Instant) -> Option<Duration> {
        let at = self.slot(timer).take()?;
        Some(at.saturating_duration_since(now))
    }

    /// Moves the deadline of `timer` to `now` if it is within `slack`.
    pub fn bring_forward(&mut self, timer: Timer, now: Instant, slack: Duration) {
        if self.get(timer).is_some_and(|at| at <= now + slack) {
            self.set(timer, now);
        }
    }

    /// Returns the earliest deadline.
    pub fn next(&self) -> Option<Instant> {
        self.deadlines.iter().flatten().min().copied()
    }

    /// Takes the earliest timer that is due at `now`.
    pub fn expired(&mut self, now: Instant) -> Option<Timer> {
        let due = self.next().filter(|at| *at <= now)?;
        let is_due = |timer: &Timer| self.get(*timer) == Some(due);
        let timer = Timer::ALL.into_iter().find(is_due)?;
        self.clear(timer);
        Some(timer)
    }
}

/// Returns a duration in milliseconds, as logs and messages carry it.
pub(super) fn millis(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_timer_has_its_own_slot() {
        for (index, timer) in Timer::ALL.into_iter().enumerate() {
            assert_eq!(timer as usize, index);
        }
    }

    #[test]
    fn the_earliest_due_timer_comes_first_and_once() {
        let start = crate::clock::now();
        let after = |s| start + Duration::from_secs(s);
        let mut timers = Timers::default();
        timers.set(Timer::Ping, after(3));
        timers.set(Timer::Stage, after(2));
        timers.set(Timer::Idle, after(9));
        assert_eq!(timers.next(), Some(after(2)));
        assert_eq!(timers.expired(after(1)), None);
        assert_eq!(timers.expired(after(3)), Some(Timer::Stage));
        assert_eq!(timers.expired(after(3)), Some(Timer::Ping));
        assert_eq!(timers.expired(after(3)), None);
        assert_eq!(timers.next(), Some(after(9)));
    }

    #[test]
    fn a_timer_due_within_the_slack_is_brought_forward() {
        let start = crate::clock::now();
        let (near, far) = (Duration::from_secs(2), Duration::from_secs(5));
        let mut timers = Timers::default();
        timers.set(Timer::Ping, start + near);
        timers.set(Timer::SshKeepalive, start + far);
        for timer in [Timer::Ping, Timer::SshKeepalive, Timer::Idle] {
            timers.bring_forward(timer, start, near);
        }
        assert_eq!(timers.get(Timer::Ping), Some(start));
        assert_eq!(timers.get(Timer::SshKeepalive), Some(start + far));
        assert_eq!(timers.get(Timer::Idle), None);
    }

    #[test]
    fn suspending_a_timer_returns_the_time_left() {
        let start = crate::clock::now();
        let mut timers = Timers::default();
        timers.set(Timer::Stage, start + Duration::from_secs(5));
        let left = timers.suspend(Timer::Stage, start + Duration::from_secs(2));
        assert_eq!(left, Some(Duration::from_secs(3)));
        assert_eq!(timers.get(Timer::Stage), None);
        assert_eq!(timers.suspend(Timer::Stage, start), None);
    }
}
