//! The client's socket, below TLS and HTTP, with a count of written bytes (the only sign that a
//! slow client takes anything at all) and the read budget of each poll, below every parser.

use crate::runtime::{ReadBudget, Stream};
use bytes::Bytes;
use futures_lite::io::{AsyncRead, AsyncWrite};
use socket2::Socket;
use std::io::{self, IoSlice};
use std::pin::Pin;
use std::task::{Context, Poll, ready};

/// A socket of the shard that counts. Has no deadlines: the session owns all timeouts.
pub struct CountingSocket {
    socket: Stream,
    /// Bytes the kernel took so far; with TLS, those on the wire.
    pub(super) written: u64,
    /// Budget for processing the client's input.
    pub(super) budget: ReadBudget,
    /// Bytes that were read and given back; only the handshake does that.
    ahead: Bytes,
}

impl CountingSocket {
    /// Wraps `socket`.
    pub fn new(socket: Stream) -> Self {
        Self {
            socket,
            written: 0,
            budget: ReadBudget::default(),
            ahead: Bytes::new(),
        }
    }

    /// Gives back bytes for the next reader.
    pub fn unread(&mut self, mut bytes: Vec<u8>) {
        bytes.extend_from_slice(&self.ahead);
        self.ahead = bytes.into();
    }

    /// Takes the socket off this thread, with what was given back and is still unread.
    pub(super) fn into_parts(self) -> (Socket, Bytes) {
        (self.socket.into_socket(), self.ahead)
    }

    /// Bytes that were received and not read.
    pub(super) fn unread_bytes(&self) -> io::Result<u64> {
        Ok(self.socket.unread()? + self.ahead.len() as u64)
    }
}

/// Moves bytes that were read ahead into `buf`, and frees their memory with the last of them. (A
/// reader of `Bytes` would keep it for as long as the connection lasts.)
pub(super) fn read_ahead(ahead: &mut Bytes, buf: &mut [u8]) -> usize {
    let count = ahead.len().min(buf.len());
    if let Some(room) = buf.get_mut(..count) {
        room.copy_from_slice(&ahead.split_to(count));
    }
    count
}

impl AsyncRead for CountingSocket {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut [u8],
    ) -> Poll<io::Result<usize>> {
        if !self.ahead.is_empty() {
            return Poll::Ready(Ok(read_ahead(&mut self.ahead, buf)));
        }
        ready!(self.budget.poll_ready(cx));
        let count = ready!(Pin::new(&mut self.socket).poll_read(cx, buf))?;
        self.budget.spend(count);
        Poll::Ready(Ok(count))
    }
}

impl AsyncWrite for CountingSocket {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &[u8],
    ) -> Poll<io::Result<usize>> {
        let count = ready!(Pin::new(&mut self.socket).poll_write(cx, buf))?;
        self.written += count as u64;
        Poll::Ready(Ok(count))
    }

    /// Sends several pieces, such as the records of a TLS handshake, in one system call. rustls
    /// relies on that for its last alert, which it offers once.
    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let count = ready!(Pin::new(&mut self.socket).poll_write_vectored(cx, bufs))?;
        self.written += count as u64;
        Poll::Ready(Ok(count))
    }

    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_close(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.socket).poll_close(cx)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::Arc;

    struct Memory(Arc<[u8; 3]>);

    impl AsRef<[u8]> for Memory {
        fn as_ref(&self) -> &[u8] {
            &*self.0
        }
    }

    #[test]
    fn memory_of_what_was_read_ahead_is_freed_with_its_last_byte() {
        let users = Arc::new(*b"abc");
        let mut ahead = Bytes::from_owner(Memory(Arc::clone(&users)));
        let mut buf = [0; 2];
        assert_eq!(read_ahead(&mut ahead, &mut buf), 2);
        assert_eq!((&buf, Arc::strong_count(&users)), (b"ab", 2));
        assert_eq!(read_ahead(&mut ahead, &mut buf), 1);
        assert_eq!((buf[0], Arc::strong_count(&users)), (b'c', 1));
        assert_eq!(read_ahead(&mut ahead, &mut buf), 0);
    }
}
