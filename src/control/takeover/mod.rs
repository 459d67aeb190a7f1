//! Restart without a refused connection: a new process takes the listening sockets over from the
//! old one, which goes on with the sessions it has. Sessions themselves are not handed over.
//!
//! Two processes that bind one port with SO_REUSEPORT are not enough. Each socket has its own queue
//! of connections that the kernel has completed and no process has accepted. When the old process
//! closes its sockets, their queues are reset, and so is what the kernel's hash still sends there:
//! every restart loses a few connections. Here the sockets themselves are passed (SCM_RIGHTS,
//! unix(7)): a passed socket is the same socket, with the same queue, and lives as long as either
//! process has it.
//!
//! The order, so that every socket is accepted from by someone at all times:
//!
//! ```text
//! new: connects to server.takeover
//! old: header, sockets             both processes have them; the old accepts
//! new: starts its shards, listens beside the path, "ready"    both accept
//! old: its shards stop accepting, "done"
//! new: renames its socket to the path, for the next process
//! old: drains; connections of its last accept are served like any other
//! ```
//!
//! Each process has one socket with two names: the path, while it is the newest, and
//! `PATH.INSTANCE` from its start to its exit, so that an old process can be found while it drains.
//! A process that has handed over says so there and closes the connection. If the process that took
//! over died before it renamed its socket to the path, the next one binds its own listeners. Names
//! that killed processes have left are removed by the next one.
//!
//! Until "ready" nothing has changed for the old process: if the new one fails, it goes on. What
//! can fail in the new one comes before "ready"; after it the new one does not depend on the old
//! one.

mod handover_server;
mod inherit;
mod wire;

pub use handover_server::{HandoverServer, HandoverState, SocketFiles};
pub use inherit::{InheritedSockets, check, take_over};
pub use wire::checked;

use socket2::Socket;
use std::fmt;
use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// Longest wait for the other side's next message, but for "ready".
const ANSWER_TIMEOUT: Duration = Duration::from_secs(5);

/// Longest wait for the new process to start its shards.
const START_TIMEOUT: Duration = Duration::from_secs(30);

/// Longest wait of the new process for "done". The old one waits for its shards meanwhile, for at
/// most [`ANSWER_TIMEOUT`].
const FINISH_TIMEOUT: Duration = Duration::from_secs(10);

const _: () = assert!(FINISH_TIMEOUT.as_secs() > ANSWER_TIMEOUT.as_secs());

/// Reason why a takeover failed.
#[derive(Debug, thiserror::Error)]
pub enum TakeoverError {
    /// The path is in use for something else.
    #[error("{} is not a socket", .0.display())]
    NotASocket(PathBuf),
    /// The name of an instance's socket is the path and 17 bytes more (unix(7)).
    #[error("{} is too long for a socket; at most 90 bytes", .0.display())]
    TooLong(PathBuf),
    /// No socket can be made there.
    #[error("no socket can be made in {}: {source}", .directory.display())]
    NoDirectory {
        /// Directory of the path.
        directory: PathBuf,
        /// Error of the system.
        source: io::Error,
    },
    /// The other side runs as another user.
    #[error(
        "the process at this socket runs as user {0}; only the same user or root may take over"
    )]
    OtherUser(u32),
    /// The other side speaks another version, or something else.
    #[error("the process at this socket does not speak this protocol: {0}")]
    Protocol(&'static str),
    /// A passed descriptor is no listening TCP socket.
    #[error("a passed descriptor is not a listening TCP socket")]
    NotListening,
    /// A shard did not stop accepting.
    #[error("a shard did not stop accepting in time")]
    Stuck,
    /// The old process waited too long for this one to start, and goes on.
    #[error(
        "the old process no longer waited when this one was ready, and goes on; start this one again"
    )]
    TooLate,
    /// The other process did not answer within the timeout of the socket.
    #[error(
        "the other process did not answer in time; it may be suspended, or busy with a third one"
    )]
    NoAnswer,
    /// Error of the system.
    #[error("{0}")]
    Io(io::Error),
}

impl From<io::Error> for TakeoverError {
    fn from(error: io::Error) -> Self {
        // The sockets block: that is their timeout (socket(7)).
        if error.kind() == io::ErrorKind::WouldBlock {
            return Self::NoAnswer;
        }
        Self::Io(error)
    }
}

impl TakeoverError {
    /// Returns whether another `server.takeover` would help.
    pub fn is_configuration(&self) -> bool {
        matches!(
            self,
            Self::NotASocket(_) | Self::TooLong(_) | Self::NoDirectory { .. }
        )
    }
}

/// Listening sockets that one process passes to the next.
#[derive(Debug, Default)]
pub struct SocketSet {
    /// Sockets of the public port.
    pub public: Vec<Socket>,
    /// Sockets of the admin port.
    pub admin: Vec<Socket>,
}

/// Returns `PATH.SUFFIX`.
fn beside(path: &Path, suffix: impl fmt::Display) -> PathBuf {
    let mut beside = path.as_os_str().to_owned();
    beside.push(format!(".{suffix}"));
    beside.into()
}

/// Makes a Unix socket that keeps the bounds of messages.
fn unix_socket() -> io::Result<Socket> {
    let kind = socket2::Type::SEQPACKET.cloexec();
    Socket::new(socket2::Domain::UNIX, kind, None)
}
