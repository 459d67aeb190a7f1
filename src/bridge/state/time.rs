//! Deadlines: which clock runs in which phase, and what follows when it ends.

use super::pace::PATIENCE;
use super::types::Suspended;
use super::{Action, Phase, SessionState};
use crate::bridge::timers::Timer;
use crate::config::Config;
use crate::error::{Deadline, PROMPT_DEADLINE, SessionError, Stage, WHOLE_DEADLINE};
use std::time::{Duration, Instant};

impl SessionState {
    pub(super) fn start_connecting(&mut self, now: Instant) {
        let whole = self.config.limits.connection_timeout;
        self.timers.set(Timer::Connection, now + whole);
        self.enter_stage(now, Stage::Resolve);
    }

    pub(super) fn enter_stage(&mut self, now: Instant, stage: Stage) {
        // A question that the way went past is void.
        self.resume_deadlines(now);
        self.phase = Phase::Connecting(stage);
        let (_, limit) = self.stage_deadline(stage);
        self.timers.set(Timer::Stage, now + limit);
    }

    /// The setting that bounds a stage, and its value.
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
            // Starting a shell is a few packets, like the key exchange.
            Stage::Handshake | Stage::HostKey | Stage::Shell | Stage::Relay => {
                ("ssh.handshake_timeout", ssh.handshake_timeout)
            }
        }
    }

    /// The end of a session whose deadline passed: which setting's it was.
    fn deadline(&self, timer: Timer) -> SessionError {
        let stage = self.stage();
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
        self.resume_deadlines(now);
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

    /// Time since `auth`, without that in which the user was asked something. Zero once the shell runs.
    pub fn time_to_shell(&self, now: Instant) -> Duration {
        let running = self.timers.get(Timer::Connection);
        let left = running.map(|at| at.saturating_duration_since(now));
        let whole = self.config.limits.connection_timeout;
        let left = left.or(self.suspended.connection).unwrap_or(whole);
        whole.saturating_sub(left)
    }

    /// A human is asked: machine time stands still.
    pub(super) fn suspend_deadlines(&mut self, now: Instant) {
        self.suspended = Suspended {
            stage: self.timers.suspend(Timer::Stage, now),
            connection: self.timers.suspend(Timer::Connection, now),
        };
        let answer = self.config.session.prompt_timeout;
        self.timers.set(Timer::Prompt, now + answer);
    }

    pub(super) fn resume_deadlines(&mut self, now: Instant) {
        self.question = None;
        self.timers.clear(Timer::Prompt);
        let Suspended { stage, connection } = std::mem::take(&mut self.suspended);
        for (timer, left) in [(Timer::Stage, stage), (Timer::Connection, connection)] {
            if let Some(left) = left {
                self.timers.set(timer, now + left);
            }
        }
    }

    /// A timer ended. The shell keeps [`Timer::CreditProbe`] and
    /// [`Timer::SshKeepalive`] for itself.
    pub fn on_timer(&mut self, now: Instant, timer: Timer) {
        match timer {
            Timer::Stage | Timer::Connection | Timer::Prompt => {
                self.fail(now, self.deadline(timer));
            }
            Timer::Ping => self.on_ping_due(now),
            Timer::Pace => self.output.on_pong_overdue(),
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
        let interval: Duration = self.config.websocket.ping_interval;
        self.timers.set(Timer::Ping, now + interval);
        let waits = [Timer::Stall, Timer::Pace];
        if waits
            .into_iter()
            .any(|timer| self.timers.get(timer).is_some())
        {
            // A ping would wait in the queue. The stall clock decides, or the pace.
            return;
        }
        if self.shows_pongs() {
            if self.missed_pongs >= self.config.websocket.max_missed_pongs {
                return self.fail(now, SessionError::NoPong);
            }
            self.missed_pongs += 1;
        }
        self.actions.push_back(Action::Ping(self.output.pinged()));
    }

    /// To be told before a ping is due while the client's messages are not read:
    /// `bytes` of them have come and wait.
    pub fn note_unread(&mut self, bytes: u64) {
        self.unread = Some(bytes);
    }

    /// Returns whether a pong to the latest ping would have been seen by now. While the
    /// client's messages are not read, its pong waits with them: where nothing
    /// waits, none has come. Where something does, TCP may hold back what would come
    /// behind it, and a missing pong proves nothing; a client that is gone acknowledges
    /// no ping then, and TCP ends the connection.
    fn shows_pongs(&mut self) -> bool {
        let unread = self.unread.take();
        let was_paused = std::mem::replace(&mut self.paused_at_ping, unread.is_some());
        match unread {
            None => self.wants_message(),
            Some(0) => was_paused,
            Some(_) => {
                self.missed_pongs = 0;
                false
            }
        }
    }

    pub(super) fn on_pong(&mut self, now: Instant, number: Option<u64>) {
        self.missed_pongs = 0;
        if let Some(number) = number {
            self.output.on_pong(now, number);
        }
        if self.output.pinged().is_none() {
            self.timers.clear(Timer::Pace);
        }
    }

    /// The number of a ping that must leave now, behind the output so far: for
    /// the pace of a slow client.
    pub fn next_pace_ping(&mut self, now: Instant) -> Option<u64> {
        if self.phase != Phase::Active {
            return None;
        }
        let number = self.output.next_ping(now)?;
        // One that reads nothing is to be noticed by the stall clock, which runs once TCP holds it back.
        let patience = PATIENCE.min(self.config.websocket.stall_timeout);
        self.timers.set(Timer::Pace, now + patience);
        Some(number)
    }

    /// Activity does not touch the timer; it is looked at when it ends.
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
