//! Why a session ended, and the one table that maps a cause to what the
//! client, the log and the operator see. Nothing else chooses a close code.

use crate::message::BadMessage;
use thiserror::Error;

/// The stage of a session in which something happened.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Stage {
    /// HTTP request and upgrade.
    Upgrade,
    /// Waiting for the client's `auth` message.
    Auth,
    /// Looking up the target's name.
    Resolve,
    /// TCP connection to the target.
    Connect,
    /// SSH identification and key exchange.
    Handshake,
    /// The user is asked about the host key.
    HostKey,
    /// SSH authentication.
    Login,
    /// Channel, terminal, and shell or command.
    Shell,
    /// Bytes flow.
    Relay,
}

impl Stage {
    /// The stage's name on the wire and in logs.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Upgrade => "upgrade",
            Self::Auth => "auth",
            Self::Resolve => "resolve",
            Self::Connect => "connect",
            Self::Handshake => "handshake",
            Self::HostKey => "host_key",
            Self::Login => "login",
            Self::Shell => "shell",
            Self::Relay => "relay",
        }
    }
}

/// How a WebSocket client broke RFC 6455.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum WsViolation {
    /// Framing rules (close code 1002).
    #[error("the WebSocket framing rules were broken")]
    Protocol,
    /// Text that is not UTF-8 (1007).
    #[error("a text message was not UTF-8")]
    NotUtf8,
    /// A message above `websocket.read_limit` (1009).
    #[error("a message was larger than the server accepts")]
    TooLarge,
}

/// Why a host key was not accepted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum HostKeyProblem {
    /// Not in the known hosts, and the policy is strict.
    #[error("the target's host key is not known here")]
    Unknown,
    /// The known hosts hold another key for this host.
    #[error("the target's host key has changed; it may be another machine")]
    Changed,
    /// The key is marked `@revoked`.
    #[error("the target's host key is revoked")]
    Revoked,
    /// The user said no.
    #[error("the host key was refused")]
    Refused,
    /// The policy is to ask, and this client cannot be asked.
    #[error("the host key is not known, and this client cannot be asked")]
    CannotAsk,
    /// A new key could not be written to the known hosts.
    #[error("the host key could not be remembered")]
    NotStored,
}

/// Which limit was reached.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum LimitKind {
    /// `limits.max_connections`.
    #[error("the server is full")]
    Global,
    /// `limits.max_connections_per_host`.
    #[error("too many sessions to this target")]
    Target,
}

