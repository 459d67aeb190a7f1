//! Causes for which a session ends, and the one table that maps a cause to close code, end reason,
//! log level and what `targets.uniform_errors` hides. Nothing else chooses a close code.

mod connect;
mod deadline;
mod host_key;
mod reason;
mod stage;

pub use connect::ConnectFailure;
pub use deadline::{Deadline, PROMPT_DEADLINE, WHOLE_DEADLINE};
pub use host_key::HostKeyProblem;
pub use reason::Reason;
pub use stage::Stage;

use crate::message::BadMessage;
use thiserror::Error;

/// Breach of RFC 6455 by a WebSocket client.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum WsViolation {
    /// Framing rules (close code 1002).
    #[error("the client broke the WebSocket framing rules (RFC 6455)")]
    Protocol,
    /// Text that is not UTF-8 (1007).
    #[error("a text message was not UTF-8; send terminal input in binary messages")]
    NotUtf8,
    /// A message above `websocket.read_limit` (1009).
    #[error(
        "a message was larger than the server accepts (websocket.read_limit); send smaller ones"
    )]
    TooLarge,
    /// More pings, pongs and empty fragments than any client needs (1008).
    #[error("more control frames or empty fragments than the server accepts; send fewer")]
    Flood,
}

/// Reason for which an admission ticket was not accepted. Holds nothing of the ticket.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum TicketProblem {
    /// None was sent, and one is required.
    #[error("an admission ticket is required; get one from its issuer")]
    Missing,
    /// Not a ticket, or not signed with our key.
    #[error("the admission ticket is not valid: it is malformed, or signed with another key")]
    NotValid,
    /// Not valid before a later time.
    #[error("the admission ticket is not valid yet; compare its issuer's clock with the server's")]
    NotYet,
    /// Expired, or older than `admission.max_ticket_age`.
    #[error("the admission ticket has expired; get a new one")]
    Expired,
    /// Issued for another SSH user.
    #[error("the admission ticket is for another user")]
    OtherUser,
    /// Issued for another target.
    #[error("the admission ticket is for another target")]
    OtherTarget,
}

/// Limit that was reached.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum LimitKind {
    /// `limits.max_connections`.
    #[error("the server is full; try again later")]
    Global,
    /// `limits.max_connections_per_host`.
    #[error("too many sessions to this target; end one, or try again later")]
    Target,
    /// `limits.max_connections_per_host`, for logins in progress.
    #[error("too many logins are under way at this target; try again in a few seconds")]
    Logins,
    /// `limits.max_connections_per_host`, for open questions (prompts and host keys).
    #[error("too many questions of this target are unanswered; this one was the oldest")]
    Questions,
    /// `limits.max_unauthenticated`, most of which this client held.
    #[error("too many connections of this client are waiting to log in; this one was the oldest")]
    Unauthenticated,
}

