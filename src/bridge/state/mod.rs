//! The session's state machine: what happened goes in ([`Input`]), and changes what the session owns: its
//! [`Lifecycle`], its client ([`Attachment`]) and what is on the way to the SSH server ([`Uplink`]). Pure: no socket, no
//! clock, no task. `bridge::session` polls what the machine owns, and feeds it what comes of that. LIFECYCLE.md draws the
//! states.

mod client;
mod invariants;
mod lifecycle;
mod remote;
#[cfg(test)]
mod tests;
mod time;
mod types;

pub use lifecycle::{Active, Closing, Connecting, Created, Lifecycle, Resources};
pub use types::{Drain, Ending, Exit, Input};

use super::attachment::Attachment;
use super::timers::{Timer, Timers};
use super::uplink::Uplink;
use crate::config::Config;
use crate::error::{SessionError, Stage};
use crate::message::{NoticeKind, ServerMessage, WindowSize};
use std::sync::Arc;
use std::time::{Duration, Instant};

/// Name of what a server refused to start, for the error.
const SHELL: &str = "the shell or command";
/// Time for the closing handshakes of both sides.
pub(super) const CLOSING_TIMEOUT: Duration = Duration::from_secs(2);

/// The state of one session.
pub struct SessionState<R: Resources> {
    id: String,
    /// As the session began with it.
    config: Arc<Config>,
    pub(super) resources: R,
    /// The state, with what it owns.
    pub(super) lifecycle: Lifecycle<R>,
    /// The client, while there is one.
    pub(super) attachment: Option<Attachment<R::Socket>>,
    pub(super) uplink: Uplink,
    /// Those of the session; those of a client are its attachment's.
    pub(super) timers: Timers,
    /// Offset of the output that clients were sent.
    sent: u64,
    /// Latest size the client told.
    size: WindowSize,
    /// Questions asked so far; the number of the latest.
    questions: u32,
    drain: Option<Drain>,
    last_activity: Instant,
}

impl<R: Resources> SessionState<R> {
    /// A session whose upgrade is just done. `hello` is the first text of its client.
    pub fn new(
        id: String,
        config: Arc<Config>,
        resources: R,
        created: Created<R::Admission, R::LoginSlot>,
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
        let hello = ServerMessage::hello(
            u64::try_from(auth.as_millis()).unwrap_or(u64::MAX),
            read_limit,
        );
        state.send(hello);
        state.check_invariants();
        state
    }

    /// Takes what happened.
    pub fn handle(&mut self, now: Instant, input: Input) {
        if self.lifecycle.is_over() {
            return self.handle_closing(&input);
        }
        match input {
            Input::Message(message) => self.on_message(now, message),
            Input::ClientError(error) | Input::Kill(error) | Input::StartFailed(error) => {
                self.fail(now, error);
            }
            Input::ClientClosed | Input::ClientAway => self.end_by_client(now),
            Input::ClientGone => {
                let stage = self.lifecycle.stage();
                let error = SessionError::ClientGone;
                self.end(now, Ending::Failed { error, stage });
            }
            Input::Pong(number) => {
                if let Some(attachment) = &mut self.attachment {
                    attachment.on_pong(now, number);
                }
            }
            Input::Stage(_)
            | Input::Banner(_)
            | Input::HostKeyQuestion { .. }
            | Input::Question { .. } => self.on_way(now, input),
            Input::NoTerminal => self.send(ServerMessage::notice(NoticeKind::NoTerminal)),
            Input::Exit(_)
            | Input::StartRefused
            | Input::ChannelClosed
            | Input::Disconnected(_) => self.on_remote(input),
            Input::Misbehaved(rule) => {
                self.fail(now, SessionError::ServerMisbehaved(rule));
                self.drop_shell();
            }
            Input::Drain(drain) => self.on_drain(now, drain),
        }
        self.check_invariants();
    }

    /// Of a session whose verdict is out, only the end of the SSH connection is of interest.
    fn handle_closing(&mut self, input: &Input) {
        if let Input::Disconnected(_) | Input::Misbehaved(_) = input {
            self.drop_shell();
        }
    }

