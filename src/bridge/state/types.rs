//! Inputs of the state machine, and the small records it keeps. No behaviour: who may do what when is in the files
//! beside this one.

use crate::error::{SessionError, Stage, WsViolation};
use crate::message::{ExitSignal, Incoming, KeyRecord, Prompt, Secret};
use async_channel::Sender;
use std::time::{Duration, Instant};

/// What happened.
#[derive(Debug)]
pub enum Input {
    /// The client sent a message.
    Message(Incoming),
    /// The client sent a message that does not decode or breaks RFC 6455.
    ClientError(SessionError),
    /// The client ended the session: it sent a close frame.
    ClientClosed,
    /// The client went away (close code 1001): its page was closed, or left. Ends the session like
    /// [`Self::ClientClosed`], as long as none can be resumed.
    ClientAway,
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
        /// Takes the answer.
        answer: Sender<bool>,
    },
    /// A round of questions.
    Question {
        /// Title.
        name: String,
        /// May be empty.
        instruction: String,
        /// May be empty.
        prompts: Vec<Prompt>,
        /// Takes the answers, one for each prompt.
        answer: Sender<Vec<Secret>>,
    },
    /// The SSH server's banner.
    Banner(String),
    /// The shell or command could not be started.
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
    /// It was ended, because the server broke this rule.
    Misbehaved(&'static str),
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

/// Question that a client can be answering, and whom its answer is for.
#[derive(Debug)]
pub(super) enum Question {
    HostKey {
        id: u32,
        answer: Sender<bool>,
    },
    Prompts {
        id: u32,
        count: usize,
        answer: Sender<Vec<Secret>>,
    },
}

impl Question {
    pub(super) fn id(&self) -> u32 {
        match self {
            Self::HostKey { id, .. } | Self::Prompts { id, .. } => *id,
        }
    }
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

impl Input {
    /// Returns whether a client has gone and has not ended the session: its shell could run on, once sessions can be
    /// resumed.
    pub fn leaves_the_shell(&self) -> bool {
        matches!(self, Self::ClientAway | Self::ClientGone)
    }
}

impl From<WsViolation> for Input {
    fn from(violation: WsViolation) -> Self {
        Self::ClientError(violation.into())
    }
}