/// Cause for which a session ended, if not the end of the remote process.
///
/// `Display` is the public text: it names what was wrong and holds no secrets, and of the remote
/// side's text only what is escaped and cut (1 KiB): the names of algorithms, and the server's
/// words where it ended the connection itself. Details for the operator are logged where they
/// occur.
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
    /// The SSH server disconnected during the login; its words.
    #[error("the SSH login failed: the server disconnected: {0}")]
    LoginDisconnected(String),
    /// The SSH server asks for a new password in place of accepting this one (RFC 4252 section 8).
    #[error(
        "the SSH server wants the password changed before it lets anybody in, most likely because \
         it has expired; change it with another SSH client or ask the server's administrator"
    )]
    PasswordExpired,
    /// The SSH server asks what only a person can answer, in a dialect without questions.
    #[error(
        "the SSH server asks for a code or another answer, and this client cannot be asked; \
         use one that speaks sshard.v1"
    )]
    CannotAsk,
    /// The private key or certificate cannot be used.
    #[error("the private key or certificate cannot be used: {0}")]
    UnusableKey(&'static str),
    /// The target's ssh-agent cannot be reached, or its answer cannot be parsed.
    #[error("the bridge's ssh-agent for this target cannot be used; its log says why")]
    AgentUnavailable,
    /// The policy does not allow the target.
    #[error("this target is not allowed by the bridge's policy; ask its operator")]
    TargetRefused,
    /// The admission ticket was not accepted.
    #[error("{0}")]
    Ticket(#[from] TicketProblem),
    /// Too many logins of this client at this target have failed, or are still under way; the
    /// number is how many seconds from now the next may be tried.
    #[error("too many failed or unfinished logins at this target; try again in {0} s")]
    Throttled(u64),
    /// Too many private keys of this client could not be decrypted; the number is how many seconds
    /// from now the next may be tried.
    #[error("too many passphrases were wrong; try again in {0} s")]
    KeysThrottled(u64),
    /// A stage took longer than a deadline.
    #[error("{0}")]
    Deadline(Deadline),
    /// The host key was not accepted.
    #[error("{0}")]
    HostKey(#[from] HostKeyProblem),
    /// The target's name has no address.
    #[error("the target's name has no address; check its spelling")]
    NotResolved,
    /// No name server answered for the target's name.
    #[error("no name server answered for the target's name; try again, or use an address")]
    NoNameServer,
    /// The resolver has more work than it may queue.
    #[error("the name resolver is busy; try again in a few seconds")]
    ResolverBusy,
    /// The worker queue is full, for all clients or for this one: private keys to read, or host
    /// keys to look up in a file that is slow to search.
    #[error("too many keys are being read or looked up; try again in a few seconds")]
    CryptoBusy,
    /// No TCP connection to the target, for a reason that is not disclosed.
    #[error("the target is unreachable")]
    Unreachable,
    /// No TCP connection to the target, and the reason.
    #[error("the target is unreachable: {0}")]
    NotConnected(ConnectFailure),
    /// The peer does not speak SSH.
    #[error("the target does not speak SSH; check the port")]
    NotSsh,
    /// The peer speaks SSH, but not version 2; its version line.
    #[error("the target speaks {0}; SSH 2.0 is needed")]
    SshVersion(String),
    /// The peer closed the connection in place of its version line; its words, which may be none.
    #[error("the target closed the connection before SSH began{}", said(.0))]
    ServerRefused(String),
    /// No algorithm in common: what each side offers, the target's escaped and cut to what fits.
    #[error("no algorithm in common: {0}")]
    NoCommonAlgorithm(String),
    /// The key exchange failed otherwise.
    #[error("the SSH key exchange failed; the bridge's log says why")]
    HandshakeFailed,
    /// The SSH connection broke.
    #[error("the SSH connection was lost")]
    ConnectionLost,
    /// The SSH server ended the connection (RFC 4253 section 11.1); its words.
    #[error("the SSH server disconnected: {0}")]
    Disconnected(String),
    /// Text of the SSH server is not UTF-8, as RFC 4251 section 5 wants it.
    #[error(
        "the SSH server sent text that is not UTF-8 (a banner, a prompt or a disconnect message), \
         which the bridge cannot read; set the server to send it in UTF-8, or none"
    )]
    NotUtf8FromServer,
    /// The server broke a rule, or cost more than a server may.
    #[error("the SSH server misbehaved: {0}")]
    ServerMisbehaved(&'static str),
    /// The server would not open a session channel (with its words) or start a shell.
    #[error("the SSH server refused to start {0}")]
    StartRefused(String),
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
    #[error("the session was idle for too long (session.idle_timeout)")]
    Idle,
    /// `session.max_lifetime` is over.
    #[error("the session reached its maximum lifetime (session.max_lifetime)")]
    LifetimeOver,
    /// The client did not take output for `websocket.stall_timeout`.
    #[error("the client did not take output for too long (websocket.stall_timeout)")]
    Stalled,
    /// The client held output back for `session.hold_timeout`.
    #[error("the client held output back for too long (session.hold_timeout)")]
    HeldTooLong,
    /// The client answered no ping.
    #[error("the client stopped answering pings (websocket.ping_interval)")]
    NoPong,
    /// The WebSocket broke without a close frame.
    #[error("the WebSocket broke")]
    ClientGone,
    /// A fault of sshard.
    #[error("internal error of the bridge; please report it with the bridge's log of this session")]
    Internal,
}

/// One row of the table: what the client, the log and the statistics see of a cause.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ErrorClass {
    /// WebSocket close code.
    pub close_code: u16,
    /// Stable word: the `code` of the `error` message, and the reason in logs and statistics.
    pub reason: Reason,
    /// True if the same request may work later.
    pub retryable: bool,
    /// Level of the log line.
    pub level: tracing::Level,
    /// Ends that `targets.uniform_errors` hides from the client.
    hides: Hides,
}

/// Stages in which a cause would tell the client why a target could not be reached.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Hides {
    Never,
    /// Before login: afterwards the target is known to be there.
    Early,
    Always,
}

/// Row of the table, in the order of [`ErrorClass`]'s fields.
type Row = (u16, Reason, bool, tracing::Level, Hides);

impl ErrorClass {
    fn of_row((close_code, reason, retryable, level, hides): Row) -> Self {
        Self {
            close_code,
            reason,
            retryable,
            level,
            hides,
        }
    }

    /// Returns true if `targets.uniform_errors` hides this end, in this stage, from the client.
    pub fn hides_target(&self, stage: Stage) -> bool {
        match self.hides {
            Hides::Never => false,
            Hides::Early => stage.is_before_login(),
            Hides::Always => true,
        }
    }
}