    fn drop_shell(&mut self) {
        if let Lifecycle::Closing(closing) = &mut self.lifecycle {
            closing.shell = None;
        }
    }

    /// The shell runs. Dropped if the session is not on the way to it any more.
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

    /// Takes the client away from a session whose shell runs, and lets it run on without: Active -> Detached. Nothing
    /// calls it yet: sessions cannot be resumed.
    pub fn detach(&mut self) -> Option<Attachment<R::Socket>> {
        if !self.lifecycle.detach() {
            return None;
        }
        let attachment = self.attachment.take();
        self.check_invariants();
        attachment
    }

    /// Gives the session another client, which has all output before `offset`: Detached -> Active. Gives it back if the
    /// session is not without one.
    ///
    /// # Errors
    /// The client. The caller closes it alone.
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

    /// The state, with what it owns.
    pub fn lifecycle(&self) -> &Lifecycle<R> {
        &self.lifecycle
    }

    /// Input on its way to the SSH server.
    pub fn uplink_mut(&mut self) -> &mut Uplink {
        &mut self.uplink
    }

    /// Returns whether the user is asked something, and has not answered.
    pub fn is_asking(&self) -> bool {
        self.lifecycle.question().is_some()
    }

    /// Returns whether the client has asked to be told how the way to the shell goes.
    pub fn wants_progress(&self) -> bool {
        self.attachment
            .as_ref()
            .is_some_and(Attachment::wants_progress)
    }

    /// The terminal's size as the client last told it.
    pub fn window_size(&self) -> WindowSize {
        self.size
    }

    /// Offsets of input and output: bytes so far.
    pub fn bytes(&self) -> (u64, u64) {
        (self.uplink.received(), self.sent)
    }

    /// Both sides are closed, or may be dropped.
    pub fn set_closed(&mut self) {
        self.lifecycle.finish();
        self.clear_timers();
    }

    /// Ends a session in which something was broken, and trusts nothing of it.
    pub fn abort(&mut self) {
        self.lifecycle.abort();
        self.clear_timers();
    }

    fn clear_timers(&mut self) {
        self.timers.clear_all();
        if let Some(attachment) = &mut self.attachment {
            attachment.timers.clear_all();
        }
    }

    fn send(&mut self, message: ServerMessage) {
        if let Some(attachment) = &mut self.attachment {
            attachment.send(message);
        }
    }

    /// Tells a client that asked for it that a stage begins.
    fn announce(&mut self, stage: Stage) {
        let attachment = self.attachment.as_mut();
        let is_news = attachment.is_some_and(|attachment| attachment.note_stage(stage));
        let is_hidden = self.config.targets.uniform_errors && stage.is_before_login();
        if is_news && !is_hidden {
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
        let verdict = public.verdict();
        self.send(ServerMessage::Error {
            code: verdict.reason.as_str(),
            stage: self.public_stage().as_str(),
            message: public.to_string(),
            retryable: verdict.retryable,
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

    /// The public face of an ending: close code and reason.
    pub fn close_frame(&self, ending: &Ending) -> (u16, String) {
        match ending {
            Ending::Exited(exit) => (1000, exit.reason()),
            Ending::ClientClosed { .. } => (1000, String::new()),
            Ending::Failed { error, stage } => {
                let public = self.public_error(error, *stage);
                (public.verdict().close_code, public.to_string())
            }
        }
    }

    /// The part of `error` that the client may know.
    fn public_error(&self, error: &SessionError, stage: Stage) -> SessionError {
        if self.config.targets.uniform_errors && error.verdict().hides_target(stage) {
            SessionError::Unreachable
        } else {
            error.clone()
        }
    }

    /// The stage as the client may know it, whatever ends the session: how
    /// far the way to the target went tells what is there.
    fn public_stage(&self) -> Stage {
        let stage = self.lifecycle.stage();
        if self.config.targets.uniform_errors && stage.is_before_login() {
            Stage::Connect
        } else {
            stage
        }
    }
}
