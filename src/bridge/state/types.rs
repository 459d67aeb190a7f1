//! Events and outcomes of the state machine. No behaviour.

use crate::error::{SessionError, Stage};
use crate::message::{Exit, Incoming, Secret};
use crate::ssh::SshEvent;
use async_channel::Sender;
use std::time::{Duration, Instant};

/// Event that the state machine handles.
#[derive(Debug)]
pub enum SessionEvent {
    /// Message of the client.
    Message(Incoming),
    /// Failure that ends the session: of the client's message, which does not decode or breaks RFC
    /// 6455, or of the connection attempt; or a command to end it.
    Failed(SessionError),
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
    /// Start of a drain; sessions end at its deadline.
    Drain(Drain),
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
pub(in crate::bridge) enum Question {
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
