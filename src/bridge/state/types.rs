//! Inputs and outcomes of the state machine. No behaviour.

use crate::error::{SessionError, Stage, WsViolation};
use crate::message::{ExitSignal, Incoming, Secret};
use crate::ssh::SshEvent;
use async_channel::Sender;
use std::time::{Duration, Instant};

/// Input of the state machine.
#[derive(Debug)]
pub enum Input {
    /// Message of the client.
    Message(Incoming),
    /// Message of the client that does not decode or breaks RFC 6455.
    ClientError(SessionError),
    /// Close frame of the client: it ends the session.
    ClientClosed,
    /// Close frame with code 1001: the client's page was closed or left. Ends the session like
    /// [`Self::ClientClosed`], until sessions can be resumed.
    ClientAway,
    /// Loss of the WebSocket.
    ClientGone,
    /// Pong of the client, with the number it carries.
    Pong(Option<u64>),
    /// Event of the SSH side.
    Ssh(SshEvent),
    /// Failure of the connection attempt.
    StartFailed(SessionError),
    /// Start of a drain; sessions end at its deadline.
    Drain(Drain),
    /// Command to end the session.
    Kill(SessionError),
}

/// Drain of the server.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Drain {
    /// Time at which sessions end at the latest.
    pub deadline: Instant,
    /// Sessions accepted earlier may still log in. Nobody else can serve them: a new process has
    /// only the connections it accepts itself.
    pub admit: bool,
}

/// End of the remote process, as far as the server reported it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Exit {
    /// `exit-status`.
    pub status: Option<u32>,
    /// `exit-signal`.
    pub signal: Option<ExitSignal>,
    /// A core file was written.
    pub core_dumped: bool,
    /// Error message of the server.
    pub message: String,
}

/// Outcome of a session.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Ending {
    /// The remote process ended.
    Exited(Exit),
    /// The client closed.
    ClientClosed {
        /// Stage at the end.
        stage: Stage,
    },
    /// Any other cause.
    Failed {
        /// Cause of the end.
        error: SessionError,
        /// Stage at the end.
        stage: Stage,
    },
}

/// Open question, with the receiver of its answer.
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

/// Deadlines suspended while a question is open.
#[derive(Debug, Default)]
pub(super) struct Suspended {
    pub(super) stage: Option<Duration>,
    pub(super) connection: Option<Duration>,
}

impl Exit {
    /// Returns `exit=N` or `signal=NAME`; empty if the server reported neither.
    pub(super) fn reason(&self) -> String {
        match (self.status, self.signal) {
            (_, Some(signal)) => format!("signal={}", signal.as_str()),
            (Some(status), None) => format!("exit={status}"),
            (None, None) => String::new(),
        }
    }
}

impl Input {
    /// Returns whether the client is gone without having ended the session: its shell could be
    /// kept, once sessions can be resumed.
    pub fn is_client_loss(&self) -> bool {
        matches!(self, Self::ClientAway | Self::ClientGone)
    }
}

impl From<WsViolation> for Input {
    fn from(violation: WsViolation) -> Self {
        Self::ClientError(violation.into())
    }
}
