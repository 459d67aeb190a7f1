//! One WebSocket connection after the upgrade, as polls: receive, send, flush,
//! close. Every limit of tungstenite is set here, none left to its defaults.

use super::frames::FrameStream;
use super::stream::ClientStream;
use crate::error::WsViolation;
use crate::message::{Frame, close_reason};
use async_tungstenite::WebSocketStream;
use async_tungstenite::tungstenite::Error as WsError;
use async_tungstenite::tungstenite::error::CapacityError;
use async_tungstenite::tungstenite::protocol::frame::coding::CloseCode;
use async_tungstenite::tungstenite::protocol::{CloseFrame, Message, Role, WebSocketConfig};
use bytes::Bytes;
use futures_lite::io::{AsyncRead, AsyncWrite};
use futures_lite::stream::Stream;
use futures_util::Sink;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

/// Largest frame of output, in bytes. Larger ones cost memory. Smaller ones cost a
/// system call and a wake-up of the client each, so one takes all that a session in
/// a flood reads at a time: half the SSH window, and one packet of a terminal.
pub const MAX_OUTPUT_FRAME: usize = 36 * 1024;

/// Room in the write buffer for text beside one frame of output.
const TEXT_ROOM: usize = 64 * 1024;

/// tungstenite allocates its read buffer up front, and zeroes as much before each
/// read. Input is keys; a paste takes a read for each KiB.
const READ_BUFFER: usize = 1024;

/// What came from the client.
#[derive(Debug)]
pub enum WsEvent {
    /// A data message.
    Frame(Frame),
    /// The answer to a ping, with the number this carried.
    Pong(Option<u64>),
    /// A close frame; the reply is on its way.
    Closed,
    /// The connection broke.
    Gone,
    /// The client broke RFC 6455. Nothing more can be read.
    Violation(WsViolation),
}

/// The connection.
pub struct WsConnection {
    stream: WebSocketStream<FrameStream>,
    /// Something may be in tungstenite's write buffer.
    dirty: bool,
    /// The client takes no bytes: the last flush pended.
    blocked: bool,
    /// tungstenite reads no more; what comes is thrown away.
    deaf: bool,
    /// The socket failed in writing.
    broken: bool,
}

impl WsConnection {
    /// Takes over a socket on which the upgrade is done. `leftover`: bytes
    /// that came behind the request. `read_limit`: largest message, in bytes.
    pub async fn new(socket: ClientStream, leftover: Vec<u8>, read_limit: usize) -> Self {
        let config = WebSocketConfig::default()
            .read_buffer_size(READ_BUFFER)
            // 0: each message is written at once.
            .write_buffer_size(0)
            .max_write_buffer_size(MAX_OUTPUT_FRAME + TEXT_ROOM)
            .max_message_size(Some(read_limit))
            .max_frame_size(Some(read_limit))
            .accept_unmasked_frames(false);
        let (role, socket) = (Role::Server, FrameStream::new(socket));
        let stream =
            WebSocketStream::from_partially_read(socket, leftover, role, Some(config)).await;
        Self {
            stream,
            dirty: false,
            blocked: false,
            deaf: false,
            broken: false,
        }
    }

    /// The next thing the client sent.
    pub fn poll_recv(&mut self, cx: &mut Context<'_>) -> Poll<WsEvent> {
        loop {
            if self.deaf {
                return self.poll_discard(cx);
            }
            let event = match ready!(Pin::new(&mut self.stream).poll_next(cx)) {
                Some(Ok(Message::Text(text))) => WsEvent::Frame(Frame::Text(text.into())),
                Some(Ok(Message::Binary(bytes))) => WsEvent::Frame(Frame::Binary(bytes)),
                Some(Ok(Message::Pong(data))) => {
                    WsEvent::Pong(data.as_ref().try_into().ok().map(u64::from_be_bytes))
                }
                Some(Ok(Message::Ping(_))) => {
                    // tungstenite queued the pong; it leaves at the flush.
                    self.dirty = true;
                    continue;
                }
                Some(Ok(Message::Close(_))) => {
                    self.dirty = true;
                    WsEvent::Closed
                }
                Some(Ok(Message::Frame(_))) => continue,
                Some(Err(error)) => {
                    self.deaf = true;
                    classify(&error).map_or(WsEvent::Gone, WsEvent::Violation)
                }
                None => WsEvent::Gone,
            };
            return Poll::Ready(event);
        }
    }

