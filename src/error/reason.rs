//! End reasons of sessions: words of the `error` message, the log and the statistics.

use crate::words::words;

words! {
    /// End reason of a session.
    pub enum Reason {
        /// The remote process ended. Not a failure.
        Exit = "exit",
        /// The client closed. Not a failure.
        ClientClosed = "client-closed",
        /// A control message that is not of the protocol.
        BadMessage = "bad-message",
        /// A message that does not fit the session's state.
        OutOfOrder = "out-of-order",
        /// WebSocket framing.
        WebSocketProtocol = "websocket-protocol",
        /// Text that is not UTF-8.
        NotUtf8 = "not-utf8",
        /// A message above the limit.
        TooLarge = "too-large",
        /// More control frames or empty fragments than any client needs.
        ControlFrameFlood = "control-frame-flood",
        /// Every login method was refused.
        LoginFailed = "login-failed",
        /// The password has to be changed first.
        PasswordExpired = "password-expired",
        /// A question for a client that cannot be asked.
        CannotAsk = "cannot-ask",
        /// A private key or certificate that cannot be used.
        UnusableKey = "unusable-key",
        /// The ssh-agent of a named target cannot be used.
        AgentUnavailable = "agent-unavailable",
        /// The policy does not allow the target.
        TargetRefused = "target-refused",
        /// An admission ticket is missing or not valid.
        TicketRefused = "ticket-refused",
        /// Too many logins of this client have failed at this target, or passphrases.
        Throttled = "throttled",
        /// A stage took too long.
        Deadline = "deadline",
        /// The host key is not known, and the user could not or may not be asked.
        HostKeyUnknown = "host-key-unknown",
        /// Another host key is known, or pinned for the target.
        HostKeyChanged = "host-key-changed",
        /// The host key is revoked.
        HostKeyRevoked = "host-key-revoked",
        /// The host's certificate is not accepted.
        HostCertificateInvalid = "host-certificate-invalid",
        /// The user refused the host key.
        HostKeyRefused = "host-key-refused",
        /// The host key could not be stored.
        HostKeyNotStored = "host-key-not-stored",
        /// Too many new host keys were stored lately.
        HostKeyLimit = "host-key-limit",
        /// The target's name has no address, or more than 64.
        NameNotFound = "name-not-found",
        /// No name server answered, or the look-up failed on this machine.
        NameServerFailed = "name-server-failed",
        /// The resolver's queue is full.
        ResolverBusy = "resolver-busy",
        /// The queue for private keys, and for slow look-ups of host keys, is full.
        CryptoBusy = "crypto-busy",
        /// No TCP connection.
        Unreachable = "unreachable",
        /// The peer does not speak SSH.
        NotSsh = "not-ssh",
        /// The peer speaks another version of SSH.
        SshVersion = "ssh-version",
        /// The peer closed the connection in place of its version line.
        ServerRefused = "server-refused",
        /// No algorithm in common.
        NoCommonAlgorithm = "no-common-algorithm",
        /// The key exchange failed.
        HandshakeFailed = "handshake-failed",
        /// The SSH connection broke.
        ConnectionLost = "connection-lost",
        /// The SSH server sent text that is not UTF-8.
        NotUtf8FromServer = "not-utf8-from-server",
        /// The SSH server broke a rule or cost too much.
        ServerMisbehaved = "server-misbehaved",
        /// The server opened no session channel, or refused the shell or command.
        StartRefused = "start-refused",
        /// `limits.max_connections`, also as the size of the table of targets, or
        /// `limits.max_unauthenticated`.
        Limit = "limit",
        /// `limits.max_connections_per_host`.
        TargetLimit = "target-limit",
        /// The server is going down.
        Drain = "drain",
        /// Ended by an administrator.
        Killed = "killed",
        /// Idle for too long.
        Idle = "idle",
        /// `session.max_lifetime` is over.
        Lifetime = "lifetime",
        /// The client took no output for too long.
        Stalled = "stalled",
        /// The client held output back for too long.
        HeldTooLong = "held-too-long",
        /// The client answered no ping.
        NoPong = "no-pong",
        /// The WebSocket broke.
        ClientGone = "client-gone",
        /// A fault of sshard.
        Internal = "internal",
    }
}

impl Reason {
    /// Returns false for the ends that one of the two sides wanted.
    pub const fn is_failure(self) -> bool {
        !matches!(self, Self::Exit | Self::ClientClosed)
    }
}

#[cfg(test)]
mod tests {
    use super::Reason;
    use std::collections::HashSet;

    #[test]
    fn every_reason_has_a_distinct_word() {
        let words: HashSet<_> = Reason::ALL.iter().map(|reason| reason.as_str()).collect();
        assert_eq!(words.len(), Reason::ALL.len());
    }
}
