//! Stages of a session, in their order.

use crate::words::words;

words! {
    /// Stage of a session.
    pub enum Stage {
        /// HTTP request and upgrade.
        Upgrade = "upgrade",
        /// Waiting for the client's `auth` message.
        Auth = "auth",
        /// Looking up the target's name.
        Resolve = "resolve",
        /// TCP connection to the target.
        Connect = "connect",
        /// SSH identification and key exchange.
        Handshake = "handshake",
        /// The user is asked about the host key.
        HostKey = "host_key",
        /// SSH authentication.
        Login = "login",
        /// Channel, terminal, and shell or command.
        Shell = "shell",
        /// The shell or command runs.
        Relay = "relay",
    }
}

impl Stage {
    /// Returns whether this is a stage between `auth` and the login, in which
    /// `targets.uniform_errors` hides whether the target exists.
    pub fn is_before_login(self) -> bool {
        matches!(
            self,
            Self::Resolve | Self::Connect | Self::Handshake | Self::HostKey
        )
    }
}
