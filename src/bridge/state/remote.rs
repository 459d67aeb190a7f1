//! Handling of the target's side: stages, questions, the end of the shell; and the delivery of
//! output.
//!
//! Guarantees that the end of the remote side is reported after all output. Holds no output
//! (`bridge/downlink/`), and sends nothing: it leaves actions to the session.

use super::lifecycle::RemoteEnd;
use super::types::Question;
use super::{Drain, Ending, Resources, SessionState};
use crate::bridge::attachment::SocketState;
use crate::bridge::timers::{Timer, millis};
use crate::config::IdleActivity;
use crate::error::{SessionError, Stage};
use crate::message::{NoticeKind, ServerMessage};
use crate::ssh::SshEvent;
use std::time::Instant;

impl<R: Resources> SessionState<R> {
    /// Handles an event of the SSH side. Stages, questions and banners are ignored except while
    /// connecting. The end of the remote side counts once the session is active.
    pub(super) fn on_ssh_event(&mut self, now: Instant, event: SshEvent) {
        match event {
            SshEvent::NoTerminal => self.send(ServerMessage::notice(NoticeKind::NoTerminal)),
            SshEvent::Misbehaved(rule) => {
                self.fail(now, SessionError::ServerMisbehaved(rule));
                self.drop_shell();
            }
            SshEvent::Exit(_)
            | SshEvent::StartRefused
            | SshEvent::ChannelClosed
            | SshEvent::Disconnected(_) => self.on_remote_end(event),
            _ if self.lifecycle.connecting_mut().is_none() => {}
            SshEvent::Stage(stage) => {
                self.enter_stage(now, stage);
                self.notify_stage(stage);
            }
            SshEvent::Banner(text) => self.send(ServerMessage::Banner { text }),
            SshEvent::HostKeyQuestion {
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
            SshEvent::Prompts {
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

    fn on_remote_end(&mut self, event: SshEvent) {
        let Some(remote) = self.lifecycle.remote_mut() else {
            return;
        };
        match event {
            SshEvent::Exit(exit) => remote.exit = Some(exit),
            SshEvent::StartRefused => {
                let name = "the shell or command".to_owned();
                remote.cause = Some(SessionError::StartRefused(name));
            }
            SshEvent::ChannelClosed => remote.channel_closed = true,
            SshEvent::Disconnected(cause) => {
                // A connection lost after the channel was closed is not the cause of the end.
                if !remote.channel_closed {
                    remote.cause.get_or_insert(cause);
                }
                remote.disconnected = true;
                // Output may wait for the client for long, and no reply can come any more.
                self.timers.clear(Timer::SshKeepalive);
            }
            _ => {}
        }
    }

    /// Returns whether the SSH connection is gone, though its output may still wait.
    pub fn is_disconnected(&mut self) -> bool {
        let remote = self.lifecycle.remote_mut();
        remote.is_some_and(|remote| remote.disconnected)
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
                flow.detect_slow_reader(now, socket.blocked, socket.written);
                attachment.update_hold_timer(now, sent, pending, config.session.hold_timeout);
            }
        }
        let is_done = self.lifecycle.remote_mut().is_some_and(|end| end.is_done());
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
        self.send(ServerMessage::Exit(exit.clone()));
        self.end(now, Ending::Exited(exit));
    }
}
