//! A stream whose reader gets large messages in pieces: a [`Recutter`] on the way, if the dialect
//! allows it. Writes pass.

use super::recut::Recutter;
use futures_lite::io::{AsyncRead, AsyncWrite};
use std::io;
use std::ops::{Deref, DerefMut};
use std::pin::Pin;
use std::task::{Context, Poll, ready};

/// Most bytes read at a time.
const READ: usize = 1024;

/// The stream below, and what was read of it and not taken: at most [`READ`] bytes and the
/// headers of their pieces. Empty between messages.
pub(super) struct PieceStream<S> {
    stream: S,
    recutter: Option<Recutter>,
    recut: Vec<u8>,
    taken: usize,
}

impl<S> PieceStream<S> {
    /// Without a `recutter`, bytes pass as they come.
    pub(super) fn new(stream: S, recutter: Option<Recutter>) -> Self {
        Self {
            stream,
            recutter,
            recut: Vec::new(),
            taken: 0,
        }
    }

    fn take(&mut self, buf: &mut [u8]) -> usize {
        let waiting = self.recut.get(self.taken..).unwrap_or_default();
        let count = waiting.len().min(buf.len());
        buf.iter_mut()
            .zip(waiting)
            .for_each(|(to, from)| *to = *from);
        self.taken += count;
        if self.taken >= self.recut.len() {
            self.recut = Vec::new();
            self.taken = 0;
        }
        count
    }
}

impl<S> Deref for PieceStream<S> {
    type Target = S;

    fn deref(&self) -> &S {
        &self.stream
    }
}

impl<S> DerefMut for PieceStream<S> {
    fn deref_mut(&mut self) -> &mut S {
        &mut self.stream
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for PieceStream<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut [u8],
    ) -> Poll<io::Result<usize>> {
        let this = &mut *self;
        let Some(recutter) = &mut this.recutter else {
            return Pin::new(&mut this.stream).poll_read(cx, buf);
        };
        let mut scratch = [0; READ];
        let window = buf.len().min(READ);
        let window = scratch.get_mut(..window).unwrap_or_default();
        // A read may bring no more than the beginning of a header.
        while this.recut.is_empty() {
            let count = ready!(Pin::new(&mut this.stream).poll_read(cx, window))?;
            if count == 0 {
                return Poll::Ready(Ok(0));
            }
            recutter.feed(window.get(..count).unwrap_or_default(), &mut this.recut);
        }
        Poll::Ready(Ok(this.take(buf)))
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for PieceStream<S> {
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

    fn poll_close(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_close(cx)
    }
}
