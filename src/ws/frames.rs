//! The stream below tungstenite. Large frames of output go past tungstenite,
//! which copies a message into a buffer and keeps its room for as long as the
//! connection lasts; these are written from where they are.

use super::stream::ClientStream;
use bytes::{Buf, Bytes};
use futures_lite::io::{AsyncRead, AsyncWrite};
use std::io::{self, IoSlice};
use std::pin::Pin;
use std::task::{Context, Poll, ready};

/// Header of an unmasked frame with a length of 16 bits (RFC 6455 section 5.2).
const HEADER: usize = 4;

/// FIN, and the opcode of a binary frame.
const BINARY: u8 = 0x82;

/// Says that a length of 16 bits follows.
const LENGTH_16: u8 = 126;

/// Payloads of this size and more, in bytes, are not copied for sending. Those
/// below 126 would need a shorter header.
const LARGE: usize = 4 * 1024;

/// A frame on its way.
struct Unsent {
    header: [u8; HEADER],
    header_sent: usize,
    payload: Bytes,
}

impl Unsent {
    fn advance(&mut self, count: usize) {
        let of_header = count.min(HEADER - self.header_sent);
        self.header_sent += of_header;
        self.payload
            .advance((count - of_header).min(self.payload.len()));
    }

    fn is_over(&self) -> bool {
        self.header_sent == HEADER && self.payload.is_empty()
    }
}

/// A client's stream. What tungstenite writes comes behind the frame that is on
/// its way; a frame may begin only when tungstenite has nothing unwritten.
pub(super) struct FrameStream {
    stream: ClientStream,
    unsent: Option<Unsent>,
}

impl FrameStream {
    pub(super) fn new(stream: ClientStream) -> Self {
        Self {
            stream,
            unsent: None,
        }
    }

    /// Begins a binary frame, which leaves with the next flush. Gives `payload`
    /// back if it is small, or too long for the header.
    pub(super) fn begin_binary(&mut self, payload: Bytes) -> Result<(), Bytes> {
        match u16::try_from(payload.len()) {
            Ok(length) if payload.len() >= LARGE => {
                let [high, low] = length.to_be_bytes();
                self.unsent = Some(Unsent {
                    header: [BINARY, LENGTH_16, high, low],
                    header_sent: 0,
                    payload,
                });
                Ok(())
            }
            _ => Err(payload),
        }
    }

    /// Bytes the kernel took so far.
    pub(super) fn written(&self) -> u64 {
        self.stream.written()
    }

    fn poll_unsent(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        while let Some(unsent) = &mut self.unsent {
            let header = unsent.header.get(unsent.header_sent..).unwrap_or_default();
            let pieces = [IoSlice::new(header), IoSlice::new(&unsent.payload)];
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
        Pin::new(&mut self.stream).poll_read(cx, buf)
    }
}

impl AsyncWrite for FrameStream {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &[u8],
    ) -> Poll<io::Result<usize>> {
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
