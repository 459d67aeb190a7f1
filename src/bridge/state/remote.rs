//! Handling of the target's side: stages, questions, the end of the shell; and the delivery of
//! output.

use super::lifecycle::RemoteEnd;
use super::types::Question;
use super::{Drain, Ending, Exit, Input, Resources, SessionState};
use crate::bridge::attachment::SocketState;
use crate::bridge::timers::{Timer, millis};
use crate::config::IdleActivity;
use crate::error::{SessionError, Stage};
use crate::message::{NoticeKind, ServerMessage};
use std::time::Instant;

impl<R: Resources> SessionState<R> {
    /// Takes stages, questions and banners of a connection attempt. Ignored in other states.
    pub(super) fn on_connecting(&mut self, now: Instant, input: Input) {
        if self.lifecycle.connecting_mut().is_none() {
            return;
        }
        match input {
            Input::Stage(stage) => {
                self.enter_stage(now, stage);
                self.notify_stage(stage);
            }
            Input::Banner(text) => self.send(ServerMessage::Banner { text }),
            Input::HostKeyQuestion {
                algorithm,
                fingerprint,
                known,
                answer,
            } => {
                let build = |id| Question::HostKey { id, answer };
                let id = self.open_question(now, Stage::HostKey, build);
                self.notify_stage(Stage::HostKey);
                self.send(ServerMessage::HostKey {
                    id,
                    algorithm,
                    fingerprint,
                    known,
                });
            }
            Input::Question {
                name,
                instruction,
                prompts,
                answer,
            } => {
                let count = prompts.len();
                let build = |id| Question::Prompts { id, count, answer };
                let id = self.open_question(now, Stage::Login, build);
                self.send(ServerMessage::Prompt {
                    id,
                    name,
                    instruction,
                    prompts,
                });
            }
            _ => {}
        }
    }

    /// Opens a question, in place of an unanswered one. Returns its id.
    fn open_question(
        &mut self,
        now: Instant,
        stage: Stage,
        question: impl FnOnce(u32) -> Question,
    ) -> u32 {
        self.resume_deadlines(now);
        self.suspend_deadlines(now);
        self.questions = self.questions.wrapping_add(1);
        if let Some(connecting) = self.lifecycle.connecting_mut() {
            connecting.stage = stage;
            connecting.question = Some(question(self.questions));
        }
        self.questions
    }

    /// Takes what is known of the end of the remote side. It counts once the session is active.
    pub(super) fn on_remote(&mut self, input: Input) {
        let Some(remote) = self.lifecycle.remote_mut() else {
            return;
        };
        match input {
            Input::Exit(exit) => remote.exit = Some(exit),
            Input::StartRefused => {
                remote.cause = Some(SessionError::StartRefused(
                    "the shell or command".to_owned(),
                ));
            }
            Input::ChannelClosed => remote.channel_closed = true,
            Input::Disconnected(cause) => {
                // A connection lost after the channel was closed is not the cause of the end.
                if !remote.channel_closed {
                    remote.cause.get_or_insert(cause);
                }
                remote.disconnected = true;
            }
            _ => {}
        }
    }

    pub(super) fn on_drain(&mut self, now: Instant, drain: Drain) {
        if self.drain.is_some() {
            return;
        }
        self.drain = Some(drain);
        self.timers.set(Timer::Drain, drain.deadline);
        let left = drain.deadline.saturating_duration_since(now);
        self.send(ServerMessage::Notice {
            kind: NoticeKind::Drain,
            deadline_ms: Some(millis(left)),
            stage: None,
        });
    }

    /// Returns the bytes of output that may be sent to the client now.
    pub fn output_budget(&self) -> usize {
        match &self.attachment {
            Some(attachment) if self.lifecycle.is_active() => {
                let budget = attachment.flow.budget(self.sent, self.uplink.has_room());
                usize::try_from(budget).unwrap_or(usize::MAX)
            }
            _ => 0,
        }
    }

    /// Returns whether the client is the bottleneck: it reads slowly, or its window is closed.
    pub fn is_client_limited(&self) -> bool {
        let attachment = self.attachment.as_ref();
        let flow = attachment.map(|attachment| &attachment.flow);
        let holds = flow.is_some_and(|flow| flow.is_paced() || flow.client_window(self.sent) == 0);
        self.lifecycle.is_active() && holds
    }

    /// Takes the offset up to which output was passed to the WebSocket, within the budget.
    pub fn note_output(&mut self, now: Instant, sent: u64) {
        debug_assert!(sent.saturating_sub(self.sent) <= self.output_budget() as u64);
        if sent > self.sent
            && let Some(attachment) = &mut self.attachment
        {
            attachment.timers.clear(Timer::Hold);
        }
        self.sent = sent;
        match self.config.session.idle_activity {
            IdleActivity::Any => self.last_activity = now,
            IdleActivity::Input => {}
        }
        self.check_invariants();
    }

    /// Ends a tick: takes the bytes of output that wait (`pending`) and the state of the client's
    /// socket. Updates the hold and stall timers, and ends the session once the remote side is done
    /// and all output is delivered.
    pub fn end_of_tick(&mut self, now: Instant, pending: usize, socket: SocketState) {
        if self.lifecycle.is_over() {
            return;
        }
        let is_active = self.lifecycle.is_active();
        let (sent, config) = (self.sent, &self.config);
        if let Some(attachment) = &mut self.attachment {
            // In every state: a client may stop reading before `ready`.
            attachment.update_stall_timer(now, socket, config.websocket.stall_timeout);
            if is_active {
                let flow = &mut attachment.flow;
                flow.detect_slow_reader(now, sent, socket.blocked, socket.written);
                attachment.update_hold_timer(now, sent, pending, config.session.hold_timeout);
            }
        }
        let remote = self.lifecycle.remote_mut();
        let is_done = remote.is_some_and(|remote| remote.is_done());
        if is_active && is_done && pending == 0 && !socket.blocked {
            self.finish(now);
        }
        self.check_invariants();
    }

    /// Ends the session: all output is delivered.
    fn finish(&mut self, now: Instant) {
        let remote = self.lifecycle.remote_mut();
        let exit = match remote.map(RemoteEnd::take_exit) {
            Some(Ok(exit)) => exit,
            Some(Err(cause)) => return self.fail(now, cause),
            None => return,
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
