//! Errors of a client's message. No variant carries text of the client, so the `Display` text may
//! go to the client, to a log and into a close reason. The close code is not chosen here.

use super::kind::Kind;
use thiserror::Error;

/// A message that the dialect does not accept (close code 4400).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum BadMessage {
    /// The text message is not one JSON object.
    #[error(
        "a text message must be one JSON object; terminal input is a binary message (websocat: \
         -b --text-prefix @)"
    )]
    NotAnObject,
    /// The object has no `type`, more than one, or one that is not a string.
    #[error("a message needs exactly one `type`, a string")]
    NoType,
    /// `type` is not one of the client's.
    #[error("unknown `type`; accepted: {}", Kind::list(false))]
    UnknownType,
    /// The message came before `auth`.
    #[error(
        "before `auth` only the text messages {} are accepted",
        Kind::list(true)
    )]
    BeforeAuth,
    /// `auth` came a second time.
    #[error("`auth` is accepted once")]
    SecondAuth,
    /// A field has the wrong JSON type, or occurs twice.
    #[error("`{message}` is malformed; accepted: {accepted}")]
    Malformed {
        /// Type of the refused message.
        message: &'static str,
        /// The fields it takes.
        accepted: &'static str,
    },
    /// A required field is missing, or a value is out of bounds.
    #[error("`{field}` of `{message}` must be {accepted}")]
    Field {
        /// Type of the refused message.
        message: &'static str,
        /// Name of the refused field.
        field: &'static str,
        /// The values it takes.
        accepted: &'static str,
    },
}
