//! Modes of a session of the sink, selected by user name or command.

/// Largest size of `bulk`, in MiB, and of `burst`, in KiB.
const MAX_BULK: u64 = 1 << 20;

/// Behaviour of a session. In a user name a hyphen replaces the space.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mode {
    /// `echo`: returns every byte, without a terminal's line discipline.
    Echo,
    /// `bulk N`: writes N MiB as fast as the client reads, then exits with status 0.
    Bulk(u64),
    /// `burst N`: writes N KiB, then acts as `echo`: an idle session after output.
    Burst(u64),
    /// `flood`: writes until a Ctrl-C (0x03) arrives; then one line with its time of arrival
    /// ([`super::CTRL_C_MARKER`]), and nothing more.
    Flood,
    /// `exit N`: exits with status N at once.
    Exit(u32),
    /// `null`: discards its input.
    Null,
}

impl Mode {
    /// Parses a user name or a command.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let (name, number) = match text.trim().split_once([' ', '-']) {
            Some((name, number)) => (name, Some(number.trim())),
            None => (text.trim(), None),
        };
        let size = |number: &str| number.parse::<u64>().ok().filter(|size| *size <= MAX_BULK);
        match (name, number) {
            ("echo", None) => Some(Self::Echo),
            ("flood", None) => Some(Self::Flood),
            ("null", None) => Some(Self::Null),
            ("bulk", Some(mib)) => size(mib).map(Self::Bulk),
            ("burst", Some(kib)) => size(kib).map(Self::Burst),
            ("exit", Some(number)) => number.parse().ok().map(Self::Exit),
            _ => None,
        }
    }

    /// User name that selects this mode.
    #[must_use]
    pub fn user(self) -> String {
        match self {
            Self::Echo => "echo".to_owned(),
            Self::Flood => "flood".to_owned(),
            Self::Null => "null".to_owned(),
            Self::Bulk(mib) => format!("bulk-{mib}"),
            Self::Burst(kib) => format!("burst-{kib}"),
            Self::Exit(status) => format!("exit-{status}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn user_names_and_commands_are_parsed() {
        let table = [
            ("echo", Some(Mode::Echo)),
            (" echo ", Some(Mode::Echo)),
            ("flood", Some(Mode::Flood)),
            ("null", Some(Mode::Null)),
            ("bulk 8", Some(Mode::Bulk(8))),
            ("bulk-8", Some(Mode::Bulk(8))),
            ("exit 3", Some(Mode::Exit(3))),
            ("exit-3", Some(Mode::Exit(3))),
            ("burst-1024", Some(Mode::Burst(1024))),
            ("burst", None),
            ("bulk", None),
            ("bulk -1", None),
            ("bulk 99999999999", None),
            ("exit x", None),
            ("echo 1", None),
            ("", None),
            ("root", None),
        ];
        for (text, mode) in table {
            assert_eq!(Mode::parse(text), mode, "{text:?}");
        }
    }

    #[test]
    fn a_modes_user_name_selects_it() {
        for mode in [
            Mode::Echo,
            Mode::Flood,
            Mode::Null,
            Mode::Bulk(64),
            Mode::Burst(1),
            Mode::Exit(255),
        ] {
            assert_eq!(Mode::parse(&mode.user()), Some(mode));
        }
    }
}
