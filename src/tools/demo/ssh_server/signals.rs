//! Signal names of SSH (RFC 4254 section 6.10) and the system's numbers, both ways.

use russh::Sig;
use rustix::process::Signal;
use std::mem::discriminant;

/// Signals of the RFC's list, but for [`USR2`].
const SIGNALS: [(Sig, Signal); 12] = [
    (Sig::ABRT, Signal::ABORT),
    (Sig::ALRM, Signal::ALARM),
    (Sig::FPE, Signal::FPE),
    (Sig::HUP, Signal::HUP),
    (Sig::ILL, Signal::ILL),
    (Sig::INT, Signal::INT),
    (Sig::KILL, Signal::KILL),
    (Sig::PIPE, Signal::PIPE),
    (Sig::QUIT, Signal::QUIT),
    (Sig::SEGV, Signal::SEGV),
    (Sig::TERM, Signal::TERM),
    (Sig::USR1, Signal::USR1),
];
/// A name of the RFC's list that russh has no variant for.
const USR2: &str = "USR2";

/// The system's signal; `None` for names that are not in the RFC's list.
pub(super) fn from_name(name: &Sig) -> Option<Signal> {
    if let Sig::Custom(name) = name {
        return (name == USR2).then_some(Signal::USR2);
    }
    let found = SIGNALS
        .into_iter()
        .find(|(known, _)| discriminant(known) == discriminant(name));
    found.map(|(_, signal)| signal)
}

/// The name of a signal's number. One that is not in the RFC's list gets a name with a domain, as
/// the RFC wants it.
pub(super) fn to_name(number: i32) -> Sig {
    let found = SIGNALS
        .into_iter()
        .find(|(_, signal)| signal.as_raw() == number);
    match found {
        Some((name, _)) => name,
        None if number == Signal::USR2.as_raw() => Sig::Custom(USR2.to_owned()),
        None => Sig::Custom(format!("{number}@sshard")),
    }
}

#[cfg(test)]
mod tests {
    use super::{from_name, to_name};

    #[test]
    fn every_signal_of_the_list_goes_both_ways() {
        let back = |number| Some((number, from_name(&to_name(number))?.as_raw()));
        let both: Vec<(i32, i32)> = (1..=64).filter_map(back).collect();
        assert_eq!(both.len(), 13);
        assert!(both.iter().all(|(number, back)| number == back), "{both:?}");
    }
}
