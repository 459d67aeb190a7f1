//! Commands to a shard, from its peers and from the control thread, over one bounded channel per
//! shard. A command that is not delivered closes the socket it carries and drops its reply channel,
//! so that the sender always learns of it.

use super::placement::Reservation;
use crate::bridge::Drain;
use crate::registry::{RecordKey, SessionId};
use crate::ws::{ClientStream, TlsState};
use async_channel::Sender;
use bytes::Bytes;
use socket2::Socket;
use std::net::SocketAddr;

/// Commands a shard may have unread. They are short-lived: a full channel means that the shard is
/// stuck, and its peers keep their connections.
const CAPACITY: usize = 1024;

/// A connection on its way to another shard: a descriptor, which Drop closes, and its stage.
pub struct ConnectionTransfer {
    /// Socket of the client.
    pub socket: Socket,
    /// Stage the connection is in.
    pub stage: TransferStage,
    /// Address of the peer; once something was read, of the client that a proxy named.
    pub client: SocketAddr,
    /// Reservation on the shard that is to serve it.
    pub reservation: Reservation,
}

/// Stage of a connection that is transferred: always before its 101, while any shard can answer.
pub enum TransferStage {
    /// No byte was read.
    Accepted {
        /// True if a PROXY protocol header comes first.
        proxied: bool,
    },
    /// The request was read, or a part of it, and nothing was answered. Not made in production yet:
    /// it is for requests that name a session of another shard.
    Requested {
        /// Bytes read so far, decrypted.
        read: Bytes,
        /// State of the connection's TLS; `None` without TLS.
        tls: Option<TlsState>,
    },
}

impl ConnectionTransfer {
    /// Takes a connection off its shard: `read` was read of its request, and nothing answered.
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

/// A command to a shard. A reply that nobody waits for any more is dropped.
pub enum Command {
    /// Serve this connection.
    Adopt(ConnectionTransfer),
    /// List the sessions of the shard.
    Sessions {
        /// Takes the keys of their records.
        reply: Sender<Vec<RecordKey>>,
    },
    /// Look a session up.
    Session {
        /// Session id.
        id: SessionId,
        /// Takes the key of its record; `None` if the session is not here.
        reply: Sender<Option<RecordKey>>,
    },
    /// End a session (4412).
    Remove {
        /// Session id.
        id: SessionId,
        /// Takes true if the session is here.
        reply: Sender<bool>,
    },
    /// End a session that has not logged in: another connection was given its slot.
    Displace {
        /// Session id.
        id: SessionId,
    },
    /// Accept no more: another process accepts from the same sockets.
    StopAccepting {
        /// Takes the notice that the last accepted connection is placed.
        reply: Sender<()>,
    },
    /// Drain: sessions end at the deadline.
    Drain(Drain),
    /// End the sessions that are left now (1001): the drain is over.
    DrainOver,
    /// End the shard now.
    Stop,
}

/// Sending end of a shard's commands; for any thread.
pub type CommandSender = async_channel::Sender<Command>;
/// Receiving end of a shard's commands.
pub type CommandReceiver = async_channel::Receiver<Command>;

/// Makes the command channel of a shard.
pub fn command_channel() -> (CommandSender, CommandReceiver) {
    async_channel::bounded(CAPACITY)
}
