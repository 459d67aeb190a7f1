//! What the client says, in every phase.

use super::{Action, EARLY_INPUT, Phase, Question, SessionState};
use crate::error::SessionError;
use crate::message::{
    BadMessage, ClientMessage, Dialect, Incoming, Millis, Secret, ServerMessage, WindowSize,
};
use bytes::Bytes;
use std::time::{Duration, Instant};

impl SessionState {
    /// Whether the client's next message may be read. While not, TCP holds
    /// the client back, and its pong clock stands still.
    pub fn wants_message(&self) -> bool {
        match self.phase {
            Phase::Created | Phase::Connecting(_) => self.early_input.len() < EARLY_INPUT,
            Phase::Active => self.input.has_room(),
            Phase::Closing | Phase::Closed => false,
        }
    }

    pub(super) fn on_message(&mut self, now: Instant, message: Incoming) {
        self.missed_pongs = 0;
        match message {
            Incoming::Auth(..) if self.phase != Phase::Created => {
                self.fail(now, BadMessage::SecondAuth.into());
            }
            Incoming::Auth(request, rest) => {
                if self.drain.is_some_and(|drain| !drain.admit) {
                    return self.fail(now, SessionError::Draining);
                }
                self.size = request.terminal.size;
                self.output.set_window(request.terminal.flow_window);
                self.progress.set_wanted(request.progress);
                self.early_input.extend_from_slice(&rest);
                self.start_connecting(now);
                self.actions.push_back(Action::Connect(request));
            }
            Incoming::Input(bytes) => self.on_input(now, bytes),
            Incoming::Control(message) => {
                if let Err(error) = self.on_control(now, message) {
                    self.fail(now, error);
                }
            }
            Incoming::Ignored => {}
        }
    }

    fn on_input(&mut self, now: Instant, bytes: Bytes) {
        if !bytes.is_empty() {
            self.last_activity = now;
        }
        match (self.phase, self.dialect) {
            (Phase::Active, _) if self.eof => {
                self.fail(now, SessionError::OutOfOrder("input came after `eof`"));
            }
            (Phase::Active, _) => self.pass_input(bytes),
            (_, Dialect::Compatible) => self.early_input.extend_from_slice(&bytes),
            (_, Dialect::V1) => self.fail(
                now,
                SessionError::OutOfOrder("binary messages are accepted after `ready`"),
            ),
        }
    }

    pub(super) fn pass_input(&mut self, bytes: Bytes) {
        if !bytes.is_empty() {
            self.input.note_received(bytes.len() as u64);
            self.actions.push_back(Action::Input(bytes));
        }
    }

    fn on_control(&mut self, now: Instant, message: ClientMessage) -> Result<(), SessionError> {
        match message {
            ClientMessage::Answer { id, answers } => self.on_answers(now, id, answers)?,
            ClientMessage::HostKeyAnswer { id, accept } => {
                self.on_host_key_answer(now, id, accept)?;
            }
            ClientMessage::Resize(size) => self.on_resize(size),
            ClientMessage::Signal(signal) => {
                self.require_active("`signal` is accepted after `ready`")?;
                self.actions.push_back(Action::Signal(signal));
            }
            ClientMessage::Eof => {
                self.require_active("`eof` is accepted after `ready`")?;
                if !std::mem::replace(&mut self.eof, true) {
                    self.actions.push_back(Action::Eof);
                }
            }
            ClientMessage::Ack { bytes } => self.output.ack(bytes).map_err(|_| {
                SessionError::OutOfOrder("`ack` is ahead of the output that was sent")
            })?,
            ClientMessage::Hold => self.output.set_held(true),
            ClientMessage::Release => self.output.set_held(false),
            ClientMessage::Ping { data } => {
                if self.dialect == Dialect::V1 {
                    self.owed_pong = Some(data);
                }
            }
            ClientMessage::Close => self.end_by_client(now),
        }
        Ok(())
    }

    fn require_active(&self, rule: &'static str) -> Result<(), SessionError> {
        match self.phase {
            Phase::Active => Ok(()),
            _ => Err(SessionError::OutOfOrder(rule)),
        }
    }

    fn on_resize(&mut self, size: WindowSize) {
        self.size = size;
        if self.phase == Phase::Active {
            self.actions.push_back(Action::Resize(size));
        } else {
            self.resized_early = true;
        }
    }

    fn on_answers(
        &mut self,
        now: Instant,
        id: u32,
        answers: Vec<Secret>,
    ) -> Result<(), SessionError> {
        match self.question {
            Some(Question::Prompts { id: asked, count }) if asked == id => {
                if answers.len() != count {
                    return Err(SessionError::OutOfOrder(
                        "`answer` must hold as many answers as there were prompts",
                    ));
                }
                self.resume_deadlines(now);
                self.actions.push_back(Action::Answer(answers));
                Ok(())
            }
            _ if self.is_over(id) => Ok(()),
            _ => Err(SessionError::OutOfOrder("`answer` names no open `prompt`")),
        }
    }

    fn on_host_key_answer(
        &mut self,
        now: Instant,
        id: u32,
        accept: bool,
    ) -> Result<(), SessionError> {
        match self.question {
            Some(Question::HostKey { id: asked }) if asked == id => {
                self.resume_deadlines(now);
                self.actions.push_back(Action::AnswerHostKey(accept));
                Ok(())
            }
            _ if self.is_over(id) => Ok(()),
            _ => Err(SessionError::OutOfOrder(
                "`host_key_answer` names no open `host_key`",
            )),
        }
    }

    /// Returns whether the question of this id was asked and is answered: a second
    /// click on a form's button sends the same again.
    fn is_over(&self, id: u32) -> bool {
        let open = match self.question {
            Some(Question::HostKey { id } | Question::Prompts { id, .. }) => Some(id),
            None => None,
        };
        (1..=self.last_question).contains(&id) && open != Some(id)
    }

    /// Returns whether a `pong` is due.
    pub fn owes_pong(&self) -> bool {
        self.owed_pong.is_some()
    }

    /// The latest round trip to the SSH server, which the next `pong` tells.
    pub fn note_round_trip(&mut self, latest: Option<Duration>) {
        self.ssh_round_trip = latest.map(Millis);
    }

    /// The next short answer to the client (`input_ack`, `pong`), asked for
    /// only when the WebSocket can take it: a client that does not read makes
    /// none of them pile up.
    pub fn next_reply(&mut self) -> Option<ServerMessage> {
        if self.dialect != Dialect::V1 || matches!(self.phase, Phase::Closing | Phase::Closed) {
            return None;
        }
        if let Some(data) = self.owed_pong.take() {
            let ssh_ms = self.ssh_round_trip;
            return Some(ServerMessage::Pong { data, ssh_ms });
        }
        let bytes = self.input.due_ack()?;
        self.input.note_acked(bytes);
        self.check_invariants();
        Some(ServerMessage::InputAck { bytes })
    }
}
