//! State machine of a session. Events ([`SessionEvent`]) change what the session owns: its
//! [`Lifecycle`], its client ([`Attachment`]) and the input for the SSH server ([`Uplink`]).
//! LIFECYCLE.md draws the states.
//!
//! Guarantees one end per session, and the rules of `invariants.rs` after every call. Pure: no
//! socket, no clock, no task; `bridge::session` polls what the machine owns and passes the results
//! in.

mod client;
mod invariants;
mod lifecycle;
mod remote;
#[cfg(test)]
mod tests;
mod time;
mod types;

pub use lifecycle::{Active, Closing, Connecting, Created, Lifecycle, Resources};
pub use types::{Drain, Ending, SessionEvent};

use super::attachment::Attachment;
use super::timers::{Timer, Timers, millis};
use super::uplink::Uplink;
use crate::config::Config;
use crate::error::{SessionError, Stage};
use crate::message::{Exit, NoticeKind, ServerMessage, WindowSize};
use crate::ssh::SshEvent;
use std::sync::Arc;
use std::time::{Duration, Instant};

/// Time for the closing handshakes of both sides.
pub(super) const CLOSING_TIMEOUT: Duration = Duration::from_secs(2);

/// State of one session.
pub struct SessionState<R: Resources> {
    id: String,
    /// Configuration the session started with.
    config: Arc<Config>,
    pub(super) resources: R,
    /// State, with what it owns.
    pub(super) lifecycle: Lifecycle<R>,
    /// The client, while there is one.
    pub(super) attachment: Option<Attachment<R::Socket>>,
    /// Input for the SSH server.
    pub uplink: Uplink,
    /// Timers of the session; those of a client are in its attachment.
    pub(super) timers: Timers,
    /// Offset of the output sent to clients.
    sent: u64,
    /// Latest terminal size of the client.
    pub(super) size: WindowSize,
    /// Number of questions asked, and id of the latest.
    questions: u32,
    drain: Option<Drain>,
    last_activity: Instant,
}

impl<R: Resources> SessionState<R> {
    /// Returns the session of a completed upgrade. Its client's first text is `hello`.
    pub fn new(
        id: String,
        config: Arc<Config>,
        resources: R,
        created: Created<R::Permit, R::LoginSlot>,
        attachment: Attachment<R::Socket>,
        now: Instant,
    ) -> Self {
        let websocket = &config.websocket;
        let read_limit = websocket.read_limit.bytes() as u64;
        let mut state = Self {
            id,
            resources,
            lifecycle: Lifecycle::Created(created),
            attachment: Some(attachment),
            uplink: Uplink::new(websocket.read_buffer_size.bytes() as u64),
            timers: Timers::default(),
            sent: 0,
            size: WindowSize::default(),
            questions: 0,
            drain: None,
            last_activity: now,
            config,
        };
        let auth = state.config.session.auth_timeout;
        state.timers.set(Timer::Stage, now + auth);
        let ping = state.config.websocket.ping_interval;
        if let Some(attachment) = &mut state.attachment {
            attachment.start_pings(now, ping);
        }
        state.send(ServerMessage::hello(millis(auth), read_limit));
        state.check_invariants();
        state
    }

    /// Handles an event.
    pub fn handle(&mut self, now: Instant, event: SessionEvent) {
        if self.lifecycle.is_over() {
            // A decided outcome stands; only the end of the SSH connection still matters.
            if let SessionEvent::Ssh(SshEvent::Disconnected(_) | SshEvent::Misbehaved(_)) = event {
                self.drop_shell();
            }
            return;
        }
        match event {
            SessionEvent::Message(message) => self.on_message(now, message),
            SessionEvent::Failed(error) => self.fail(now, error),
            SessionEvent::ClientClosed | SessionEvent::ClientAway => self.end_by_client(now),
            SessionEvent::ClientGone => {
                let stage = self.lifecycle.stage();
                let error = SessionError::ClientGone;
                self.end(now, Ending::Failed { error, stage });
            }
            SessionEvent::Pong(number) => {
                if let Some(attachment) = &mut self.attachment {
                    attachment.on_pong(now, number);
                }
            }
            SessionEvent::Ssh(event) => self.on_ssh_event(now, event),
            SessionEvent::Drain(drain) => self.on_drain(now, drain),
        }
        self.check_invariants();
    }

    fn drop_shell(&mut self) {
        if let Lifecycle::Closing(closing) = &mut self.lifecycle {
            closing.shell = None;
        }
    }

    /// Starts relaying. Drops the shell if the session is no longer connecting.
    pub fn start(&mut self, now: Instant, shell: R::Shell) {
        self.resume_deadlines(now);
        let Some(resized) = self.lifecycle.start(shell) else {
            return;
        };
        self.start_relaying(now);
        self.send(ServerMessage::Ready {
            session: self.id.clone(),
            input_window: self.uplink.window(),
        });
        if resized {
            self.uplink.resize(self.size);
        }
        self.uplink.open();
        self.check_invariants();
    }

