//! Types of client messages in `sshard.v1`: the one list of their names, and of those that are
//! accepted before `auth`.

use crate::words::words;

words! {
    /// Type of a client message, by the value of `type`.
    pub(super) enum Kind {
        Auth = "auth",
        Answer = "answer",
        HostKeyAnswer = "host_key_answer",
        Resize = "resize",
        Signal = "signal",
        Eof = "eof",
        Ack = "ack",
        Hold = "hold",
        Release = "release",
        Ping = "ping",
        Close = "close",
    }
}

impl Kind {
    /// Returns true if the message is accepted before `auth` was.
    pub(super) fn is_before_auth(self) -> bool {
        matches!(self, Self::Auth | Self::Ping | Self::Close)
    }

    /// Parses the value of `type`.
    pub(super) fn parse(name: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|kind| kind.as_str() == name)
    }

    /// Lists the names for an error text, all of them or those accepted before `auth`.
    pub(super) fn list(only_before_auth: bool) -> String {
        let kinds = Self::ALL.iter().copied();
        let listed = kinds.filter(|kind| kind.is_before_auth() || !only_before_auth);
        listed.map(Self::as_str).collect::<Vec<_>>().join(", ")
    }
}