impl SessionError {
    /// The table. A new cause does not compile until it has a row.
    pub fn class(&self) -> ErrorClass {
        use Hides::{Always as A, Early as E, Never as N};
        use HostKeyProblem as H;
        use Reason as R;
        use tracing::Level as L;
        ErrorClass::of_row(match self {
            Self::BadMessage(_) => (4400, R::BadMessage, false, L::INFO, N),
            Self::OutOfOrder(_) => (4400, R::OutOfOrder, false, L::INFO, N),
            Self::WebSocket(WsViolation::Protocol) => {
                (1002, R::WebSocketProtocol, false, L::INFO, N)
            }
            Self::WebSocket(WsViolation::NotUtf8) => (1007, R::NotUtf8, false, L::INFO, N),
            Self::WebSocket(WsViolation::TooLarge) => (1009, R::TooLarge, false, L::INFO, N),
            Self::WebSocket(WsViolation::Flood) => (1008, R::ControlFrameFlood, false, L::WARN, N),
            Self::LoginFailed => (4401, R::LoginFailed, false, L::INFO, N),
            Self::LoginDisconnected(_) => (4401, R::LoginFailed, false, L::INFO, N),
            Self::PasswordExpired => (4401, R::PasswordExpired, false, L::INFO, N),
            Self::CannotAsk => (4401, R::CannotAsk, false, L::INFO, N),
            Self::UnusableKey(_) => (4401, R::UnusableKey, false, L::INFO, N),
            Self::AgentUnavailable => (4401, R::AgentUnavailable, true, L::ERROR, N),
            Self::TargetRefused => (4403, R::TargetRefused, false, L::WARN, A),
            Self::Ticket(_) => (4403, R::TicketRefused, false, L::WARN, N),
            // Only a target that answers can be failed at.
            Self::Throttled(_) => (4429, R::Throttled, true, L::INFO, E),
            Self::KeysThrottled(_) => (4429, R::Throttled, true, L::INFO, N),
            Self::Deadline(_) => (4408, R::Deadline, true, L::INFO, E),
            Self::HostKey(H::Unknown | H::CannotAsk) => {
                (4409, R::HostKeyUnknown, false, L::WARN, A)
            }
            Self::HostKey(H::Changed | H::NotPinned) => {
                (4409, R::HostKeyChanged, false, L::ERROR, A)
            }
            Self::HostKey(H::Revoked) => (4409, R::HostKeyRevoked, false, L::ERROR, A),
            Self::HostKey(H::Certificate(_)) => {
                (4409, R::HostCertificateInvalid, false, L::ERROR, A)
            }
            Self::HostKey(H::Refused) => (4409, R::HostKeyRefused, false, L::INFO, A),
            Self::HostKey(H::NotStored) => (4409, R::HostKeyNotStored, true, L::ERROR, A),
            Self::HostKey(H::TooManyNew) => (4409, R::HostKeyLimit, true, L::WARN, A),
            Self::NotResolved => (4502, R::NameNotFound, true, L::INFO, A),
            Self::NoNameServer => (4502, R::NameServerFailed, true, L::WARN, A),
            Self::ResolverBusy => (1013, R::ResolverBusy, true, L::WARN, N),
            Self::CryptoBusy => (1013, R::CryptoBusy, true, L::WARN, N),
            Self::Unreachable | Self::NotConnected(_) => (4502, R::Unreachable, true, L::INFO, A),
            Self::NotSsh => (4502, R::NotSsh, false, L::INFO, A),
            Self::SshVersion(_) => (4502, R::SshVersion, false, L::INFO, A),
            Self::ServerRefused(_) => (4502, R::ServerRefused, true, L::INFO, A),
            Self::NoCommonAlgorithm(_) => (4502, R::NoCommonAlgorithm, false, L::WARN, A),
            Self::HandshakeFailed => (4502, R::HandshakeFailed, false, L::WARN, A),
            Self::Disconnected(_) | Self::ConnectionLost => {
                (4503, R::ConnectionLost, true, L::INFO, E)
            }
            Self::NotUtf8FromServer => (4503, R::NotUtf8FromServer, false, L::WARN, E),
            Self::ServerMisbehaved(_) => (4503, R::ServerMisbehaved, false, L::WARN, E),
            Self::StartRefused(_) => (4503, R::StartRefused, false, L::INFO, N),
            Self::Limit(LimitKind::Global) => (1013, R::Limit, true, L::WARN, N),
            Self::Limit(LimitKind::Target | LimitKind::Logins | LimitKind::Questions) => {
                (1013, R::TargetLimit, true, L::WARN, N)
            }
            Self::Limit(LimitKind::Unauthenticated) => (1013, R::Limit, true, L::INFO, N),
            Self::Draining => (1001, R::Drain, true, L::INFO, N),
            Self::Killed => (4412, R::Killed, false, L::INFO, N),
            Self::Idle => (4410, R::Idle, true, L::INFO, N),
            Self::LifetimeOver => (4411, R::Lifetime, true, L::INFO, N),
            Self::Stalled => (4513, R::Stalled, true, L::INFO, N),
            Self::HeldTooLong => (4513, R::HeldTooLong, true, L::INFO, N),
            Self::NoPong => (4514, R::NoPong, true, L::INFO, N),
            Self::ClientGone => (1006, R::ClientGone, true, L::INFO, N),
            Self::Internal => (1011, R::Internal, true, L::ERROR, N),
        })
    }
}

fn said(words: &str) -> String {
    if words.is_empty() {
        " and said nothing: it may be busy, or refuse the bridge's address".to_owned()
    } else {
        format!(": {words}")
    }
}
