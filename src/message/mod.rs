//! Wire messages of both dialects: `sshard.v1` and the compatible one. PROTOCOL.md beside this file
//! is the page for client authors.
//!
//! Pure: bytes in, values out. No I/O, no clock, no runtime. It knows of the session only whether
//! `auth` was seen; every other rule of order belongs to the session's state machine.

mod bounds;
mod client;
mod compat;
mod error;
mod fields;
mod kind;
mod secret;
mod server;
mod size;
#[cfg(test)]
mod tests;
mod text;
mod v1;

pub(crate) use bounds::MAX_TICKET;
pub use client::{
    AuthRequest, ClientMessage, Credentials, SignalName, TerminalRequest, WindowSize,
};
pub use error::BadMessage;
pub use secret::Secret;
pub use server::{Exit, FEATURES, KeyRecord, NoticeKind, PROTOCOL_VERSION, Prompt, ServerMessage};
pub use text::{close_reason, cut, escape_remote_text};

use bytes::Bytes;
use std::fmt;

/// The WebSocket subprotocol of [`Dialect::V1`].
pub const SUBPROTOCOL_V1: &str = "sshard.v1";

/// Protocol dialect of a connection, fixed at the upgrade.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Dialect {
    /// `sshard.v1`: text is control, binary is terminal.
    V1,
    /// No subprotocol: JSON credentials first, then raw terminal bytes.
    Compatible,
}

impl Dialect {
    /// Name in the log.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::V1 => "sshard.v1",
            Self::Compatible => "compatible",
        }
    }
}

/// One data message of the WebSocket.
pub enum Frame {
    /// Text; the WebSocket layer has checked that it is UTF-8.
    Text(Bytes),
    /// Binary: terminal input.
    Binary(Bytes),
}

impl fmt::Debug for Frame {
    /// Sizes only: a frame holds passwords and keystrokes.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Text(bytes) => write!(f, "Text({} bytes)", bytes.len()),
            Self::Binary(bytes) => write!(f, "Binary({} bytes)", bytes.len()),
        }
    }
}

/// Parsed frame of a client.
pub enum Incoming {
    /// The connection's one `auth`, and input that followed it in the same message (always empty in
    /// [`Dialect::V1`]).
    Auth(Box<AuthRequest>, Bytes),
    /// A control message.
    Control(ClientMessage),
    /// Bytes for the terminal, verbatim.
    Input(Bytes),
    /// Nothing to do: a resize without a size, a signal that is unknown.
    Ignored,
}

impl fmt::Debug for Incoming {
    /// Of input only the size: keystrokes are secret.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Auth(request, input) => write!(f, "Auth({request:?}, {} bytes)", input.len()),
            Self::Control(message) => write!(f, "Control({message:?})"),
            Self::Input(input) => write!(f, "Input({} bytes)", input.len()),
            Self::Ignored => f.write_str("Ignored"),
        }
    }
}

/// Reads a client's frames and writes the server's messages, in one dialect.
#[derive(Debug)]
pub struct MessageProcessor {
    dialect: Dialect,
    auth_seen: bool,
    unwiped: secret::Unwiped,
}

impl MessageProcessor {
    /// A processor for a fresh connection.
    pub fn new(dialect: Dialect) -> Self {
        Self {
            dialect,
            auth_seen: false,
            unwiped: secret::Unwiped::default(),
        }
    }

    /// Reads one frame.
    ///
    /// Terminal input is passed on without a copy. Messages that may hold secrets are wiped
    /// afterwards, or, while somebody else holds their buffer, at a later call or at the end.
    ///
    /// # Errors
    /// [`BadMessage`] if the dialect does not accept the frame here; the caller closes with 4400.
    pub fn decode(&mut self, frame: Frame) -> Result<Incoming, BadMessage> {
        self.unwiped.wipe();
        let incoming = match (self.dialect, frame) {
            (Dialect::V1, Frame::Text(text)) => {
                let parsed = v1::parse(&text, self.auth_seen);
                let answer = matches!(parsed, Ok(Incoming::Control(ClientMessage::Answer { .. })));
                self.unwiped.push(text, answer || !self.auth_seen);
                parsed?
            }
            (Dialect::V1, Frame::Binary(first)) if !self.auth_seen => {
                // It may be an `auth` in the wrong kind of message.
                self.unwiped.push(first, true);
                return Err(BadMessage::BeforeAuth);
            }
            (Dialect::V1, Frame::Binary(input)) => Incoming::Input(input),
            (Dialect::Compatible, Frame::Text(first) | Frame::Binary(first)) if !self.auth_seen => {
                let parsed = compat::parse_first(&first);
                self.unwiped.push(first, true);
                parsed?
            }
            (Dialect::Compatible, Frame::Text(text)) => compat::classify(text),
            (Dialect::Compatible, Frame::Binary(input)) => Incoming::Input(input),
        };
        self.auth_seen |= matches!(incoming, Incoming::Auth(..));
        Ok(incoming)
    }

    /// Wipes a frame that comes too late to be read, but may hold secrets: an `auth` or an
    /// `answer`.
    pub fn discard(&mut self, frame: Frame) {
        self.unwiped.wipe();
        let may_answer = self.dialect == Dialect::V1 && matches!(frame, Frame::Text(_));
        let (Frame::Text(bytes) | Frame::Binary(bytes)) = frame;
        self.unwiped.push(bytes, may_answer || !self.auth_seen);
    }

    /// The JSON of a message, or `None` in [`Dialect::Compatible`], where the server sends no text.
    pub fn encode(&self, message: &ServerMessage) -> Option<String> {
        match self.dialect {
            // No type here has a way to fail: no maps with odd keys, no fallible Serialize.
            Dialect::V1 => serde_json::to_string(message).ok(),
            Dialect::Compatible => None,
        }
    }
}
