//! A TCP connection on the shard's reactor.

use super::reactor::Registration;
use futures_lite::io::{AsyncRead, AsyncWrite};
use rustix::io::Errno;
use rustix::net::{RecvFlags, SendFlags, Shutdown};
use socket2::Socket;
use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

/// A TCP connection. Holds no bytes: what is not read stays in the kernel.
pub struct TcpStream {
    // Before the socket: the place goes first, then the descriptor.
    registration: Registration,
    socket: Socket,
}

impl TcpStream {
    /// Takes a socket that is connected or connecting; it must have no
    /// duplicate. Belongs to the calling thread from then on.
    ///
    /// # Errors
    /// If the thread has no reactor, or the kernel no room to watch it.
    pub fn new(socket: Socket) -> io::Result<Self> {
        Ok(Self {
            registration: Registration::new(&socket)?,
            socket,
        })
    }
}

impl AsyncRead for TcpStream {
    fn poll_read(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut [u8],
    ) -> Poll<io::Result<usize>> {
        let readiness = self.registration.readiness();
        loop {
            ready!(readiness.read.poll_ready(cx));
            match rustix::net::recv(&self.socket, &mut *buf, RecvFlags::DONTWAIT) {
                Ok((count, _)) => {
                    // Fewer than asked for: there are no more (epoll(7)).
                    if count > 0 && count < buf.len() {
                        readiness.note_drained();
                    }
                    return Poll::Ready(Ok(count));
                }
                Err(Errno::AGAIN) => readiness.read.set_ready(false),
                Err(Errno::INTR) => {}
                Err(error) => return Poll::Ready(Err(error.into())),
            }
        }
    }
}

impl AsyncWrite for TcpStream {
    fn poll_write(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &[u8],
    ) -> Poll<io::Result<usize>> {
        let readiness = self.registration.readiness();
        let flags = SendFlags::DONTWAIT | SendFlags::NOSIGNAL;
        loop {
            ready!(readiness.write.poll_ready(cx));
            match rustix::net::send(&self.socket, buf, flags) {
                Ok(count) => return Poll::Ready(Ok(count)),
                Err(Errno::AGAIN) => readiness.write.set_ready(false),
                Err(Errno::INTR) => {}
                Err(error) => return Poll::Ready(Err(error.into())),
            }
        }
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
