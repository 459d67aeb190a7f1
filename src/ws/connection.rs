//! One WebSocket connection after the upgrade, as polls: receive, send, flush, close. Every limit
//! of tungstenite is set here, none left to its defaults.

use super::frames::{FrameStream, Kind};
use super::stream::ClientStream;
use crate::error::WsViolation;
use crate::message::{Frame, close_reason};
use crate::runtime::ReadBudget;
use async_tungstenite::WebSocketStream;
use async_tungstenite::tungstenite::Error as WsError;
use async_tungstenite::tungstenite::error::{CapacityError, ProtocolError};
use async_tungstenite::tungstenite::protocol::frame::coding::CloseCode;
use async_tungstenite::tungstenite::protocol::{CloseFrame, Message, Role, WebSocketConfig};
use bytes::Bytes;
use futures_lite::io::AsyncWrite;
use futures_lite::stream::Stream;
use futures_util::Sink;
use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

/// Largest frame of output, in bytes. Larger ones cost memory. Smaller ones cost a system call and
/// a wake-up of the client each, so two take all that a bulk transfer reads at a time: half the SSH
/// window, and one packet of a terminal.
pub const MAX_OUTPUT_FRAME: usize = 36 * 1024;

/// Close code that stands for a connection without a close frame (RFC 6455 section 7.4.1).
const NO_CLOSE_FRAME: u16 = 1006;

/// tungstenite's write buffer, in bytes: one control frame of the server, which waits until the
/// buffer is empty, and pongs. Pongs above it are left out, as RFC 6455 section 5.5.3 allows.
const WRITE_BUFFER: usize = 64 * 1024;

/// tungstenite allocates its read buffer up front, and zeroes as much before each read. Input is
/// keys; a paste takes a read for each KiB.
const READ_BUFFER: usize = 1024;

/// Input of the client.
#[derive(Debug)]
pub enum WsEvent {
    /// A data message.
    Frame(Frame),
    /// A ping; its pong is sent with the next flush.
    Ping,
    /// The answer to a ping, with the number that the ping carried.
    Pong(Option<u64>),
    /// A close frame; the reply is queued.
    Closed {
        /// Code of the frame, if it has one.
        code: Option<u16>,
    },
    /// The connection broke.
    Gone,
    /// The client broke RFC 6455, or its bounds. Nothing more can be read.
    Violation(WsViolation),
}

/// A WebSocket connection after the upgrade.
pub struct WsConnection {
    stream: WebSocketStream<FrameStream>,
    /// tungstenite's write buffer may hold bytes.
    dirty: bool,
    /// The last flush pended: the client's socket is full.
    blocked: bool,
    /// Input is discarded: a violation ended tungstenite's reads.
    discards: bool,
    /// A write has failed.
    broken: bool,
    /// A close frame was sent or received: no data may follow.
    closing: bool,
    /// The write direction is shut down.
    is_shut: bool,
}

impl WsConnection {
    /// Takes over a socket on which the upgrade is done. `leftover`: bytes that followed the
    /// request. `read_limit`: largest message, in bytes; with `split_large`, a larger one comes as
    /// several.
    pub async fn new(
        socket: ClientStream,
        leftover: Vec<u8>,
        read_limit: usize,
        split_large: bool,
    ) -> Self {
        let config = WebSocketConfig::default()
            .read_buffer_size(READ_BUFFER)
            // 0: each message is written at once.
            .write_buffer_size(0)
            .max_write_buffer_size(WRITE_BUFFER)
            .max_message_size(Some(read_limit))
            .max_frame_size(Some(read_limit))
            .accept_unmasked_frames(false);
        let socket = FrameStream::new(socket, leftover, read_limit, split_large);
        let stream = WebSocketStream::from_raw_socket(socket, Role::Server, Some(config)).await;
        Self {
            stream,
            dirty: false,
            blocked: false,
            discards: false,
            broken: false,
            closing: false,
            is_shut: false,
        }
    }

