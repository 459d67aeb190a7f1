//! What the target's side brings: stages, questions, the start and the end of
//! the shell, and the account of relayed bytes.

use super::types::Question;
use super::{Action, Drain, Ending, Exit, Phase, SessionState};
use crate::bridge::timers::Timer;
use crate::config::IdleActivity;
use crate::error::{SessionError, Stage};
use crate::message::{KeyRecord, Prompt, ServerMessage};
use std::time::Instant;

impl SessionState {
    pub(super) fn ask_host_key(
        &mut self,
        now: Instant,
        algorithm: String,
        fingerprint: String,
        known: KeyRecord,
    ) {
        let id = self.open_question(now, Stage::HostKey);
        self.announce(Stage::HostKey);
        self.question = Some(Question::HostKey { id });
        self.send(ServerMessage::HostKey {
            id,
            algorithm,
            fingerprint,
            known,
        });
    }

    pub(super) fn ask(
        &mut self,
        now: Instant,
        name: String,
        instruction: String,
        prompts: Vec<Prompt>,
    ) {
        let id = self.open_question(now, Stage::Login);
        self.question = Some(Question::Prompts {
            id,
            count: prompts.len(),
        });
        self.send(ServerMessage::Prompt {
            id,
            name,
            instruction,
            prompts,
        });
    }

    fn open_question(&mut self, now: Instant, stage: Stage) -> u32 {
        self.phase = Phase::Connecting(stage);
        // A newer question replaces one nobody answered.
        self.resume_deadlines(now);
        self.suspend_deadlines(now);
        self.last_question = self.last_question.wrapping_add(1);
        self.last_question
    }

    pub(super) fn on_started(&mut self, now: Instant) {
        self.phase = Phase::Active;
        self.start_relaying(now);
        self.send(ServerMessage::Ready {
            session: self.id.clone(),
            input_window: self.input.window(),
        });
        if self.resized_early {
            self.actions.push_back(Action::Resize(self.size));
        }
        let early = std::mem::take(&mut self.early_input);
        self.pass_input(early.freeze());
    }

    pub(super) fn on_drain(&mut self, now: Instant, drain: Drain) {
        if self.drain.is_some() {
            return;
        }
        self.drain = Some(drain);
        self.timers.set(Timer::Drain, drain.deadline);
        let left = drain.deadline.saturating_duration_since(now);
        self.send(ServerMessage::Notice {
            kind: crate::message::NoticeKind::Drain,
            deadline_ms: Some(u64::try_from(left.as_millis()).unwrap_or(u64::MAX)),
            stage: None,
        });
    }

    /// Bytes of output that may be sent to the client now.
    pub fn output_budget(&self) -> usize {
        match self.phase {
            Phase::Active => {
                usize::try_from(self.output.budget(self.input.has_room())).unwrap_or(usize::MAX)
            }
            _ => 0,
        }
    }

    /// Whether little output is to wait here: the client reads slowly, or allows
    /// no more for now.
    pub fn is_held_back(&self) -> bool {
        self.phase == Phase::Active && (self.output.is_paced() || self.output.allowed() == 0)
    }

    /// `bytes` of output, within the budget, were handed to the WebSocket.
    pub fn note_output(&mut self, now: Instant, bytes: usize) {
        debug_assert!(bytes <= self.output_budget());
        self.output.note_sent(bytes as u64);
        if bytes > 0 {
            self.timers.clear(Timer::Hold);
        }
        match self.config.session.idle_activity {
            IdleActivity::Any => self.last_activity = now,
            IdleActivity::Input => {}
        }
        self.check_invariants();
    }

    /// Whether some input was not handed to the SSH side yet.
    pub fn input_waits(&self) -> bool {
        self.input.waits()
    }

    /// `total` bytes of input were handed to the SSH side so far.
    pub fn note_input_passed(&mut self, total: u64) {
        self.input.note_passed(total);
        self.check_invariants();
    }

    /// To be told at the end of each turn: output that waits (`pending`), and
    /// whether the WebSocket has bytes the client did not take (`blocked`),
    /// with its count of written bytes. Runs the hold and stall clocks, and
    /// ends the session once the remote side is done and all is delivered.
    pub fn settle(&mut self, now: Instant, pending: usize, blocked: bool, written: u64) {
        // In every phase: a client may stop reading before `ready`.
        self.run_stall_clock(now, blocked, written);
        if self.phase == Phase::Active {
            self.output.note_blocked(now, blocked, written);
            self.run_hold_clock(now, pending);
            if self.remote_done && pending == 0 && !blocked {
                self.finish(now);
            }
        }
        self.check_invariants();
    }

    fn run_hold_clock(&mut self, now: Instant, pending: usize) {
        if pending > 0 && self.output.allowed() == 0 {
            let hold = self.config.session.hold_timeout;
            self.timers.set_if_idle(Timer::Hold, now + hold);
        } else {
            self.timers.clear(Timer::Hold);
        }
    }

    fn run_stall_clock(&mut self, now: Instant, blocked: bool, written: u64) {
        if matches!(self.phase, Phase::Closing | Phase::Closed) {
            return;
        }
        if !blocked {
            self.timers.clear(Timer::Stall);
        } else if written != self.stall_mark || self.timers.get(Timer::Stall).is_none() {
            self.stall_mark = written;
            let stall = self.config.websocket.stall_timeout;
            self.timers.set(Timer::Stall, now + stall);
        }
    }

    /// Takes the exit of the process. A channel that was closed without an exit status or
    /// signal ended in order, too: many devices never send one.
    fn told_exit(&mut self) -> Option<Exit> {
        let unknown = (self.channel_closed && self.cause.is_none()).then(Exit::default);
        self.exit.take().or(unknown)
    }

    /// All output is delivered: the last text, then the close frame.
    fn finish(&mut self, now: Instant) {
        let Some(exit) = self.told_exit() else {
            let cause = self.cause.take().unwrap_or(SessionError::ConnectionLost);
            return self.fail(now, cause);
        };
        let Exit {
            status,
            signal,
            core_dumped,
            message,
        } = exit.clone();
        self.send(ServerMessage::Exit {
            status,
            signal,
            core_dumped,
            message,
        });
        self.end(now, Ending::Exited(exit));
    }
}
