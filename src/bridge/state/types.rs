//! What goes into the state machine, what comes out, and the small records it
//! keeps. No behaviour: who may do what when is in the files beside this one.

use crate::error::{SessionError, Stage, WsViolation};
use crate::message::{
    AuthRequest, ExitSignal, Incoming, KeyRecord, Prompt, Secret, ServerMessage, SignalName,
    WindowSize,
};
use bytes::Bytes;
use std::time::{Duration, Instant};

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
    /// The client answered a ping; the number this carried, if any.
    Pong(Option<u64>),
    /// The connection to the target entered a stage.
    Stage(Stage),
    /// The host key is to be confirmed.
    HostKeyQuestion {
        /// Key algorithm.
        algorithm: String,
        /// `SHA256:..`
        fingerprint: String,
        /// What is on record for the host.
        known: KeyRecord,
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
    /// The SSH server gave no terminal.
    NoTerminal,
    /// It refused the shell or command, after output had come.
    StartRefused,
    /// The channel is closed.
    ChannelClosed,
    /// The SSH connection is gone, and why.
    Disconnected(SessionError),
    /// The server drains; sessions end at the deadline.
    Drain(Drain),
    /// Someone wants the session to end.
    Kill(SessionError),
}

/// The server is on its way out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Drain {
    /// When sessions end at the latest.
    pub deadline: Instant,
    /// Whether connections that were accepted before may still log in: nobody
    /// else can serve them (a new process has only what it accepts itself).
    pub admit: bool,
}

/// What is to be done.
#[derive(Debug)]
pub enum Action {
    /// Tell the client.
    Send(ServerMessage),
    /// Ping the client, with this number.
    Ping(Option<u64>),
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
    ClientClosed {
        /// Where the session was.
        stage: Stage,
    },
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
pub(super) enum Question {
    HostKey { id: u32 },
    Prompts { id: u32, count: usize },
}

/// Deadlines that stand still while a human is asked.
#[derive(Debug, Default)]
pub(super) struct Suspended {
    pub(super) stage: Option<Duration>,
    pub(super) connection: Option<Duration>,
}

impl Exit {
    /// `exit=N` or `signal=NAME`; empty if the server told neither.
    pub(super) fn reason(&self) -> String {
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
