//! The session's state machine: what happened goes in ([`Input`]), what is to
//! be done comes out ([`Action`]). Pure: no socket, no clock, no task; the
//! shell (`bridge::session`) does the doing. LIFECYCLE.md draws the states.

mod client;
mod flow;
mod invariants;
mod pace;
mod progress;
mod remote;
#[cfg(test)]
mod tests;
mod time;
mod types;

pub use types::{Action, Drain, Ending, Exit, Input};

use super::queue;
use super::timers::{Timer, Timers};
use crate::config::Config;
use crate::error::{SessionError, Stage};
use crate::message::{Dialect, Millis, NoticeKind, ServerMessage, WindowSize};
use bytes::BytesMut;
use flow::{InputFlow, OutputFlow};
use progress::Progress;
use std::collections::VecDeque;
use std::sync::Arc;
use std::time::{Duration, Instant};
use types::{Question, Suspended};

/// Input kept before the shell is up (compatible dialect).
const EARLY_INPUT: usize = 16 * 1024;
/// Name of what a server refused to start, for the error.
const SHELL: &str = "the shell or command";
/// Time for the closing handshakes of both sides.
const LINGER: Duration = Duration::from_secs(2);

/// Where a session is. (DETACHED is reserved for resuming: a session whose
/// attachment is gone and whose shell lives on.)
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Phase {
    /// Upgraded; waiting for `auth`.
    Created,
    /// On the way to the shell; the stage it is in.
    Connecting(Stage),
    /// The shell runs.
    Active,
    /// The verdict is out; both sides are being closed.
    Closing,
    /// Nothing is left to do.
    Closed,
}

/// The state of one session.
#[derive(Debug)]
pub struct SessionState {
    id: String,
    dialect: Dialect,
    /// As the session began with it.
    config: Arc<Config>,
    phase: Phase,
    /// Public to the shell, which sleeps until the earliest.
    pub timers: Timers,
    actions: VecDeque<Action>,
    output: OutputFlow,
    input: InputFlow,
    early_input: BytesMut,
    eof: bool,
    /// Latest size the client told.
    size: WindowSize,
    resized_early: bool,
    question: Option<Question>,
    last_question: u32,
    suspended: Suspended,
    exit: Option<Exit>,
    /// No more output will come from the remote side. A short command's end is
    /// known before its start is: it counts once the session is active.
    remote_done: bool,
    channel_closed: bool,
    /// Error that ends the session once its output is delivered, if the server does not
    /// report how the process ended.
    cause: Option<SessionError>,
    drain: Option<Drain>,
    missed_pongs: u32,
    /// Bytes of the client that wait unread, while its messages are not read.
    unread: Option<u64>,
    /// Reads of the client's messages were paused at the latest ping.
    paused_at_ping: bool,
    last_activity: Instant,
    /// Latest unanswered ping; older ones need no answer (as RFC 6455 5.5.3).
    owed_pong: Option<String>,
    /// Latest round trip to the SSH server.
    ssh_round_trip: Option<Millis>,
    progress: Progress,
    /// Bytes the WebSocket had written when the stall clock was last set.
    stall_mark: u64,
}

impl SessionState {
    /// A session whose upgrade is just done. `hello` is its first action.
    pub fn new(id: String, dialect: Dialect, config: Arc<Config>, now: Instant) -> Self {
        let websocket = &config.websocket;
        let read_limit = websocket.read_limit.bytes() as u64;
        let mut state = Self {
            id,
            dialect,
            phase: Phase::Created,
            timers: Timers::default(),
            actions: VecDeque::new(),
            output: OutputFlow::new(),
            input: InputFlow::new(websocket.read_buffer_size.bytes() as u64),
            early_input: BytesMut::new(),
            eof: false,
            size: WindowSize::default(),
            resized_early: false,
            question: None,
            last_question: 0,
            suspended: Suspended::default(),
            exit: None,
            remote_done: false,
            channel_closed: false,
            cause: None,
            drain: None,
            missed_pongs: 0,
            unread: None,
            paused_at_ping: false,
            last_activity: now,
            owed_pong: None,
            ssh_round_trip: None,
            progress: Progress::default(),
            stall_mark: 0,
            config,
        };
        let auth = state.config.session.auth_timeout;
        state.timers.set(Timer::Stage, now + auth);
        if !state.config.websocket.ping_interval.is_zero() {
            let ping = state.config.websocket.ping_interval;
            state.timers.set(Timer::Ping, now + ping);
        }
        let hello = ServerMessage::hello(
            u64::try_from(auth.as_millis()).unwrap_or(u64::MAX),
            read_limit,
        );
        state.send(hello);
        state.check_invariants();
        state
    }