    /// After a violation: reads on, so that the close frame is not lost in a
    /// reset caused by unread bytes.
    fn poll_discard(&mut self, cx: &mut Context<'_>) -> Poll<WsEvent> {
        let mut scratch = [0; 4096];
        loop {
            match ready!(Pin::new(self.stream.get_mut()).poll_read(cx, &mut scratch)) {
                Ok(0) | Err(_) => return Poll::Ready(WsEvent::Gone),
                Ok(_) => {}
            }
        }
    }

    /// Ready when the write buffer is empty and a message will be taken.
    pub fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        if self.blocked || self.dirty {
            return self.poll_flush(cx);
        }
        match Pin::new(&mut self.stream).poll_ready(cx) {
            Poll::Ready(result) => {
                self.note_failure(result);
                Poll::Ready(())
            }
            Poll::Pending => {
                self.blocked = true;
                Poll::Pending
            }
        }
    }

    /// Sends control text.
    pub fn send_text(&mut self, text: String) {
        self.send(Message::text(text));
    }

    /// Sends output; after [`Self::poll_ready`].
    pub fn send_output(&mut self, bytes: Bytes) {
        self.dirty = true;
        if let Err(small) = self.stream.get_mut().begin_binary(bytes) {
            self.send(Message::Binary(small));
        }
    }

    /// Sends a ping; its pong will carry the same number.
    pub fn send_ping(&mut self, number: Option<u64>) {
        let data = number.map(|number| Bytes::copy_from_slice(&number.to_be_bytes()));
        self.send(Message::Ping(data.unwrap_or_default()));
    }

    /// Sends the close frame; `reason` is escaped and cut to what fits.
    pub fn send_close(&mut self, code: u16, reason: &str) {
        let frame = CloseFrame {
            code: CloseCode::from(code),
            reason: close_reason(reason).into(),
        };
        self.send(Message::Close(Some(frame)));
    }

    fn send(&mut self, message: Message) {
        self.dirty = true;
        // A full buffer cannot be: text waits for `poll_ready`, and the close
        // frame finds its place in TEXT_ROOM.
        let result = Pin::new(&mut self.stream).start_send(message);
        self.note_failure(result);
    }

    fn note_failure(&mut self, result: Result<(), WsError>) {
        if let Err(error) = result {
            tracing::trace!(%error, "a message could not be sent");
            self.broken |= matches!(error, WsError::Io(_));
        }
    }

    /// Writes what is buffered.
    pub fn poll_flush(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        if !self.dirty && !self.blocked {
            return Poll::Ready(());
        }
        match Pin::new(&mut self.stream).poll_flush(cx) {
            Poll::Ready(result) => {
                self.note_failure(result);
                self.dirty = false;
                self.blocked = false;
                Poll::Ready(())
            }
            Poll::Pending => {
                self.blocked = true;
                Poll::Pending
            }
        }
    }

    /// Whether bytes wait that the client's socket did not take.
    pub fn is_blocked(&self) -> bool {
        self.blocked
    }

    /// Whether a write has failed. A reader learns as much, and maybe more,
    /// from the next read.
    pub fn is_broken(&self) -> bool {
        self.broken
    }

    /// Total bytes the socket took.
    pub fn bytes_written(&self) -> u64 {
        self.stream.get_ref().written()
    }

    /// Ends our direction of the connection.
    pub fn shutdown(&mut self, cx: &mut Context<'_>) {
        // The socket shuts down at once, and a TLS alert that finds no room is
        // lost with the connection; the outcome changes nothing.
        let _ = Pin::new(self.stream.get_mut()).poll_close(cx);
    }
}

/// `None` for a connection that broke.
fn classify(error: &WsError) -> Option<WsViolation> {
    match error {
        WsError::Protocol(
            async_tungstenite::tungstenite::error::ProtocolError::ResetWithoutClosingHandshake,
        ) => None,
        WsError::Protocol(_) => Some(WsViolation::Protocol),
        WsError::Utf8(_) => Some(WsViolation::NotUtf8),
        WsError::Capacity(CapacityError::MessageTooLong { .. }) => Some(WsViolation::TooLarge),
        _ => None,
    }
}