    fn read_budget(&mut self) -> &mut ReadBudget {
        &mut self.stream.get_mut().stream.socket_mut().budget
    }

    /// Ready when the read budget admits the client's next message, whether or not there is one.
    pub fn poll_read_budget(&mut self, cx: &Context<'_>) -> Poll<()> {
        self.read_budget().poll_ready(cx)
    }

    /// Gives up a read that the budget has admitted: the session takes no message now.
    pub fn forgo_read(&mut self) {
        self.read_budget().forgo();
    }

    /// Receives the client's next message.
    pub fn poll_recv(&mut self, cx: &mut Context<'_>) -> Poll<WsEvent> {
        loop {
            // Also of what tungstenite has read already: many messages fit there.
            ready!(self.poll_read_budget(cx));
            if self.discards {
                return self.poll_discard(cx);
            }
            self.stream.get_mut().holds_writes = true;
            let next = Pin::new(&mut self.stream).poll_next(cx);
            self.stream.get_mut().holds_writes = false;
            let next = ready!(next);
            self.read_budget().spend(0);
            let event = match next {
                Some(Ok(Message::Text(text))) => WsEvent::Frame(Frame::Text(text.into())),
                Some(Ok(Message::Binary(bytes))) => WsEvent::Frame(Frame::Binary(bytes)),
                Some(Ok(Message::Pong(data))) => {
                    WsEvent::Pong(data.as_ref().try_into().ok().map(u64::from_be_bytes))
                }
                Some(Ok(Message::Ping(_))) => {
                    self.dirty = true;
                    WsEvent::Ping
                }
                Some(Ok(Message::Close(frame))) => {
                    self.dirty = true;
                    self.closing = true;
                    let code = frame.map(|frame| frame.code.into());
                    WsEvent::Closed { code }
                }
                Some(Ok(Message::Frame(_))) => continue,
                Some(Err(error)) => {
                    self.discards = true;
                    let violation = self.classify(&error);
                    violation.map_or(WsEvent::Gone, WsEvent::Violation)
                }
                None => WsEvent::Gone,
            };
            return Poll::Ready(event);
        }
    }

    /// After a violation: reads on until the client's close frame or the end, so that ours is not
    /// lost in a reset caused by unread bytes.
    fn poll_discard(&mut self, cx: &mut Context<'_>) -> Poll<WsEvent> {
        let mut scratch = [0; 4096];
        loop {
            match ready!(self.stream.get_mut().poll_discard(cx, &mut scratch)) {
                Ok(0) | Err(_) => return Poll::Ready(WsEvent::Gone),
                Ok(_) => {}
            }
        }
    }