    /// Takes what happened. [`Self::next_action`] tells what follows.
    pub fn handle(&mut self, now: Instant, input: Input) {
        if matches!(self.phase, Phase::Closing | Phase::Closed) {
            return;
        }
        match input {
            Input::Message(message) => self.on_message(now, message),
            Input::ClientError(error) | Input::Kill(error) | Input::StartFailed(error) => {
                self.fail(now, error);
            }
            Input::ClientClosed => self.end_by_client(now),
            Input::ClientGone => {
                let stage = self.stage();
                let error = SessionError::ClientGone;
                self.end(now, Ending::Failed { error, stage });
            }
            Input::Pong(number) => self.on_pong(now, number),
            // They mark the way to the shell and mean nothing off it.
            Input::Stage(_)
            | Input::HostKeyQuestion { .. }
            | Input::Question { .. }
            | Input::Banner(_)
            | Input::Started
                if !matches!(self.phase, Phase::Connecting(_)) => {}
            Input::Stage(stage) => {
                self.enter_stage(now, stage);
                self.announce(stage);
            }
            Input::HostKeyQuestion {
                algorithm,
                fingerprint,
                known,
            } => self.ask_host_key(now, algorithm, fingerprint, known),
            Input::Question {
                name,
                instruction,
                prompts,
            } => self.ask(now, name, instruction, prompts),
            Input::Banner(text) => self.send(ServerMessage::Banner { text }),
            Input::Started => self.on_started(now),
            Input::Exit(exit) => self.exit = Some(exit),
            Input::NoTerminal => self.send(ServerMessage::notice(NoticeKind::NoTerminal)),
            Input::StartRefused => {
                self.cause = Some(SessionError::StartRefused(SHELL.to_owned()));
            }
            Input::ChannelClosed => {
                self.channel_closed = true;
                self.remote_done = true;
            }
            Input::Disconnected(cause) => {
                // After the channel's end it is not what ended the session.
                if !self.channel_closed {
                    self.cause.get_or_insert(cause);
                }
                self.remote_done = true;
            }
            Input::Drain(drain) => self.on_drain(now, drain),
        }
        self.check_invariants();
    }

    /// What to do next, oldest first.
    pub fn next_action(&mut self) -> Option<Action> {
        queue::next(&mut self.actions)
    }

    /// The phase.
    pub fn phase(&self) -> Phase {
        self.phase
    }

    /// The stage errors are reported under.
    pub fn stage(&self) -> Stage {
        match self.phase {
            Phase::Created => Stage::Auth,
            Phase::Connecting(stage) => stage,
            Phase::Active | Phase::Closing | Phase::Closed => Stage::Relay,
        }
    }

    /// Returns whether the user is asked something, and has not answered.
    pub fn is_asking(&self) -> bool {
        self.question.is_some()
    }

    /// Returns whether the client has asked to be told how the way to the shell goes.
    pub fn wants_progress(&self) -> bool {
        self.progress.is_wanted()
    }

    /// The terminal's size as the client last told it.
    pub fn window_size(&self) -> WindowSize {
        self.size
    }

    /// Total input and output bytes so far.
    pub fn bytes(&self) -> (u64, u64) {
        (self.input.received(), self.output.sent())
    }

    /// Both sides are closed, or may be dropped. Checks no invariants: it also
    /// ends a session in which one was broken.
    pub fn set_closed(&mut self) {
        self.phase = Phase::Closed;
        self.timers.clear_all();
        self.question = None;
    }

    fn send(&mut self, message: ServerMessage) {
        if self.dialect == Dialect::V1 {
            self.actions.push_back(Action::Send(message));
        }
    }

    /// Tells a client that asked for it that a stage begins.
    fn announce(&mut self, stage: Stage) {
        let is_news = self.progress.note(stage);
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
        let stage = self.stage();
        let public = self.public_error(&error, self.stage());
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
        let stage = self.stage();
        self.end(now, Ending::ClientClosed { stage });
    }

    fn end(&mut self, now: Instant, ending: Ending) {
        self.phase = Phase::Closing;
        self.timers.clear_all();
        self.timers.set(Timer::Linger, now + LINGER);
        self.early_input.clear();
        self.question = None;
        self.actions.push_back(Action::End(ending));
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

    /// What the client may know of `error`.
    fn public_error(&self, error: &SessionError, stage: Stage) -> SessionError {
        if self.config.targets.uniform_errors && error.hides_target(stage) {
            SessionError::Unreachable
        } else {
            error.clone()
        }
    }

    /// What the client may know of the stage, whatever ends the session: how
    /// far the way to the target went tells what is there.
    fn public_stage(&self) -> Stage {
        let stage = self.stage();
        if self.config.targets.uniform_errors && stage.is_before_login() {
            Stage::Connect
        } else {
            stage
        }
    }
}
