//! The session's state machine: what happened goes in ([`Input`]), what is to
//! be done comes out ([`Action`]). Pure: no socket, no clock, no task; the
//! shell (`bridge::session`) does the doing. LIFECYCLE.md draws the states.

mod client;
mod flow;
mod remote;
#[cfg(test)]
mod tests;
mod time;

use super::timers::{Timer, Timers};
use crate::config::Config;
use crate::error::{SessionError, Stage, WsViolation};
use crate::message::{
    AuthRequest, Dialect, ExitSignal, Incoming, Prompt, Secret, ServerMessage, SignalName,
    WindowSize,
};
use bytes::Bytes;
use flow::{InputFlow, OutputFlow};
use std::collections::VecDeque;
use std::time::{Duration, Instant};

/// Input kept before the shell is up (compatible dialect).
const EARLY_INPUT: usize = 16 * 1024;
/// Banner text a server may send in one session.
const MAX_BANNER_BYTES: usize = 64 * 1024;
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

/// What happened.
#[derive(Debug)]
pub enum Input {
    /// The client sent a message.
    Message(Incoming),
    /// The client sent a message that does not decode or breaks RFC 6455.
    ClientError(SessionError),
    /// The client sent a close frame.
    ClientClosed,
    /// The WebSocket broke.
    ClientGone,
    /// The client answered a ping.
    Pong,
    /// The connection to the target entered a stage.
    Stage(Stage),
    /// The host key is to be confirmed.
    HostKeyQuestion {
        /// Key algorithm.
        algorithm: String,
        /// `SHA256:..`
        fingerprint: String,
    },
    /// A round of questions.
    Question {
        /// Title.
        name: String,
        /// May be empty.
        instruction: String,
        /// May be empty.
        prompts: Vec<Prompt>,
    },
    /// The SSH server's banner.
    Banner(String),
    /// The shell or command has started.
    Started,
    /// It could not be started.
    StartFailed(SessionError),
    /// The remote process told how it ended.
    Exit(Exit),
    /// The channel is closed.
    ChannelClosed,
    /// The SSH connection is gone.
    Disconnected,
    /// The server drains; sessions end at the deadline.
    Drain {
        /// When.
        deadline: Instant,
    },
    /// Someone wants the session to end.
    Kill(SessionError),
}

/// What is to be done.
#[derive(Debug)]
pub enum Action {
    /// Tell the client.
    Send(ServerMessage),
    /// Ping the client.
    Ping,
    /// Connect to the target and log in.
    Connect(Box<AuthRequest>),
    /// Answer the pending host-key question.
    AnswerHostKey(bool),
    /// Answer the pending questions.
    Answer(Vec<Secret>),
    /// Pass input on.
    Input(Bytes),
    /// Pass the end of input on.
    Eof,
    /// Pass the terminal's size on.
    Resize(WindowSize),
    /// Pass a signal on.
    Signal(SignalName),
    /// Close both sides. Comes once.
    End(Ending),
}

/// How the remote process ended, as far as the server told.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Exit {
    /// `exit-status`.
    pub status: Option<u32>,
    /// `exit-signal`.
    pub signal: Option<ExitSignal>,
    /// Whether a core was written.
    pub core_dumped: bool,
    /// The server's words.
    pub message: String,
}

/// How a session ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Ending {
    /// The remote process ended.
    Exited(Exit),
    /// The client closed.
    ClientClosed,
    /// Something else ended it.
    Failed {
        /// The cause.
        error: SessionError,
        /// Where.
        stage: Stage,
    },
}

/// The questions a client can be answering.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Question {
    HostKey { id: u32 },
    Prompts { id: u32, count: usize },
}

/// Deadlines that stand still while a human is asked.
#[derive(Debug, Default)]
struct Suspended {
    stage: Option<Duration>,
    connection: Option<Duration>,
}

/// What of the configuration the state machine goes by.
#[derive(Debug, Clone)]
struct Rules {
    auth_timeout: Duration,
    resolve_timeout: Duration,
    connect_timeout: Duration,
    handshake_timeout: Duration,
    login_timeout: Duration,
    prompt_timeout: Duration,
    connection_timeout: Duration,
    ping_interval: Duration,
    max_missed_pongs: u32,
    stall_timeout: Duration,
    hold_timeout: Duration,
    idle_timeout: Option<Duration>,
    max_lifetime: Option<Duration>,
    input_window: u64,
    read_limit: u64,
    uniform_errors: bool,
}

