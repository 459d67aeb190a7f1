//! Messages to a shard: connections from its peers, questions and commands
//! from the control thread. Bounded; a message that is not delivered closes
//! what it carries.

use super::placement::Reservation;
use crate::bridge::Drain;
use crate::registry::{RecordKey, SessionId};
use crate::ws::{ClientStream, TlsState};
use async_channel::Sender;
use bytes::Bytes;
use socket2::Socket;
use std::net::SocketAddr;

/// Messages a shard may have unread. They are short-lived: a full command channel means
/// the shard is stuck, and its peers keep their connections.
const CAPACITY: usize = 1024;

/// A connection that changes its shard: a descriptor, which Drop closes, and the stage it is in.
pub struct ConnectionTransfer {
    /// The client's socket, owned.
    pub socket: Socket,
    /// Progress so far.
    pub stage: TransferStage,
    /// Address of the peer; once something was read, of the client that a proxy has named.
    pub client: SocketAddr,
    /// Its place on a shard.
    pub reservation: Reservation,
}

/// Progress of a connection that is handed over. Always before its 101, while any shard can answer.
pub enum TransferStage {
    /// No byte was read.
    Accepted {
        /// True if it begins with a PROXY protocol header.
        proxied: bool,
    },
    /// The request was read, or a part of it, and nothing was answered. Never made in production yet:
    /// it is for requests that name a session of another shard. Without TLS it is as good for
    /// another process.
    Requested {
        /// Bytes read, decrypted.
        read: Bytes,
        /// TLS state, if there is TLS.
        tls: Option<TlsState>,
    },
}

impl ConnectionTransfer {
    /// Takes a connection off its shard whose request was read as far as `read`, and not answered.
    pub fn requested(
        stream: ClientStream,
        read: &[u8],
        client: SocketAddr,
        reservation: Reservation,
    ) -> Self {
        let (socket, unread, tls) = stream.into_parts();
        let read = [read, &unread].concat().into();
        Self {
            socket,
            stage: TransferStage::Requested { read, tls },
            client,
            reservation,
        }
    }
}

/// A letter. An answer that nobody waits for any more is dropped.
pub enum Command {
    /// Serve this connection.
    Adopt(ConnectionTransfer),
    /// Where are the records of your sessions?
    Sessions {
        /// Takes the answer.
        reply: Sender<Vec<RecordKey>>,
    },
    /// Where is the record of this session?
    Session {
        /// Session id.
        id: SessionId,
        /// Takes the answer; `None` if the session is not here.
        reply: Sender<Option<RecordKey>>,
    },
    /// End this session (4412).
    Remove {
        /// Session id.
        id: SessionId,
        /// Takes whether the session is here.
        reply: Sender<bool>,
    },
    /// End this session, if it has not logged in: another client's connection has its place.
    Displace {
        /// Session id.
        id: SessionId,
    },
    /// Accept no more: someone else does, from the same sockets.
    StopAccepting {
        /// Is told when the last accepted connection has its place.
        reply: Sender<()>,
    },
    /// Sessions end at the deadline.
    Drain(Drain),
    /// No session is waited for any more: those that are left end now (1001).
    DrainOver,
    /// End now.
    Stop,
}

/// The sending end; any thread.
pub type CommandSender = async_channel::Sender<Command>;
/// The receiving end; the shard's.
pub type CommandReceiver = async_channel::Receiver<Command>;

/// A shard's command channel.
pub fn command_channel() -> (CommandSender, CommandReceiver) {
    async_channel::bounded(CAPACITY)
}
