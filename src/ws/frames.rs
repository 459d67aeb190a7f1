//! The stream below tungstenite. Data messages bypass tungstenite, which copies each into a buffer
//! and keeps that memory for as long as the connection lasts: they are written from where they are,
//! and only bytes that the socket does not take are kept. Input is inspected on its way to
//! tungstenite, and large messages are split, if the dialect allows it.

use super::inspector::Inspector;
use super::socket::read_ahead;
use super::splitter::MessageSplitter;
use super::stream::ClientStream;
use bytes::{Buf, Bytes};
use futures_lite::io::{AsyncRead, AsyncWrite};
use std::io::{self, Cursor, IoSlice, Read};
use std::pin::Pin;
use std::task::{Context, Poll, ready};

/// Maximum bytes per read of input that is split.
const SPLIT_READ: usize = 1024;

/// A data message in one frame: FIN and the opcode.
#[derive(Clone, Copy)]
#[repr(u8)]
pub(super) enum Kind {
    Text = 0x81,
    Binary = 0x82,
}

/// Header of a frame without mask, as a server's must be (RFC 6455 section 5.2).
struct Header {
    bytes: [u8; 10],
    len: usize,
}

impl Header {
    fn new(kind: Kind, payload: usize) -> Self {
        let [.., high, low] = payload.to_be_bytes();
        let (bytes, len) = match payload {
            0..=125 => ([kind as u8, low, 0, 0, 0, 0, 0, 0, 0, 0], 2),
            126..=0xffff => ([kind as u8, 126, high, low, 0, 0, 0, 0, 0, 0], 4),
            _ => {
                let [a, b, c, d, e, f, g, h] = (payload as u64).to_be_bytes();
                ([kind as u8, 127, a, b, c, d, e, f, g, h], 10)
            }
        };
        Self { bytes, len }
    }

    fn as_slice(&self) -> &[u8] {
        self.bytes.get(..self.len).unwrap_or_default()
    }
}

/// A client's stream. tungstenite's bytes follow the frame that is partly sent; a frame may begin
/// only when tungstenite has nothing unwritten.
pub(super) struct FrameStream {
    pub(super) stream: ClientStream,
    /// Bytes that followed the request for the upgrade.
    leftover: Bytes,
    pub(super) inspector: Inspector,
    splitter: Option<MessageSplitter>,
    /// Bytes that were split and not read yet: at most [`SPLIT_READ`] and the headers of their
    /// pieces. No memory is held between messages.
    split: Cursor<Vec<u8>>,
    /// Part of a frame that the socket has not taken.
    unsent: Bytes,
    /// Writes are held back. tungstenite writes each pong from within its reads; held back, the
    /// pongs of one poll are sent at once, with the flush that must follow.
    pub(super) holds_writes: bool,
}

impl FrameStream {
    /// With `split_large`, a message larger than `read_limit` is split.
    pub(super) fn new(
        stream: ClientStream,
        leftover: Vec<u8>,
        read_limit: usize,
        split_large: bool,
    ) -> Self {
        Self {
            stream,
            leftover: leftover.into(),
            inspector: Inspector::new(read_limit, crate::clock::now()),
            splitter: split_large.then(|| MessageSplitter::new(read_limit)),
            split: Cursor::default(),
            unsent: Bytes::new(),
            holds_writes: false,
        }
    }

    /// Sends a message, for which there must be nothing unwritten; what the socket does not take is
    /// sent with the next flush.
    ///
    /// # Errors
    /// Those of the socket.
    pub(super) fn send(
        &mut self,
        cx: &mut Context<'_>,
        kind: Kind,
        payload: &[u8],
    ) -> io::Result<()> {
        debug_assert!(self.unsent.is_empty());
        let header = Header::new(kind, payload.len());
        let pieces = [IoSlice::new(header.as_slice()), IoSlice::new(payload)];
        let count = match Pin::new(&mut self.stream).poll_write_vectored(cx, &pieces) {
            Poll::Ready(Ok(0)) => return Err(io::ErrorKind::WriteZero.into()),
            Poll::Ready(count) => count?,
            Poll::Pending => 0,
        };
        if count < header.len + payload.len() {
            let of_header = header.as_slice().get(count..).unwrap_or_default();
            let of_payload = payload.get(count.saturating_sub(header.len)..);
            self.unsent = [of_header, of_payload.unwrap_or_default()].concat().into();
        }
        Ok(())
    }

