//! What a session of the sink does, by its user's name or its command.

/// MiB that `bulk` may be asked for, and KiB of `burst`.
const MAX_BULK: u64 = 1 << 20;

/// What a session does. In a user's name a hyphen stands for the space.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mode {
    /// `echo`: every byte comes back, without a terminal's line discipline.
    Echo,
    /// `bulk N`: N MiB as fast as they are taken, then exit status 0.
    Bulk(u64),
    /// `burst N`: N KiB of output as soon as they are taken, then as `echo`: a session that has had
    /// output and is idle.
    Burst(u64),
    /// `flood`: output until a Ctrl-C (0x03) comes; then one line that tells when it came
    /// ([`super::CTRL_C_MARK`]), and nothing more.
    Flood,
    /// `exit N`: exit status N at once.
    Exit(u32),
    /// `null`: input is taken and forgotten.
    Null,
}

impl Mode {
    /// The mode that `text` names.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let (name, number) = match text.trim().split_once([' ', '-']) {
            Some((name, number)) => (name, Some(number.trim())),
            None => (text.trim(), None),
        };
        match (name, number) {
            ("echo", None) => Some(Self::Echo),
            ("flood", None) => Some(Self::Flood),
            ("null", None) => Some(Self::Null),
            ("bulk", Some(number)) => number
                .parse()
                .ok()
                .filter(|mib| *mib <= MAX_BULK)
                .map(Self::Bulk),
            ("burst", Some(number)) => number
                .parse()
                .ok()
                .filter(|kib| *kib <= MAX_BULK)
                .map(Self::Burst),
            ("exit", Some(number)) => number.parse().ok().map(Self::Exit),
            _ => None,
        }
    }

    /// The user whose sessions are of this mode.
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
    fn names_and_commands() {
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
    fn a_modes_user_names_it() {
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
