//! Signal names of SSH (RFC 4254 section 6.10) and the system's numbers, both ways.

use russh::Sig;
use rustix::process::Signal;

/// A name of the RFC's list that russh has no variant for.
const USR2: &str = "USR2";

/// The system's signal; `None` for names that are not in the RFC's list.
pub(super) fn from_name(name: &Sig) -> Option<Signal> {
    Some(match name {
        Sig::ABRT => Signal::ABORT,
        Sig::ALRM => Signal::ALARM,
        Sig::FPE => Signal::FPE,
        Sig::HUP => Signal::HUP,
        Sig::ILL => Signal::ILL,
        Sig::INT => Signal::INT,
        Sig::KILL => Signal::KILL,
        Sig::PIPE => Signal::PIPE,
        Sig::QUIT => Signal::QUIT,
        Sig::SEGV => Signal::SEGV,
        Sig::TERM => Signal::TERM,
        Sig::USR1 => Signal::USR1,
        Sig::Custom(name) if name == USR2 => Signal::USR2,
        Sig::Custom(_) => return None,
    })
}

/// The name of a signal's number. One that is not in the RFC's list gets a name with a domain, as
/// the RFC wants it.
pub(super) fn to_name(number: i32) -> Sig {
    match Signal::from_named_raw(number) {
        Some(Signal::ABORT) => Sig::ABRT,
        Some(Signal::ALARM) => Sig::ALRM,
        Some(Signal::FPE) => Sig::FPE,
        Some(Signal::HUP) => Sig::HUP,
        Some(Signal::ILL) => Sig::ILL,
        Some(Signal::INT) => Sig::INT,
        Some(Signal::KILL) => Sig::KILL,
        Some(Signal::PIPE) => Sig::PIPE,
        Some(Signal::QUIT) => Sig::QUIT,
        Some(Signal::SEGV) => Sig::SEGV,
        Some(Signal::TERM) => Sig::TERM,
        Some(Signal::USR1) => Sig::USR1,
        Some(Signal::USR2) => Sig::Custom(USR2.to_owned()),
        _ => Sig::Custom(format!("{number}@sshard")),
    }
}

#[cfg(test)]
mod tests {
    use super::{from_name, to_name};

    #[test]
    fn every_signal_of_the_list_goes_both_ways() {
        let both = |number: &i32| from_name(&to_name(*number)).is_some();
        let numbers = (1..=64).filter(|number| match from_name(&to_name(*number)) {
            Some(signal) => signal.as_raw() == *number,
            None => false,
        });
        assert_eq!(numbers.count(), 13);
        assert_eq!((1..=64).filter(both).count(), 13);
    }
}
