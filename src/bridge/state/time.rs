//! Deadlines: the timers of each state, and the outcome of each.
//!
//! Does not read the clock: `now` is an argument. Does not wait: `session/sleeper.rs` does.

use super::types::Suspended;
use super::{Resources, SessionState};
use crate::bridge::timers::Timer;
use crate::config::Config;
use crate::error::{Deadline, PROMPT_DEADLINE, SessionError, Stage, WHOLE_DEADLINE};
use std::time::{Duration, Instant};

impl<R: Resources> SessionState<R> {
    pub(super) fn start_connecting(&mut self, now: Instant) {
        let whole = self.config.limits.connection_timeout;
        self.timers.set(Timer::Connection, now + whole);
        self.enter_stage(now, Stage::Resolve);
    }

    pub(super) fn enter_stage(&mut self, now: Instant, stage: Stage) {
        // An unanswered question of an earlier stage is void.
        self.resume_deadlines(now);
        if let Some(connecting) = self.lifecycle.connecting_mut() {
            connecting.stage = stage;
        }
        let (_, limit) = self.stage_deadline(stage);
        self.timers.set(Timer::Stage, now + limit);
    }

    /// Returns the setting that bounds a stage, and its value.
    fn stage_deadline(&self, stage: Stage) -> (&'static str, Duration) {
        let Config {
            session,
            targets,
            ssh,
            ..
        } = &*self.config;
        match stage {
            Stage::Upgrade | Stage::Auth => ("session.auth_timeout", session.auth_timeout),
            Stage::Resolve => ("targets.resolve_timeout", targets.resolve_timeout),
            Stage::Connect => ("ssh.connect_timeout", ssh.connect_timeout),
            Stage::Login => ("ssh.auth_timeout", ssh.auth_timeout),
            // Starting a shell takes a few packets, like the key exchange.
            Stage::Handshake | Stage::HostKey | Stage::Shell | Stage::Relay => {
                ("ssh.handshake_timeout", ssh.handshake_timeout)
            }
        }
    }

    /// Returns the error of a passed deadline, with its setting.
    fn deadline(&self, timer: Timer) -> SessionError {
        let stage = self.lifecycle.stage();
        let (setting, limit) = match timer {
            Timer::Connection => (WHOLE_DEADLINE, self.config.limits.connection_timeout),
            Timer::Prompt => (PROMPT_DEADLINE, self.config.session.prompt_timeout),
            _ => self.stage_deadline(stage),
        };
        SessionError::Deadline(Deadline {
            stage,
            setting,
            limit,
        })
    }

    pub(super) fn start_relaying(&mut self, now: Instant) {
        self.timers.clear(Timer::Stage);
        self.timers.clear(Timer::Connection);
        self.last_activity = now;
        for (timer, limit) in [
            (Timer::Idle, self.config.session.idle_timeout),
            (Timer::Lifetime, self.config.session.max_lifetime),
        ] {
            if let Some(limit) = limit {
                self.timers.set(timer, now + limit);
            }
        }
    }

    /// Returns the time since `auth` without that spent on questions. Zero once the shell runs.
    pub fn time_to_shell(&mut self, now: Instant) -> Duration {
        let running = self.timers.get(Timer::Connection);
        let left = running.map(|at| at.saturating_duration_since(now));
        let connecting = self.lifecycle.connecting_mut();
        let suspended = connecting.and_then(|connecting| connecting.suspended.connection);
        let whole = self.config.limits.connection_timeout;
        let left = left.or(suspended).unwrap_or(whole);
        whole.saturating_sub(left)
    }

    /// Suspends the stage's deadlines while the user answers.
    pub(super) fn suspend_deadlines(&mut self, now: Instant) {
        let suspended = Suspended {
            stage: self.timers.suspend(Timer::Stage, now),
            connection: self.timers.suspend(Timer::Connection, now),
        };
        if let Some(connecting) = self.lifecycle.connecting_mut() {
            connecting.suspended = suspended;
        }
        let answer = self.config.session.prompt_timeout;
        self.timers.set(Timer::Prompt, now + answer);
    }

