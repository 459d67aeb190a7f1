//! What is sent to a shard: connections from its peers, words from the
//! control thread. Bounded; a letter that is not delivered closes what it
//! carries.

use super::placement::Reservation;
use socket2::Socket;
use std::net::SocketAddr;
use std::time::Instant;

/// Letters a shard may have unread. They are short-lived: a full box means
/// the shard is stuck, and its peers keep their connections.
const CAPACITY: usize = 1024;

/// An accepted connection of which no byte was read, and its place.
pub struct Handover {
    /// The client's socket, owned.
    pub socket: Socket,
    /// Its address.
    pub client: SocketAddr,
    /// Its place on a shard.
    pub reservation: Reservation,
}

/// A letter.
pub enum Mail {
    /// Serve this connection.
    Adopt(Handover),
    /// Take no new sessions; those you have end at the deadline.
    Drain {
        /// When.
        deadline: Instant,
    },
    /// End now.
    Stop,
}

/// The sending end; any thread.
pub type MailSender = async_channel::Sender<Mail>;
/// The receiving end; the shard's.
pub type MailReceiver = async_channel::Receiver<Mail>;

/// A shard's mailbox.
pub fn mailbox() -> (MailSender, MailReceiver) {
    async_channel::bounded(CAPACITY)
}
