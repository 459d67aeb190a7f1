//! A connection on the shard's reactor, TCP or Unix.
//!
//! Guarantees that a read or write that would block is tried again only after the kernel reports
//! the socket ready. Does not bound what a task reads per poll (`read_budget.rs`, `bulk.rs`).

use super::delayed_ack::DelayedAck;
use super::reactor::SocketRegistration;
use super::readiness::Direction;
use futures_lite::io::{AsyncRead, AsyncWrite};
use rustix::io::Errno;
use rustix::net::{RecvAncillaryBuffer, RecvFlags, SendAncillaryBuffer, SendFlags, Shutdown};
use socket2::Socket;
use std::cell::Cell;
use std::io::{self, IoSlice, IoSliceMut};
use std::pin::Pin;
use std::task::{Context, Poll, ready};

/// A connection. Holds no bytes: what is not read stays in the kernel.
pub struct Stream {
    // Before the socket: the entry goes first, then the descriptor.
    registration: SocketRegistration,
    socket: Socket,
    ack: Cell<DelayedAck>,
}

impl Stream {
    /// Takes a socket that is connected or connecting; it must have no duplicate. Belongs to the
    /// calling thread from then on.
    ///
    /// # Errors
    /// If the thread has no reactor, or the kernel no room to register it.
    pub fn new(socket: Socket) -> io::Result<Self> {
        Ok(Self {
            registration: SocketRegistration::new(&socket)?,
            socket,
            ack: Cell::default(),
        })
    }

    /// Takes the socket off this thread's reactor, so that another thread's can have it.
    pub fn into_socket(self) -> Socket {
        self.registration.deregister(&self.socket);
        self.socket
    }

    /// Coalesces reads: nothing is read before the end of the shard's coalescing interval, a
    /// millisecond at most, so that what comes meanwhile is read at once.
    ///
    /// # Errors
    /// If the kernel does not take it.
    pub fn coalesce(&self) -> io::Result<()> {
        self.registration.coalesce(&self.socket)
    }

    /// Bytes that have come and wait to be read.
    ///
    /// # Errors
    /// If the socket is none any more.
    pub fn unread(&self) -> io::Result<u64> {
        Ok(rustix::io::ioctl_fionread(&self.socket)?)
    }

    /// Receives when the socket is readable. `room`: size of the buffer, in bytes.
    fn poll_receive(
        &self,
        cx: &Context<'_>,
        room: usize,
        receive: impl FnMut(&Socket) -> rustix::io::Result<usize>,
    ) -> Poll<io::Result<usize>> {
        let readiness = self.registration.readiness();
        let Poll::Ready(received) = self.poll_io(cx, &readiness.read, receive) else {
            // The peer pauses: perhaps it waits for an acknowledgement.
            if self.update_ack(DelayedAck::is_due) {
                self.acknowledge();
            }
            return Poll::Pending;
        };
        let count = received?;
        self.update_ack(|ack| ack.note_received(count));
        if count > 0 && count < room {
            readiness.note_short_read();
        }
        Poll::Ready(Ok(count))
    }

    /// Sends when the socket takes something.
    fn poll_send(
        &self,
        cx: &Context<'_>,
        send: impl FnMut(&Socket) -> rustix::io::Result<usize>,
    ) -> Poll<io::Result<usize>> {
        let sent = ready!(self.poll_io(cx, &self.registration.readiness().write, send))?;
        self.update_ack(DelayedAck::note_sent);
        Poll::Ready(Ok(sent))
    }

    fn update_ack<T>(&self, update: impl FnOnce(&mut DelayedAck) -> T) -> T {
        let mut ack = self.ack.get();
        let result = update(&mut ack);
        self.ack.set(ack);
        result
    }

    /// Acknowledges what was received now, not with what is sent next or in 40 ms.
    pub fn acknowledge(&self) {
        // Holds for this once (tcp(7)). Of a connection that has ended there is nothing to tell.
        let _ = rustix::net::sockopt::set_tcp_quickack(&self.socket, true);
    }

    /// Calls `io` as often as `direction` is ready, until it does not block.
    fn poll_io(
        &self,
        cx: &Context<'_>,
        direction: &Direction,
        mut io: impl FnMut(&Socket) -> rustix::io::Result<usize>,
    ) -> Poll<io::Result<usize>> {
        loop {
            ready!(direction.poll_ready(cx));
            match io(&self.socket) {
                Ok(count) => return Poll::Ready(Ok(count)),
                Err(Errno::AGAIN) => {
                    direction.set_ready(false);
                    self.registration.rearm(&self.socket)?;
                }
                Err(Errno::INTR) => {}
                Err(error) => return Poll::Ready(Err(error.into())),
            }
        }
    }
}

const SEND: SendFlags = SendFlags::DONTWAIT.union(SendFlags::NOSIGNAL);
const RECEIVE: RecvFlags = RecvFlags::DONTWAIT;

impl AsyncRead for Stream {
    fn poll_read(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut [u8],
    ) -> Poll<io::Result<usize>> {
        self.poll_receive(cx, buf.len(), |socket| {
            Ok(rustix::net::recv(socket, &mut *buf, RECEIVE)?.0)
        })
    }

    fn poll_read_vectored(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &mut [IoSliceMut<'_>],
    ) -> Poll<io::Result<usize>> {
        let room = bufs.iter().map(|buf| buf.len()).sum();
        self.poll_receive(cx, room, |socket| {
            let mut control = RecvAncillaryBuffer::default();
            Ok(rustix::net::recvmsg(socket, bufs, &mut control, RECEIVE)?.bytes)
        })
    }
}

impl AsyncWrite for Stream {
    fn poll_write(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &[u8],
    ) -> Poll<io::Result<usize>> {
        self.poll_send(cx, |socket| rustix::net::send(socket, buf, SEND))
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        self.poll_send(cx, |socket| {
            rustix::net::sendmsg(socket, bufs, &mut SendAncillaryBuffer::default(), SEND)
        })
    }

    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    /// Ends our direction, at once. What the peer closed first is no error.
    fn poll_close(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        match rustix::net::shutdown(&self.socket, Shutdown::Write) {
            Ok(()) | Err(Errno::NOTCONN) => Poll::Ready(Ok(())),
            Err(error) => Poll::Ready(Err(error.into())),
        }
    }
}