    /// Resumes the stage's deadlines: the question is answered, or void.
    pub(super) fn resume_deadlines(&mut self, now: Instant) {
        let Some(connecting) = self.lifecycle.connecting_mut() else {
            return;
        };
        connecting.question = None;
        let Suspended { stage, connection } = std::mem::take(&mut connecting.suspended);
        self.timers.clear(Timer::Prompt);
        for (timer, left) in [(Timer::Stage, stage), (Timer::Connection, connection)] {
            if let Some(left) = left {
                self.timers.set(timer, now + left);
            }
        }
    }

    /// Earliest deadline of the session and its client.
    pub fn next_deadline(&self) -> Option<Instant> {
        let client = self.attachment.as_ref();
        let client = client.and_then(|client| client.timers.next());
        self.timers.next().into_iter().chain(client).min()
    }

    /// Takes the earliest timer that is due at `now`.
    pub fn expired(&mut self, now: Instant) -> Option<Timer> {
        let due = self.next_deadline().filter(|at| *at <= now)?;
        if self.timers.next() == Some(due) {
            return self.timers.expired(now);
        }
        self.attachment.as_mut()?.timers.expired(now)
    }

    /// Moves the deadline of `timer` to `now` if it is within `slack`.
    pub fn bring_forward(&mut self, timer: Timer, now: Instant, slack: Duration) {
        self.timers.bring_forward(timer, now, slack);
        if let Some(attachment) = &mut self.attachment {
            attachment.timers.bring_forward(timer, now, slack);
        }
    }

    /// Handles a timer that fired. [`Timer::CreditProbe`] and [`Timer::SshKeepalive`] are the
    /// session's own.
    pub fn on_timer(&mut self, now: Instant, timer: Timer) {
        match timer {
            Timer::Stage | Timer::Connection | Timer::Prompt => {
                self.fail(now, self.deadline(timer));
            }
            Timer::Ping => self.on_ping_due(now),
            Timer::PacerPong => {
                if let Some(attachment) = &mut self.attachment {
                    attachment.flow.on_pong_timeout();
                }
            }
            Timer::Stall => self.fail(now, SessionError::Stalled),
            Timer::Hold => self.fail(now, SessionError::HeldTooLong),
            Timer::Idle => self.on_idle_due(now),
            Timer::Lifetime => self.fail(now, SessionError::LifetimeOver),
            Timer::Drain => self.fail(now, SessionError::Draining),
            Timer::Linger => self.set_closed(),
            Timer::CreditProbe | Timer::SshKeepalive => {}
        }
        self.check_invariants();
    }

    fn on_ping_due(&mut self, now: Instant) {
        let (reading, websocket) = (self.can_read_message(), &self.config.websocket);
        let attachment = self.attachment.as_mut();
        let missed = attachment.map(|client| client.on_ping_due(now, websocket, reading));
        if let Some(Err(error)) = missed {
            self.fail(now, error);
        }
    }

    /// Returns the number of a ping that must be sent now, after the output so far: for the pacer
    /// of a slow client.
    pub fn next_pacer_ping(&mut self, now: Instant) -> Option<u64> {
        if !self.lifecycle.is_active() {
            return None;
        }
        let (sent, websocket) = (self.sent, &self.config.websocket);
        self.attachment
            .as_mut()?
            .next_pacer_ping(now, sent, websocket)
    }

    /// Activity does not move the timer; it is compared when the timer fires.
    fn on_idle_due(&mut self, now: Instant) {
        let Some(idle) = self.config.session.idle_timeout else {
            return;
        };
        let due = self.last_activity + idle;
        if due > now {
            self.timers.set(Timer::Idle, due);
        } else {
            self.fail(now, SessionError::Idle);
        }
    }
}
