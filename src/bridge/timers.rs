//! All timers of a session in one small table of absolute times. Pure: it is
//! told the time and sleeps nowhere.

use std::time::{Duration, Instant};

/// What a session can be waiting for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(usize)]
pub enum Timer {
    /// Deadline of the present stage.
    Stage,
    /// `limits.connection_timeout`: from `auth` to `ready`.
    Connection,
    /// A human's answer.
    Prompt,
    /// Next WebSocket ping.
    Ping,
    /// The pong that the pacer of a slow client waits for.
    PacerPong,
    /// The client takes no bytes.
    Stall,
    /// The client holds output back.
    Hold,
    /// No input and no output.
    Idle,
    /// `session.max_lifetime`.
    Lifetime,
    /// The server's drain deadline.
    Drain,
    /// The closing handshake.
    Linger,
    /// While reads are stopped, input may need a reply from the server first.
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

/// The table.
#[derive(Debug, Default)]
pub struct Timers {
    deadlines: [Option<Instant>; Timer::ALL.len()],
}

impl Timers {
    fn slot(&mut self, timer: Timer) -> &mut Option<Instant> {
        #[expect(
            clippy::indexing_slicing,
            reason = "the array has a place for every timer"
        )]
        &mut self.deadlines[timer as usize]
    }

    /// Arms `timer` for `at`, in place of what it was armed for.
    pub fn set(&mut self, timer: Timer, at: Instant) {
        *self.slot(timer) = Some(at);
    }

    /// Disarms `timer`.
    pub fn clear(&mut self, timer: Timer) {
        *self.slot(timer) = None;
    }

    /// Disarms all.
    pub fn clear_all(&mut self) {
        *self = Self::default();
    }

    /// When `timer` fires, if armed.
    pub fn get(&self, timer: Timer) -> Option<Instant> {
        self.deadlines.get(timer as usize).copied().flatten()
    }

    /// Arms `timer` unless it runs already.
    pub fn set_if_idle(&mut self, timer: Timer, at: Instant) {
        self.slot(timer).get_or_insert(at);
    }

    /// Disarms `timer` and tells how much time it had left.
    pub fn suspend(&mut self, timer: Timer, now: Instant) -> Option<Duration> {
        let at = self.slot(timer).take()?;
        Some(at.saturating_duration_since(now))
    }

    /// Lets `timer` fire at `now` if it would within `slack`.
    pub fn bring_forward(&mut self, timer: Timer, now: Instant, slack: Duration) {
        if self.get(timer).is_some_and(|at| at <= now + slack) {
            self.set(timer, now);
        }
    }

    /// The earliest deadline.
    pub fn next(&self) -> Option<Instant> {
        self.deadlines.iter().flatten().min().copied()
    }

    /// Takes the earliest timer that is due at `now`.
    pub fn expired(&mut self, now: Instant) -> Option<Timer> {
        let due = Timer::ALL
            .into_iter()
            .filter_map(|timer| Some((self.get(timer)?, timer)))
            .filter(|(at, _)| *at <= now)
            .min_by_key(|(at, _)| *at)
            .map(|(_, timer)| timer)?;
        self.clear(due);
        Some(due)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_timer_has_its_own_place() {
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
    fn what_is_nearly_due_is_brought_forward() {
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
    fn a_suspended_timer_tells_its_rest() {
        let start = crate::clock::now();
        let mut timers = Timers::default();
        timers.set(Timer::Stage, start + Duration::from_secs(5));
        let left = timers.suspend(Timer::Stage, start + Duration::from_secs(2));
        assert_eq!(left, Some(Duration::from_secs(3)));
        assert_eq!(timers.get(Timer::Stage), None);
        assert_eq!(timers.suspend(Timer::Stage, start), None);
    }
}
