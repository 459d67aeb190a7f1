//! A listening socket on the shard's reactor.

use super::reactor::SocketRegistration;
use socket2::Socket;
use std::future::poll_fn;
use std::io;

/// A listening socket, which must not block. Others may have duplicates of it.
pub struct Listener {
    registration: SocketRegistration,
    socket: Socket,
}

impl Listener {
    /// Belongs to the calling thread from then on.
    ///
    /// # Errors
    /// If the thread has no reactor, or the kernel no room to register it.
    pub fn new(socket: Socket) -> io::Result<Self> {
        Ok(Self {
            registration: SocketRegistration::new(&socket)?,
            socket,
        })
    }

    /// The socket, to accept from until it would block.
    pub fn socket(&self) -> &Socket {
        &self.socket
    }

    /// Waits for a connection, after an accept that would have blocked.
    pub async fn wait(&self) {
        let read = &self.registration.readiness().read;
        read.set_ready(false);
        poll_fn(|cx| read.poll_ready(cx)).await;
    }
}

impl Drop for Listener {
    fn drop(&mut self) {
        self.registration.deregister(&self.socket);
    }
}