    /// Takes the client from a session whose shell runs: Active -> Detached. Reserved for session
    /// resume: nothing calls it yet.
    pub fn detach(&mut self) -> Option<Attachment<R::Socket>> {
        if !self.lifecycle.detach() {
            return None;
        }
        let attachment = self.attachment.take();
        self.check_invariants();
        attachment
    }

    /// Gives the session another client, which has received all output before `offset`: Detached ->
    /// Active. Reserved, like [`Self::detach`].
    ///
    /// # Errors
    /// The client, if the session is not detached. The caller closes it alone.
    pub fn attach(
        &mut self,
        now: Instant,
        mut attachment: Attachment<R::Socket>,
        offset: u64,
    ) -> Result<(), Box<Attachment<R::Socket>>> {
        if !self.lifecycle.attach() {
            return Err(Box::new(attachment));
        }
        attachment.start_pings(now, self.config.websocket.ping_interval);
        self.sent = offset;
        self.last_activity = now;
        self.attachment = Some(attachment);
        self.check_invariants();
        Ok(())
    }

    /// Offsets of input and output: bytes so far.
    pub fn bytes(&self) -> (u64, u64) {
        (self.uplink.received(), self.sent)
    }

    /// Closing -> Closed: both sides are closed, or the linger timer has fired.
    pub fn set_closed(&mut self) {
        self.lifecycle.finish();
        self.clear_timers();
    }

    /// Ends a session after a panic, without a look at its state.
    pub fn abort(&mut self) {
        self.lifecycle.abort();
        self.clear_timers();
    }

    fn clear_timers(&mut self) {
        self.timers = Timers::default();
        if let Some(attachment) = &mut self.attachment {
            attachment.timers = Timers::default();
        }
    }

    fn send(&mut self, message: ServerMessage) {
        if let Some(attachment) = &mut self.attachment {
            attachment.send(message);
        }
    }

    /// Sends the start of a stage to a client that requests it, unless it must not know.
    fn notify_stage(&mut self, stage: Stage) {
        let attachment = self.attachment.as_mut();
        let is_new = attachment.is_some_and(|attachment| attachment.note_stage(stage));
        let is_hidden = self.config.targets.uniform_errors && stage.is_before_login();
        if is_new && !is_hidden {
            self.send(ServerMessage::Notice {
                kind: NoticeKind::Stage,
                deadline_ms: None,
                stage: Some(stage.as_str()),
            });
        }
    }

    fn fail(&mut self, now: Instant, error: SessionError) {
        let stage = self.lifecycle.stage();
        let public = self.public_error(&error, stage);
        let class = public.class();
        self.send(ServerMessage::Error {
            code: class.reason.as_str(),
            stage: self.public_stage().as_str(),
            message: public.to_string(),
            retryable: class.retryable,
        });
        self.end(now, Ending::Failed { error, stage });
    }

    fn end_by_client(&mut self, now: Instant) {
        let stage = self.lifecycle.stage();
        self.end(now, Ending::ClientClosed { stage });
    }

    fn end(&mut self, now: Instant, ending: Ending) {
        self.lifecycle.close(ending);
        self.clear_timers();
        self.timers.set(Timer::Linger, now + CLOSING_TIMEOUT);
        self.uplink.drop_early();
    }

    /// Returns the close code and reason that the client gets.
    pub fn close_frame(&self, ending: &Ending) -> (u16, String) {
        match ending {
            Ending::Exited(exit) => (1000, exit_reason(exit)),
            Ending::ClientClosed { .. } => (1000, String::new()),
            Ending::Failed { error, stage } => {
                let public = self.public_error(error, *stage);
                (public.class().close_code, public.to_string())
            }
        }
    }

    /// Returns the error as the client may know it.
    fn public_error(&self, error: &SessionError, stage: Stage) -> SessionError {
        if self.config.targets.uniform_errors && error.class().hides_target(stage) {
            SessionError::Unreachable
        } else {
            error.clone()
        }
    }

    /// Returns the stage as the client may know it, whatever ended the session: with uniform errors
    /// a stage would reveal which targets exist.
    fn public_stage(&self) -> Stage {
        let stage = self.lifecycle.stage();
        if self.config.targets.uniform_errors && stage.is_before_login() {
            Stage::Connect
        } else {
            stage
        }
    }
}

/// Returns `exit=N` or `signal=NAME`; empty if the server reported neither.
fn exit_reason(exit: &Exit) -> String {
    match (exit.status, exit.signal) {
        (_, Some(signal)) => format!("signal={}", signal.as_str()),
        (Some(status), None) => format!("exit={status}"),
        (None, None) => String::new(),
    }
}
