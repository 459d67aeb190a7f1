//! hyper's I/O traits on the client's socket.

use futures_lite::io::{AsyncRead, AsyncWrite};
use hyper::body::Bytes;
use hyper::rt::{Read, ReadBufCursor, Write};
use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

/// hyper hands out uninitialised memory; reading through this instead costs a small copy, once per
/// connection.
const CHUNK: usize = 4 * 1024;

/// A futures-io stream as hyper wants it.
pub(super) struct HyperIo<S> {
    pub(super) stream: S,
    /// Bytes that were read from the stream before.
    pub(super) ahead: Bytes,
}

impl<S: AsyncRead + Unpin> Read for HyperIo<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        mut buf: ReadBufCursor<'_>,
    ) -> Poll<io::Result<()>> {
        let mut chunk = [0; CHUNK];
        let limit = buf.remaining().min(CHUNK);
        if !self.ahead.is_empty() {
            let count = limit.min(self.ahead.len());
            buf.put_slice(&self.ahead.split_to(count));
            return Poll::Ready(Ok(()));
        }
        let window = chunk.get_mut(..limit).unwrap_or_default();
        let count = ready!(Pin::new(&mut self.stream).poll_read(cx, window))?;
        buf.put_slice(window.get(..count).unwrap_or_default());
        Poll::Ready(Ok(()))
    }
}

impl<S: AsyncWrite + Unpin> Write for HyperIo<S> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &[u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write(cx, buf)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_close(cx)
    }
}
