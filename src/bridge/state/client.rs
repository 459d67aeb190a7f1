//! Handling of the client's messages, in every state.
//!
//! Guarantees that a message that contradicts the state ends the session. Does not parse messages
//! (`crate::message`), and sends nothing: it leaves actions and replies to the session.

use super::types::Question;
use super::{Lifecycle, Resources, SessionState};
use crate::error::SessionError;
use crate::message::{
    AuthRequest, BadMessage, ClientMessage, Dialect, Incoming, Secret, ServerMessage, WindowSize,
};
use bytes::Bytes;
use std::time::{Duration, Instant};

impl<R: Resources> SessionState<R> {
    /// Returns whether the client's next message may be read. While not, TCP holds the client back,
    /// and its pongs are not expected.
    pub fn can_read_message(&self) -> bool {
        !self.lifecycle.is_over() && self.uplink.has_room()
    }

    pub(super) fn on_message(&mut self, now: Instant, message: Incoming) {
        if let Some(attachment) = &mut self.attachment {
            attachment.note_alive();
        }
        match message {
            Incoming::Auth(request, early_input) => {
                self.on_auth(now, *request, &early_input);
            }
            Incoming::Input(bytes) => self.on_input(now, &bytes),
            Incoming::Control(message) => {
                if let Err(error) = self.on_control(now, message) {
                    self.fail(now, error);
                }
            }
            Incoming::Ignored => {}
        }
    }

    fn on_auth(&mut self, now: Instant, request: AuthRequest, early_input: &Bytes) {
        if !matches!(self.lifecycle, Lifecycle::Created(_)) {
            return self.fail(now, BadMessage::SecondAuth.into());
        }
        if self.drain.is_some_and(|drain| !drain.admit) {
            return self.fail(now, SessionError::Draining);
        }
        self.size = request.terminal.size;
        if let Some(attachment) = &mut self.attachment {
            attachment.flow.window = request.terminal.flow_window;
            attachment.progress_requested = request.progress;
        }
        self.uplink.push(early_input);
        let resources = &mut self.resources;
        self.lifecycle
            .connect(|permit| resources.connect(permit, request));
        self.start_connecting(now);
    }

    fn on_input(&mut self, now: Instant, bytes: &[u8]) {
        if !bytes.is_empty() {
            self.last_activity = now;
        }
        let is_early = !self.lifecycle.is_active();
        let dialect = self.attachment.as_ref().map(|client| client.dialect);
        if self.uplink.is_ended() {
            self.fail(now, SessionError::OutOfOrder("input came after `eof`"));
        } else if is_early && dialect == Some(Dialect::V1) {
            let rule = "binary messages are accepted after `ready`";
            self.fail(now, SessionError::OutOfOrder(rule));
        } else {
            self.uplink.push(bytes);
        }
    }

    fn on_control(&mut self, now: Instant, message: ClientMessage) -> Result<(), SessionError> {
        let Some(attachment) = &mut self.attachment else {
            return Ok(());
        };
        match message {
            ClientMessage::Answer { id, answers } => self.on_answers(now, id, answers)?,
            ClientMessage::HostKeyAnswer { id, accept } => {
                self.on_host_key_answer(now, id, accept)?;
            }
            ClientMessage::Resize(size) => self.on_resize(size),
            ClientMessage::Signal(signal) => {
                self.require_active("`signal` is accepted after `ready`")?;
                self.uplink.signal(signal);
            }
            ClientMessage::Eof => {
                self.require_active("`eof` is accepted after `ready`")?;
                self.uplink.push_eof();
            }
            ClientMessage::Close => self.end_by_client(now),
            ClientMessage::Ack { bytes } => attachment.flow.ack(bytes, self.sent)?,
            ClientMessage::Hold => attachment.flow.hold = true,
            ClientMessage::Release => attachment.flow.hold = false,
            // Those of the compatible dialect are not answered.
            ClientMessage::Ping { data } => {
                attachment.due_pong = (attachment.dialect == Dialect::V1).then_some(data);
            }
        }
        Ok(())
    }

    fn require_active(&self, rule: &'static str) -> Result<(), SessionError> {
        if self.lifecycle.is_active() {
            Ok(())
        } else {
            Err(SessionError::OutOfOrder(rule))
        }
    }

    fn on_resize(&mut self, size: WindowSize) {
        self.size = size;
        if let Some(connecting) = self.lifecycle.connecting_mut() {
            connecting.resized = true;
        } else if self.lifecycle.is_active() {
            self.uplink.resize(size);
        }
    }

    fn on_answers(
        &mut self,
        now: Instant,
        id: u32,
        answers: Vec<Secret>,
    ) -> Result<(), SessionError> {
        match self.lifecycle.question() {
            Some(Question::Prompts {
                id: open,
                count,
                answer,
            }) if *open == id => {
                if answers.len() != *count {
                    return Err(SessionError::OutOfOrder(
                        "`answer` must hold as many answers as there were prompts",
                    ));
                }
                // The receiver is gone only if the connection is, too.
                let _ = answer.try_send(answers);
                self.resume_deadlines(now);
                Ok(())
            }
            _ => self.refuse_answer(id, "`answer` names no open `prompt`"),
        }
    }

    fn on_host_key_answer(
        &mut self,
        now: Instant,
        id: u32,
        accept: bool,
    ) -> Result<(), SessionError> {
        match self.lifecycle.question() {
            Some(Question::HostKey { id: open, answer }) if *open == id => {
                let _ = answer.try_send(accept);
                self.resume_deadlines(now);
                Ok(())
            }
            _ => self.refuse_answer(id, "`host_key_answer` names no open `host_key`"),
        }
    }

    /// Refuses an answer, unless the question of its id was asked and is answered: a second click
    /// on a form's button sends its answer again.
    fn refuse_answer(&self, id: u32, rule: &'static str) -> Result<(), SessionError> {
        let open = self.lifecycle.question().map(Question::id);
        if (1..=self.questions).contains(&id) && open != Some(id) {
            return Ok(());
        }
        Err(SessionError::OutOfOrder(rule))
    }

    /// Takes the next reply to the client (`input_ack`, `pong`). Called only when the WebSocket has
    /// room, so that a client that does not read makes none pile up. `ssh_round_trip` is the latest
    /// one, for a `pong`.
    pub fn next_reply(&mut self, ssh_round_trip: Option<Duration>) -> Option<ServerMessage> {
        let attachment = self.attachment.as_mut()?;
        if attachment.dialect != Dialect::V1 || self.lifecycle.is_over() {
            return None;
        }
        if let Some(data) = attachment.due_pong.take() {
            let ssh_ms = ssh_round_trip;
            return Some(ServerMessage::Pong { data, ssh_ms });
        }
        let bytes = self.uplink.take_due_ack()?;
        self.check_invariants();
        Some(ServerMessage::InputAck { bytes })
    }
}
