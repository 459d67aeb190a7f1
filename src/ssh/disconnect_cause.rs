//! Reason why a connection ended, as far as it is known: the server's DISCONNECT, or data that
//! russh could not read; and the server's text where it refuses a channel. Recorded by the handler,
//! read by the session and by calls whose reply does not come.

use crate::error::SessionError;
use russh::Disconnect;
use russh::client::RemoteDisconnectInfo;
use std::cell::RefCell;

/// The first reason that was recorded. Lives on one shard.
#[derive(Debug, Default)]
pub(super) struct DisconnectCause {
    cause: RefCell<Option<SessionError>>,
    /// Text of the server that opened no channel.
    refusal: RefCell<String>,
}

impl DisconnectCause {
    /// Records a DISCONNECT.
    pub(super) fn note_disconnect(&self, info: &RemoteDisconnectInfo) {
        let reason = reason(&info.reason_code);
        let message = crate::message::escape_remote_text(info.message.trim());
        let text = if message.is_empty() {
            reason.to_owned()
        } else {
            format!("{message} ({reason})")
        };
        tracing::info!(text, "the SSH server disconnected");
        self.set(SessionError::Disconnected(text));
    }

    /// Records the error with which russh ended the connection.
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

    /// Records the text of a server that opened no channel.
    pub(super) fn note_refusal(&self, text: &str) {
        *self.refusal.borrow_mut() = crate::message::escape_remote_text(text.trim());
    }

    /// Returns the server's text of that refusal, to be appended to ours: a colon and the text, or
    /// nothing.
    pub(super) fn refusal(&self) -> String {
        let text = self.refusal.borrow();
        let colon = if text.is_empty() { "" } else { ": " };
        format!("{colon}{text}")
    }

    fn set(&self, cause: SessionError) {
        self.cause.borrow_mut().get_or_insert(cause);
    }

    /// Returns the reason, `ConnectionLost` if none is known.
    pub(super) fn cause(&self) -> SessionError {
        self.known().unwrap_or(SessionError::ConnectionLost)
    }

    /// Returns the reason, if one is known.
    pub(super) fn known(&self) -> Option<SessionError> {
        self.cause.borrow().clone()
    }
}

/// Returns whether russh failed because a text is not UTF-8: it decodes every string strictly.
pub(super) fn is_not_utf8(error: &russh::Error) -> bool {
    use russh::keys::ssh_encoding::Error::CharacterEncoding;
    matches!(
        error,
        russh::Error::Utf8(_) | russh::Error::SshEncoding(CharacterEncoding)
    )
}

/// Names a reason code of RFC 4250 section 4.2.2.
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
