//! Types of client messages in `sshard.v1`: the one list of their names, and of those that are
//! accepted before `auth`.

macro_rules! kinds {
    ($( $Name:ident = $name:literal, before_auth: $before_auth:literal; )+) => {
        /// Type of a client message.
        #[derive(Debug, Clone, Copy, PartialEq, Eq)]
        pub(super) enum Kind {
            $( $Name, )+
        }

        impl Kind {
            const ALL: &[Self] = &[ $( Self::$Name, )+ ];

            /// Returns the value of `type`.
            pub(super) const fn as_str(self) -> &'static str {
                match self { $( Self::$Name => $name, )+ }
            }

            /// Returns true if the message is accepted before `auth` was.
            pub(super) const fn is_before_auth(self) -> bool {
                match self { $( Self::$Name => $before_auth, )+ }
            }
        }
    };
}

kinds! {
    Auth = "auth", before_auth: true;
    Answer = "answer", before_auth: false;
    HostKeyAnswer = "host_key_answer", before_auth: false;
    Resize = "resize", before_auth: false;
    Signal = "signal", before_auth: false;
    Eof = "eof", before_auth: false;
    Ack = "ack", before_auth: false;
    Hold = "hold", before_auth: false;
    Release = "release", before_auth: false;
    Ping = "ping", before_auth: true;
    Close = "close", before_auth: true;
}

impl Kind {
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
