//! Restart without a refused connection: a new process takes the listening
//! sockets over from the old one, which goes on with the sessions it has.
//!
//! Two processes that bind one port with SO_REUSEPORT are not enough. Each
//! socket has a queue of its own of connections that the kernel has completed
//! and nobody has accepted. When the old process closes its sockets, what is
//! in their queues is reset, and so is what the kernel's hash still sends
//! there: every restart loses a few. Here the very sockets are passed
//! (SCM_RIGHTS, unix(7)): a passed socket is the same socket, with the same
//! queue, and lives as long as either process has it.
//!
//! The order, so that every socket is accepted from by someone at all times:
//!
//! ```text
//! new: connects to server.takeover
//! old: header, sockets             both processes have them; the old accepts
//! new: starts its shards, "ready"  both accept
//! old: its shards stop accepting, it gives the path up, "done"
//! new: listens at the path for the next one
//! old: drains; what its last accept yielded is served like any other
//! ```
//!
//! Until "ready" nothing has changed for the old process: should the new one
//! fail, it goes on. From "ready" on the new one needs the old no more.

mod giver;
mod taker;
mod wire;

pub use giver::{Giver, GiverHandle};
pub use taker::{Taken, take_over};

use socket2::Socket;
use std::io;
use std::path::PathBuf;
use std::time::Duration;

/// Longest wait for the other side's next word, but for "ready".
const ANSWER_TIMEOUT: Duration = Duration::from_secs(5);

/// Longest wait for the new process to start its shards.
const START_TIMEOUT: Duration = Duration::from_secs(30);

/// Why a takeover did not come about.
#[derive(Debug, thiserror::Error)]
pub enum TakeoverError {
    /// The path is in use for something else.
    #[error("{} is not a socket", .0.display())]
    NotASocket(PathBuf),
    /// The other side is not one of ours.
    #[error("the process there runs as user {0}; only the same user or root may take over")]
    Stranger(u32),
    /// The other side speaks another version, or something else.
    #[error("the process there does not speak this protocol: {0}")]
    Protocol(&'static str),
    /// What was passed is no listening TCP socket.
    #[error("a passed descriptor is not a listening TCP socket")]
    NotListening,
    /// A shard did not stop accepting.
    #[error("a shard does not answer")]
    Stuck,
    /// The system's word.
    #[error("{0}")]
    Io(#[from] io::Error),
}

/// Listening sockets, as they are passed.
#[derive(Debug, Default)]
pub struct Sockets {
    /// Of the public port.
    pub public: Vec<Socket>,
    /// Of the administrator's port.
    pub admin: Vec<Socket>,
}

/// A connected or listening socket that keeps the bounds of messages.
fn unix_socket() -> io::Result<Socket> {
    let kind = socket2::Type::SEQPACKET.cloexec();
    Socket::new(socket2::Domain::UNIX, kind, None)
}
