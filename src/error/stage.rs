//! Stages of a session, in their order.

/// Stage of a session.
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
    /// The shell or command runs.
    Relay,
}

impl Stage {
    /// All stages, in the order of their numbers (`stage as usize`).
    pub const ALL: &[Self] = &[
        Self::Upgrade,
        Self::Auth,
        Self::Resolve,
        Self::Connect,
        Self::Handshake,
        Self::HostKey,
        Self::Login,
        Self::Shell,
        Self::Relay,
    ];

    /// Returns true for the stages that end before the login, in which the target is not reached
    /// yet.
    pub fn is_before_login(self) -> bool {
        matches!(
            self,
            Self::Resolve | Self::Connect | Self::Handshake | Self::HostKey
        )
    }

    /// Returns the name on the wire and in logs.
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