    /// Bytes that were received and not read; with TLS, those on the wire.
    pub(super) fn unread_bytes(&self) -> io::Result<u64> {
        Ok(self.stream.socket().unread_bytes()? + self.leftover.len() as u64)
    }

    /// Reads what the client has sent, unchecked.
    fn poll_fill(&mut self, cx: &mut Context<'_>, buf: &mut [u8]) -> Poll<io::Result<usize>> {
        if self.leftover.is_empty() {
            return Pin::new(&mut self.stream).poll_read(cx, buf);
        }
        Poll::Ready(Ok(read_ahead(&mut self.leftover, buf)))
    }

    /// Reads up to the client's first violation.
    fn poll_inspected(&mut self, cx: &mut Context<'_>, buf: &mut [u8]) -> Poll<io::Result<usize>> {
        let good = if self.inspector.violation.is_none() {
            let count = ready!(self.poll_fill(cx, buf))?;
            let bytes = buf.get(..count).unwrap_or_default();
            let good = self.inspector.inspect(bytes, crate::clock::now());
            if count == 0 {
                return Poll::Ready(Ok(0));
            }
            good
        } else {
            0
        };
        // The frames before the broken one come first.
        if good == 0 {
            return Poll::Ready(Err(io::ErrorKind::InvalidData.into()));
        }
        Poll::Ready(Ok(good))
    }

    /// Reads and discards. Returns the number of bytes, 0 at the end of the stream or the client's
    /// close frame.
    pub(super) fn poll_discard(
        &mut self,
        cx: &mut Context<'_>,
        scratch: &mut [u8],
    ) -> Poll<io::Result<usize>> {
        if self.inspector.has_closed() {
            return Poll::Ready(Ok(0));
        }
        let count = ready!(self.poll_fill(cx, scratch))?;
        let bytes = scratch.get(..count).unwrap_or_default();
        self.inspector.inspect(bytes, crate::clock::now());
        Poll::Ready(Ok(count))
    }

    fn poll_unsent(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        while !self.unsent.is_empty() {
            let count = ready!(Pin::new(&mut self.stream).poll_write(cx, &self.unsent))?;
            if count == 0 {
                return Poll::Ready(Err(io::ErrorKind::WriteZero.into()));
            }
            self.unsent.advance(count);
        }
        Poll::Ready(Ok(()))
    }
}

impl AsyncRead for FrameStream {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut [u8],
    ) -> Poll<io::Result<usize>> {
        if self.splitter.is_none() {
            return self.poll_inspected(cx, buf);
        }
        let this = &mut *self;
        let mut scratch = [0; SPLIT_READ];
        let window = buf.len().min(SPLIT_READ);
        let window = scratch.get_mut(..window).unwrap_or_default();
        // A read may return no more than a part of a header.
        while this.split.get_ref().is_empty() {
            let count = ready!(this.poll_inspected(cx, window))?;
            if count == 0 {
                return Poll::Ready(Ok(0));
            }
            let bytes = window.get(..count).unwrap_or_default();
            if let Some(splitter) = &mut this.splitter {
                splitter.split(bytes, this.split.get_mut());
            }
        }
        let count = this.split.read(buf)?;
        if this.split.position() >= this.split.get_ref().len() as u64 {
            this.split = Cursor::default();
        }
        Poll::Ready(Ok(count))
    }
}

impl AsyncWrite for FrameStream {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &[u8],
    ) -> Poll<io::Result<usize>> {
        if self.holds_writes {
            return Poll::Pending;
        }
        ready!(self.poll_unsent(cx))?;
        Pin::new(&mut self.stream).poll_write(cx, buf)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        ready!(self.poll_unsent(cx))?;
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    fn poll_close(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_close(cx)
    }
}