/// The state of one session.
#[derive(Debug)]
pub struct SessionState {
    id: String,
    dialect: Dialect,
    rules: Rules,
    phase: Phase,
    /// Public to the shell, which sleeps until the earliest.
    pub timers: Timers,
    actions: VecDeque<Action>,
    output: OutputFlow,
    input: InputFlow,
    early_input: VecDeque<Bytes>,
    eof: bool,
    /// Latest size the client told.
    size: WindowSize,
    resized_early: bool,
    question: Option<Question>,
    last_question: u32,
    suspended: Suspended,
    banner_bytes: usize,
    exit: Option<Exit>,
    /// No more output will come from the remote side.
    remote_done: bool,
    /// The SSH connection ended while the shell was being started.
    disconnected_early: bool,
    draining: bool,
    missed_pongs: u32,
    last_activity: Instant,
    /// Latest unanswered ping; older ones need no answer (as RFC 6455 5.5.3).
    owed_pong: Option<String>,
    /// Bytes the WebSocket had written when the stall clock was last set.
    stall_mark: u64,
}

impl SessionState {
    /// A session whose upgrade is just done. `hello` is its first action.
    pub fn new(id: String, dialect: Dialect, config: &Config, now: Instant) -> Self {
        let rules = Rules::from(config);
        let mut state = Self {
            id,
            dialect,
            phase: Phase::Created,
            timers: Timers::default(),
            actions: VecDeque::new(),
            output: OutputFlow::new(),
            input: InputFlow::new(rules.input_window),
            early_input: VecDeque::new(),
            eof: false,
            size: WindowSize::default(),
            resized_early: false,
            question: None,
            last_question: 0,
            suspended: Suspended::default(),
            banner_bytes: 0,
            exit: None,
            remote_done: false,
            disconnected_early: false,
            draining: false,
            missed_pongs: 0,
            last_activity: now,
            owed_pong: None,
            stall_mark: 0,
            rules,
        };
        let auth = state.rules.auth_timeout;
        state.timers.set(Timer::Stage, now + auth);
        if !state.rules.ping_interval.is_zero() {
            let ping = state.rules.ping_interval;
            state.timers.set(Timer::Ping, now + ping);
        }
        let hello = ServerMessage::hello(
            u64::try_from(auth.as_millis()).unwrap_or(u64::MAX),
            state.rules.read_limit,
        );
        state.send(hello);
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
            Input::ClientClosed => self.end(now, Ending::ClientClosed),
            Input::ClientGone => {
                let stage = self.stage();
                let error = SessionError::ClientGone;
                self.end(now, Ending::Failed { error, stage });
            }
            Input::Pong => self.missed_pongs = 0,
            Input::Stage(stage) => self.enter_stage(now, stage),
            Input::HostKeyQuestion {
                algorithm,
                fingerprint,
            } => self.ask_host_key(now, algorithm, fingerprint),
            Input::Question {
                name,
                instruction,
                prompts,
            } => self.ask(now, name, instruction, prompts),
            Input::Banner(text) => self.on_banner(now, text),
            Input::Started => self.on_started(now),
            Input::Exit(exit) => self.exit = Some(exit),
            Input::ChannelClosed => self.remote_done |= self.phase == Phase::Active,
            Input::Disconnected => self.on_disconnected(),
            Input::Drain { deadline } => self.on_drain(now, deadline),
        }
    }

    /// What to do next, oldest first.
    pub fn next_action(&mut self) -> Option<Action> {
        self.actions.pop_front()
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

    /// The terminal's size as the client last told it.
    pub fn window_size(&self) -> WindowSize {
        self.size
    }

    /// Total input and output bytes so far.
    pub fn bytes(&self) -> (u64, u64) {
        (self.input.received(), self.output.sent())
    }

    /// Both sides are closed, or may be dropped.
    pub fn set_closed(&mut self) {
        self.phase = Phase::Closed;
        self.timers.clear_all();
    }

    fn send(&mut self, message: ServerMessage) {
        if self.dialect == Dialect::V1 {
            self.actions.push_back(Action::Send(message));
        }
    }

    fn fail(&mut self, now: Instant, error: SessionError) {
        let stage = self.stage();
        let public = if self.rules.uniform_errors && error.hides_target() {
            SessionError::Unreachable
        } else {
            error.clone()
        };
        let verdict = public.verdict();
        self.send(ServerMessage::Error {
            code: verdict.word,
            stage: stage.as_str(),
            message: public.to_string(),
            retryable: verdict.retryable,
        });
        self.end(now, Ending::Failed { error, stage });
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
            Ending::ClientClosed => (1000, String::new()),
            Ending::Failed { error, .. } if self.rules.uniform_errors && error.hides_target() => {
                let public = SessionError::Unreachable;
                (public.verdict().close_code, public.to_string())
            }
            Ending::Failed { error, .. } => (error.verdict().close_code, error.to_string()),
        }
    }
}

impl Exit {
    /// `exit=N` or `signal=NAME`; empty if the server told neither.
    fn reason(&self) -> String {
        match (self.status, self.signal) {
            (_, Some(signal)) => format!("signal={}", signal.as_str()),
            (Some(status), None) => format!("exit={status}"),
            (None, None) => String::new(),
        }
    }
}

impl From<WsViolation> for Input {
    fn from(violation: WsViolation) -> Self {
        Self::ClientError(violation.into())
    }
}
