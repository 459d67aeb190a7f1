//! The stream below tungstenite. Large frames of output go past tungstenite,
//! which copies a message into a buffer and keeps its room for as long as the
//! connection lasts; these are written from where they are. What the client sends
//! is inspected on its way to tungstenite.

use super::inspector::Inspector;
use super::stream::ClientStream;
use crate::error::WsViolation;
use crate::runtime::ReadBudget;
use bytes::{Buf, Bytes};
use futures_lite::io::{AsyncRead, AsyncWrite};
use std::io::{self, IoSlice};
use std::pin::Pin;
use std::task::{Context, Poll, ready};

/// Says that a length of 16 bits follows (RFC 6455 section 5.2).
const LENGTH_16: u8 = 126;

/// Says that a length of 64 bits follows.
const LENGTH_64: u8 = 127;

/// Payloads of this size and more, in bytes, are not copied for sending. Those
/// below 126 would need a shorter header.
pub(super) const LARGE: usize = 4 * 1024;

/// A data message in one frame: FIN and the opcode.
#[derive(Clone, Copy)]
#[repr(u8)]
pub(super) enum Kind {
    Text = 0x81,
    Binary = 0x82,
}

/// A frame on its way.
struct Unsent {
    header: Bytes,
    payload: Bytes,
}

impl Unsent {
    fn new(kind: Kind, payload: Bytes) -> Self {
        let mut header = Vec::with_capacity(10);
        header.push(kind as u8);
        match u16::try_from(payload.len()) {
            Ok(length) => {
                header.push(LENGTH_16);
                header.extend(length.to_be_bytes());
            }
            Err(_) => {
                header.push(LENGTH_64);
                header.extend((payload.len() as u64).to_be_bytes());
            }
        }
        Self {
            header: header.into(),
            payload,
        }
    }

    fn advance(&mut self, count: usize) {
        let of_header = count.min(self.header.len());
        self.header.advance(of_header);
        self.payload
            .advance((count - of_header).min(self.payload.len()));
    }

    fn is_over(&self) -> bool {
        self.header.is_empty() && self.payload.is_empty()
    }
}

/// A client's stream. What tungstenite writes comes behind the frame that is on
/// its way; a frame may begin only when tungstenite has nothing unwritten.
pub(super) struct FrameStream {
    stream: ClientStream,
    /// Bytes that came behind the request for the upgrade.
    leftover: Bytes,
    inspector: Inspector,
    unsent: Option<Unsent>,
    holds_writes: bool,
}

impl FrameStream {
    pub(super) fn new(stream: ClientStream, leftover: Vec<u8>, read_limit: usize) -> Self {
        Self {
            stream,
            leftover: leftover.into(),
            inspector: Inspector::new(read_limit, crate::clock::now()),
            unsent: None,
            holds_writes: false,
        }
    }

    /// Begins a message of [`LARGE`] bytes or more, which leaves with the next
    /// flush.
    pub(super) fn begin(&mut self, kind: Kind, payload: Bytes) {
        debug_assert!(self.unsent.is_none() && payload.len() >= LARGE);
        self.unsent = Some(Unsent::new(kind, payload));
    }

    /// Sets whether writes are held back for now. tungstenite writes each pong from
    /// within its reads; held back, the pongs of one poll leave in one send, with
    /// the flush that must follow.
    pub(super) fn hold_writes(&mut self, hold: bool) {
        self.holds_writes = hold;
    }

    /// A ping has gone out.
    pub(super) fn expect_pong(&mut self) {
        self.inspector.expect_pong();
    }

    /// The rule that the client broke, as far as the inspector saw.
    pub(super) fn violation(&self) -> Option<WsViolation> {
        self.inspector.violation()
    }

    /// Returns the budget for processing the client's input.
    pub(super) fn budget(&mut self) -> &mut ReadBudget {
        self.stream.budget()
    }

    /// Bytes the kernel took so far.
    pub(super) fn written(&self) -> u64 {
        self.stream.written()
    }

    /// Bytes that have come and were not read.
    pub(super) fn unread_bytes(&self) -> io::Result<u64> {
        Ok(self.stream.unread_bytes()? + self.leftover.len() as u64)
    }

    /// Reads what the client has sent, unchecked.
    fn poll_fill(&mut self, cx: &mut Context<'_>, buf: &mut [u8]) -> Poll<io::Result<usize>> {
        if self.leftover.is_empty() {
            return Pin::new(&mut self.stream).poll_read(cx, buf);
        }
        let bytes = self.leftover.split_to(self.leftover.len().min(buf.len()));
        buf.iter_mut()
            .zip(&bytes)
            .for_each(|(to, from)| *to = *from);
        Poll::Ready(Ok(bytes.len()))
    }

    /// Reads and throws away. Ready with what was read, or 0 at the end: that of
    /// the stream, or the client's close frame.
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
        while let Some(unsent) = &mut self.unsent {
            let pieces = [IoSlice::new(&unsent.header), IoSlice::new(&unsent.payload)];
            let count = ready!(Pin::new(&mut self.stream).poll_write_vectored(cx, &pieces))?;
            if count == 0 {
                return Poll::Ready(Err(io::ErrorKind::WriteZero.into()));
            }
            unsent.advance(count);
            if unsent.is_over() {
                self.unsent = None;
            }
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
        let good = if self.inspector.violation().is_none() {
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
