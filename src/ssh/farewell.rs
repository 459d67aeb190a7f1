//! Cause of a connection's end, as far as it is known: the server's DISCONNECT, or data that russh
//! could not read; and the server's reason to refuse a channel. Recorded by the handler, for the
//! session and for whoever waits for a reply that does not come.

use crate::error::SessionError;
use russh::Disconnect;
use russh::client::RemoteDisconnectInfo;
use std::cell::RefCell;

/// The cause, once there is one. Lives on one shard.
#[derive(Debug, Default)]
pub(super) struct Farewell {
    cause: RefCell<Option<SessionError>>,
    /// Why the server opened no channel.
    refusal: RefCell<String>,
}

impl Farewell {
    /// The server has disconnected.
    pub(super) fn note_disconnect(&self, info: &RemoteDisconnectInfo) {
        let reason = reason(&info.reason_code);
        let words = crate::message::escape_remote_text(info.message.trim());
        let text = if words.is_empty() {
            reason.to_owned()
        } else {
            format!("{words} ({reason})")
        };
        tracing::info!(text, "the SSH server disconnected");
        self.set(SessionError::Disconnected(text));
    }

    /// The connection ended with this error.
    pub(super) fn note_error(&self, error: &russh::Error) {
        if is_not_utf8(error) {
            self.set(SessionError::NotUtf8FromServer);
        }
        if matches!(error, russh::Error::PacketSize(_)) {
            self.set(SessionError::ServerMisbehaved(
                "it sent a packet above 256 KiB, or one too short to be one",
            ));
        }
    }

    /// The server has opened no channel.
    pub(super) fn note_refusal(&self, words: &str) {
        *self.refusal.borrow_mut() = crate::message::escape_remote_text(words.trim());
    }

    /// Returns the server's text on that refusal, to be appended to ours: a colon
    /// and the text, or nothing.
    pub(super) fn refusal(&self) -> String {
        let words = self.refusal.borrow();
        let colon = if words.is_empty() { "" } else { ": " };
        format!("{colon}{words}")
    }

    fn set(&self, cause: SessionError) {
        self.cause.borrow_mut().get_or_insert(cause);
    }

    /// Why the connection is gone.
    pub(super) fn cause(&self) -> SessionError {
        self.known().unwrap_or(SessionError::ConnectionLost)
    }

    /// Why the connection is gone, if that was told.
    pub(super) fn known(&self) -> Option<SessionError> {
        self.cause.borrow().clone()
    }
}

/// Returns whether russh gave up because a text is not UTF-8: it reads every string strictly.
pub(super) fn is_not_utf8(error: &russh::Error) -> bool {
    use russh::keys::ssh_encoding::Error::CharacterEncoding;
    matches!(
        error,
        russh::Error::Utf8(_) | russh::Error::SshEncoding(CharacterEncoding)
    )
}

/// The names of RFC 4250 section 4.2.2.
fn reason(code: &Disconnect) -> &'static str {
    match code {
        Disconnect::HostNotAllowedToConnect => "host not allowed to connect",
        Disconnect::ProtocolError => "protocol error",
        Disconnect::KeyExchangeFailed => "key exchange failed",
        Disconnect::Reserved => "reserved",
        Disconnect::MACError => "MAC error",
        Disconnect::CompressionError => "compression error",
        Disconnect::ServiceNotAvailable => "service not available",
        Disconnect::ProtocolVersionNotSupported => "protocol version not supported",
        Disconnect::HostKeyNotVerifiable => "host key not verifiable",
        Disconnect::ConnectionLost => "connection lost",
        Disconnect::ByApplication => "by application",
        Disconnect::TooManyConnections => "too many connections",
        Disconnect::AuthCancelledByUser => "authentication cancelled by user",
        Disconnect::NoMoreAuthMethodsAvailable => "no more authentication methods available",
        Disconnect::IllegalUserName => "illegal user name",
    }
}
