//! Messages of the bridge as events, and failures of a session.

use bytes::Bytes;
use serde_json::Value;
use tokio_tungstenite::tungstenite::{Error, Message};

/// Failure of a session: a stable kind to count by, and details.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{kind}: {detail}")]
pub struct Failure {
    /// Kind: `connect-*`, `http-STATUS`, `error-CODE` (the bridge's code), `close-CODE`, `reset`,
    /// `timeout`, `protocol`, and those of the scenarios.
    pub kind: String,
    /// Details for a reader.
    pub detail: String,
}

impl Failure {
    /// Failure of the kind `kind`.
    #[must_use]
    pub fn new(kind: impl Into<String>, detail: impl Into<String>) -> Self {
        Self {
            kind: kind.into(),
            detail: detail.into(),
        }
    }
}

impl From<Error> for Failure {
    fn from(error: Error) -> Self {
        let kind = match &error {
            Error::Http(response) => format!("http-{}", response.status().as_u16()),
            Error::Io(_) | Error::ConnectionClosed | Error::AlreadyClosed => "reset".to_owned(),
            _ => "protocol".to_owned(),
        };
        Self::new(kind, error.to_string())
    }
}

/// Event from the bridge.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Event {
    /// Terminal bytes.
    Output(Bytes),
    /// The session can be used; largest amount of unacknowledged input.
    Ready(u64),
    /// Bytes of input passed on so far.
    InputAck(u64),
    /// The process ended with this status.
    Exit(Option<u64>),
    /// The bridge closed: code and reason.
    Close(u16, String),
    /// Message without an effect: a ping that is answered, a notice.
    Other,
}

pub(super) fn event(message: Message) -> Result<Event, Failure> {
    match message {
        Message::Binary(bytes) => Ok(Event::Output(bytes)),
        Message::Text(text) => {
            let value: Value = serde_json::from_str(text.as_str())
                .map_err(|error| Failure::new("protocol", error.to_string()))?;
            let number = |field| value.get(field).and_then(Value::as_u64);
            let text = |field| value.get(field).and_then(Value::as_str);
            match text("type") {
                Some("error") => {
                    let kind = format!("error-{}", text("code").unwrap_or("unknown"));
                    Err(Failure::new(kind, text("message").unwrap_or("")))
                }
                Some("prompt" | "host_key") => {
                    let detail = "the bridge sent a prompt; the generator answers none";
                    Err(Failure::new("asked", detail))
                }
                Some("ready") => Ok(Event::Ready(number("input_window").unwrap_or(u64::MAX))),
                Some("exit") => Ok(Event::Exit(number("status"))),
                Some("input_ack") => Ok(Event::InputAck(number("bytes").unwrap_or(0))),
                _ => Ok(Event::Other),
            }
        }
        Message::Close(frame) => Ok(frame.map_or(Event::Close(1005, String::new()), |frame| {
            Event::Close(frame.code.into(), frame.reason.as_str().to_owned())
        })),
        Message::Ping(_) | Message::Pong(_) | Message::Frame(_) => Ok(Event::Other),
    }
}

/// Failure for an event that ends the session too early.
pub(crate) fn unexpected(event: &Event) -> Failure {
    match event {
        Event::Close(code, reason) => Failure::new(format!("close-{code}"), reason.as_str()),
        Event::Exit(Some(status)) => Failure::new("exited", format!("exit status {status}")),
        Event::Exit(None) => Failure::new("exited", "no exit status"),
        Event::Output(bytes) => {
            let detail = format!("unexpected output of {} bytes", bytes.len());
            Failure::new("protocol", detail)
        }
        Event::Ready(_) => Failure::new("protocol", "unexpected `ready`"),
        Event::InputAck(_) => Failure::new("protocol", "unexpected `input_ack`"),
        Event::Other => Failure::new("protocol", "unexpected message"),
    }
}