/// Why a session ended, if not by the end of the remote process.
///
/// `Display` is the public text: it names what was wrong and holds neither
/// secrets nor text of the remote side. Details for the operator are logged
/// where they occur.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum SessionError {
    /// The client sent a control message that is not of the protocol.
    #[error("{0}")]
    BadMessage(#[from] BadMessage),
    /// The client sent a message that does not fit the session's state.
    #[error("{0}")]
    OutOfOrder(&'static str),
    /// The client broke RFC 6455.
    #[error("{0}")]
    WebSocket(#[from] WsViolation),
    /// The SSH server refused every method that was offered.
    #[error("the SSH login failed")]
    LoginFailed,
    /// The private key or certificate cannot be used.
    #[error("the private key or certificate cannot be used: {0}")]
    UnusableKey(&'static str),
    /// The policy does not allow the target.
    #[error("this target is not allowed")]
    TargetRefused,
    /// A stage took longer than its deadline.
    #[error("the {} stage took too long", .0.as_str())]
    Deadline(Stage),
    /// The host key was not accepted.
    #[error("{0}")]
    HostKey(#[from] HostKeyProblem),
    /// The target's name has no address.
    #[error("the target's name could not be resolved")]
    NotResolved,
    /// The resolver has more work than it may queue.
    #[error("the name resolver is busy")]
    ResolverBusy,
    /// No TCP connection to the target.
    #[error("the target is unreachable")]
    Unreachable,
    /// The peer does not speak SSH.
    #[error("the target does not speak SSH")]
    NotSsh,
    /// No algorithm in common.
    #[error("the target offers no algorithm that is accepted here")]
    NoCommonAlgorithm,
    /// The key exchange failed otherwise.
    #[error("the SSH key exchange failed")]
    HandshakeFailed,
    /// The SSH connection broke.
    #[error("the SSH connection was lost")]
    ConnectionLost,
    /// The server would not open a session channel, a terminal or a shell.
    #[error("the SSH server refused to start {0}")]
    StartRefused(&'static str),
    /// A limit is reached.
    #[error("{0}")]
    Limit(#[from] LimitKind),
    /// The server is going down and takes no new sessions.
    #[error("the server is shutting down")]
    Draining,
    /// An administrator ended the session.
    #[error("ended by an administrator")]
    Killed,
    /// No input and no output for `session.idle_timeout`.
    #[error("the session was idle for too long")]
    Idle,
    /// `session.max_lifetime` is over.
    #[error("the session reached its maximum lifetime")]
    LifetimeOver,
    /// The client did not take output for `websocket.stall_timeout`.
    #[error("the client did not take output for too long")]
    Stalled,
    /// The client held output back for `session.hold_timeout`.
    #[error("the client held output back for too long")]
    HeldTooLong,
    /// The client answered no ping.
    #[error("the client stopped answering")]
    NoPong,
    /// The WebSocket broke without a close frame.
    #[error("the client is gone")]
    ClientGone,
    /// A fault of sshard.
    #[error("internal error")]
    Internal,
}

/// What a cause means to the outside: one row of the table.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Verdict {
    /// WebSocket close code.
    pub close_code: u16,
    /// Stable word: `code` of the `error` message, and the reason in logs.
    pub word: &'static str,
    /// Whether the same request may work later.
    pub retryable: bool,
    /// How loud the log is about it.
    pub level: tracing::Level,
}

impl SessionError {
    /// The table. A new cause does not compile until it has a row.
    pub fn verdict(&self) -> Verdict {
        use tracing::Level as L;
        let (close_code, word, retryable, level) = match self {
            Self::BadMessage(_) => (4400, "bad-message", false, L::INFO),
            Self::OutOfOrder(_) => (4400, "out-of-order", false, L::INFO),
            Self::WebSocket(WsViolation::Protocol) => (1002, "websocket-protocol", false, L::INFO),
            Self::WebSocket(WsViolation::NotUtf8) => (1007, "not-utf8", false, L::INFO),
            Self::WebSocket(WsViolation::TooLarge) => (1009, "too-large", false, L::INFO),
            Self::LoginFailed => (4401, "login-failed", false, L::INFO),
            Self::UnusableKey(_) => (4401, "unusable-key", false, L::INFO),
            Self::TargetRefused => (4403, "target-refused", false, L::WARN),
            Self::Deadline(_) => (4408, "deadline", true, L::INFO),
            Self::HostKey(HostKeyProblem::Unknown) => (4409, "host-key-unknown", false, L::WARN),
            Self::HostKey(HostKeyProblem::Changed) => (4409, "host-key-changed", false, L::ERROR),
            Self::HostKey(HostKeyProblem::Revoked) => (4409, "host-key-revoked", false, L::ERROR),
            Self::HostKey(HostKeyProblem::Refused) => (4409, "host-key-refused", false, L::INFO),
            Self::HostKey(HostKeyProblem::CannotAsk) => (4409, "host-key-unknown", false, L::WARN),
            Self::HostKey(HostKeyProblem::NotStored) => {
                (4409, "host-key-not-stored", true, L::ERROR)
            }
            Self::NotResolved => (4502, "name-not-found", true, L::INFO),
            Self::ResolverBusy => (1013, "resolver-busy", true, L::WARN),
            Self::Unreachable => (4502, "unreachable", true, L::INFO),
            Self::NotSsh => (4502, "not-ssh", false, L::INFO),
            Self::NoCommonAlgorithm => (4502, "no-common-algorithm", false, L::WARN),
            Self::HandshakeFailed => (4502, "handshake-failed", false, L::WARN),
            Self::ConnectionLost => (4503, "connection-lost", true, L::INFO),
            Self::StartRefused(_) => (4503, "start-refused", false, L::INFO),
            Self::Limit(LimitKind::Global) => (1013, "limit", true, L::WARN),
            Self::Limit(LimitKind::Target) => (1013, "target-limit", true, L::WARN),
            Self::Draining => (1001, "drain", true, L::INFO),
            Self::Killed => (4412, "killed", false, L::INFO),
            Self::Idle => (4410, "idle", true, L::INFO),
            Self::LifetimeOver => (4411, "lifetime", true, L::INFO),
            Self::Stalled => (4513, "stalled", true, L::INFO),
            Self::HeldTooLong => (4513, "held-too-long", true, L::INFO),
            Self::NoPong => (4514, "no-pong", true, L::INFO),
            Self::ClientGone => (1006, "client-gone", true, L::INFO),
            Self::Internal => (1011, "internal", true, L::ERROR),
        };
        Verdict {
            close_code,
            word,
            retryable,
            level,
        }
    }

    /// What the client is told where `targets.uniform_errors` hides why a
    /// target could not be reached (4403, 4408 before login, 4409, 4502).
    pub fn hides_target(&self) -> bool {
        match self {
            Self::Deadline(stage) => matches!(
                stage,
                Stage::Resolve | Stage::Connect | Stage::Handshake | Stage::HostKey
            ),
            other => matches!(other.verdict().close_code, 4403 | 4409 | 4502),
        }
    }
}