    /// Ready when the write buffer is empty, so that it has room for a message.
    pub fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        if self.blocked || self.dirty {
            return self.poll_flush(cx);
        }
        let ready = Pin::new(&mut self.stream).poll_ready(cx);
        self.blocked = ready.is_pending();
        ready.map(|result| self.note_failure(result))
    }

    /// Sends control text; after [`Self::poll_ready`].
    pub fn send_text(&mut self, cx: &mut Context<'_>, text: &str) {
        self.send_data(cx, Kind::Text, text.as_bytes());
    }

    /// Sends output; after [`Self::poll_ready`].
    pub fn send_output(&mut self, cx: &mut Context<'_>, bytes: &[u8]) {
        self.send_data(cx, Kind::Binary, bytes);
    }

    fn send_data(&mut self, cx: &mut Context<'_>, kind: Kind, payload: &[u8]) {
        if self.closing {
            // As tungstenite refuses its own.
            return self.note_failure(Err(ProtocolError::SendAfterClosing.into()));
        }
        if self.broken {
            // Bytes before it are unsent, and stay so.
            return;
        }
        self.dirty = true;
        let result = self.stream.get_mut().send(cx, kind, payload);
        self.note_failure(result.map_err(WsError::Io));
    }

    /// Sends a ping, after [`Self::poll_ready`]; its pong will carry the same number.
    pub fn send_ping(&mut self, number: Option<u64>) {
        let data = number.map(|number| Bytes::copy_from_slice(&number.to_be_bytes()));
        self.stream.get_mut().inspector.expect_pong();
        self.send(Message::Ping(data.unwrap_or_default()));
    }

    /// Sends the close frame, after [`Self::poll_ready`]; `reason` is escaped and cut to what fits.
    /// A client's close frame has its answer already, and the code 1006 is never sent.
    pub fn send_close(&mut self, code: u16, reason: &str) {
        if self.closing || code == NO_CLOSE_FRAME {
            return;
        }
        let frame = CloseFrame {
            code: CloseCode::from(code),
            reason: close_reason(reason).into(),
        };
        self.send(Message::Close(Some(frame)));
        self.closing = true;
    }

    fn send(&mut self, message: Message) {
        self.dirty = true;
        let result = Pin::new(&mut self.stream).start_send(message);
        self.note_failure(result);
    }

    fn note_failure(&mut self, result: Result<(), WsError>) {
        match result {
            Ok(()) => {}
            Err(WsError::Io(error)) => {
                tracing::debug!(%error, "cannot write to the client's socket");
                self.broken = true;
            }
            // The close frame is the last frame of either side (RFC 6455 section 5.5.1).
            Err(
                WsError::ConnectionClosed
                | WsError::AlreadyClosed
                | WsError::Protocol(ProtocolError::SendAfterClosing),
            ) => tracing::debug!("message dropped: the WebSocket is closing"),
            // Every message waits for `poll_ready` and fits the empty buffer.
            Err(error) => {
                tracing::error!(%error, "a message to the client was lost; please report this");
                self.broken = true;
            }
        }
    }

    /// Writes the buffered bytes.
    pub fn poll_flush(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        if !self.dirty && !self.blocked {
            return Poll::Ready(());
        }
        let flushed = Pin::new(&mut self.stream).poll_flush(cx);
        self.blocked = flushed.is_pending();
        self.dirty = self.dirty && self.blocked;
        flushed.map(|result| self.note_failure(result))
    }

    /// Returns whether bytes wait for room in the client's socket.
    pub fn is_blocked(&self) -> bool {
        self.blocked
    }

    /// Returns whether a write has failed. The next read reports the same, and maybe the cause.
    pub fn is_broken(&self) -> bool {
        self.broken
    }

    /// Total bytes the socket took.
    pub fn bytes_written(&self) -> u64 {
        self.stream.get_ref().stream.socket().written
    }

    /// Bytes the client has sent that were not read; with TLS, those on the wire. `None` if the
    /// system call fails.
    pub fn unread_bytes(&self) -> Option<u64> {
        self.stream.get_ref().unread_bytes().ok()
    }

    /// Shuts the write direction down, once all is flushed. With TLS, pends while its last alert
    /// finds no room.
    pub fn poll_shutdown(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        if !self.is_shut {
            // The outcome changes nothing: the connection is over either way.
            let _ = ready!(Pin::new(self.stream.get_mut()).poll_close(cx));
            self.is_shut = true;
        }
        Poll::Ready(())
    }

    /// `None` for a connection that broke.
    fn classify(&self, error: &WsError) -> Option<WsViolation> {
        match error {
            WsError::Io(error) if error.kind() == io::ErrorKind::InvalidData => {
                self.stream.get_ref().inspector.violation
            }
            WsError::Protocol(ProtocolError::ResetWithoutClosingHandshake) => None,
            WsError::Protocol(_) => Some(WsViolation::Protocol),
            WsError::Utf8(_) => Some(WsViolation::NotUtf8),
            WsError::Capacity(CapacityError::MessageTooLong { .. }) => Some(WsViolation::TooLarge),
            _ => None,
        }
    }
}
