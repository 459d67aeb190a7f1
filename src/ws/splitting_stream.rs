//! A stream that splits large messages as they are read, with a [`MessageSplitter`], if the dialect
//! allows it. Writes pass unchanged.

use super::splitter::MessageSplitter;
use futures_lite::io::{AsyncRead, AsyncWrite};
use std::io;
use std::ops::{Deref, DerefMut};
use std::pin::Pin;
use std::task::{Context, Poll, ready};

/// Maximum bytes per read.
const READ: usize = 1024;

/// The stream below, and bytes that were split and not read yet: at most [`READ`] and the headers
/// of their pieces. No memory is held between messages.
pub(super) struct SplittingStream<S> {
    stream: S,
    splitter: Option<MessageSplitter>,
    output: Vec<u8>,
    read: usize,
}

impl<S> SplittingStream<S> {
    /// Without a `splitter`, bytes pass unchanged.
    pub(super) fn new(stream: S, splitter: Option<MessageSplitter>) -> Self {
        Self {
            stream,
            splitter,
            output: Vec::new(),
            read: 0,
        }
    }

    fn take(&mut self, buf: &mut [u8]) -> usize {
        let waiting = self.output.get(self.read..).unwrap_or_default();
        let count = waiting.len().min(buf.len());
        buf.iter_mut()
            .zip(waiting)
            .for_each(|(to, from)| *to = *from);
        self.read += count;
        if self.read >= self.output.len() {
            self.output = Vec::new();
            self.read = 0;
        }
        count
    }
}

impl<S> Deref for SplittingStream<S> {
    type Target = S;

    fn deref(&self) -> &S {
        &self.stream
    }
}

impl<S> DerefMut for SplittingStream<S> {
    fn deref_mut(&mut self) -> &mut S {
        &mut self.stream
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for SplittingStream<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut [u8],
    ) -> Poll<io::Result<usize>> {
        let this = &mut *self;
        let Some(splitter) = &mut this.splitter else {
            return Pin::new(&mut this.stream).poll_read(cx, buf);
        };
        let mut scratch = [0; READ];
        let window = buf.len().min(READ);
        let window = scratch.get_mut(..window).unwrap_or_default();
        // A read may return no more than a part of a header.
        while this.output.is_empty() {
            let count = ready!(Pin::new(&mut this.stream).poll_read(cx, window))?;
            if count == 0 {
                return Poll::Ready(Ok(0));
            }
            splitter.split(window.get(..count).unwrap_or_default(), &mut this.output);
        }
        Poll::Ready(Ok(this.take(buf)))
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for SplittingStream<S> {
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
