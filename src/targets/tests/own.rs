//! Rules that allow the bridge's own listeners as targets, and rules that do not.

use super::{address, evaluate, named, parse, policy};
use crate::targets::{OwnListeners, PolicyDenial};

fn own() -> OwnListeners {
    let own = OwnListeners::default();
    own.set(vec![address("127.0.0.1:8022"), address("127.0.0.1:8023")]);
    own
}

#[test]
fn only_an_entry_for_exactly_the_port_opens_own_listeners() {
    for (rule, host, port, opened) in [
        ("127.0.0.1:8022", "127.0.0.1", 8022, true),
        ("127.0.0.1/32:8022", "127.0.0.1", 8022, true),
        ("127.0.0.1:8022-8022", "127.0.0.1", 8022, true),
        ("127.0.0.1:8022", "[::ffff:127.0.0.1]", 8022, true),
        ("127.0.0.1:8022", "127.0.0.1", 8023, false),
        ("127.0.0.1:*", "127.0.0.1", 8022, false),
        ("127.0.0.1:8022-8023", "127.0.0.1", 8022, false),
        ("127.0.0.0/8:8022", "127.0.0.1", 8022, false),
        ("127.0.0.0/31:8023", "127.0.0.1", 8023, false),
        ("0.0.0.0/8:*", "0.0.0.0", 8022, false),
        // The neighbours stay open.
        ("127.0.0.1:*", "127.0.0.1", 8021, true),
        ("127.0.0.0/8:8022", "127.0.0.2", 8022, true),
    ] {
        let policy = policy(&[rule]).with_own(own());
        let got = evaluate(&policy, host, port);
        assert_eq!(got.is_ok(), opened, "{rule} {host} {port}: {got:?}");
    }
}

#[test]
fn names_of_own_listeners_are_denied() {
    for (rule, host, opened) in [
        ("localhost:8022", "localhost", true),
        ("localhost:8022", "LOCALHOST.", true),
        ("127.0.0.1:8022", "other.example", true),
        ("localhost:*", "localhost", false),
        ("localhost:8000-9000", "localhost", false),
        ("127.0.0.0/8:*", "other.example", false),
        ("*.example:8022", "other.example", false),
    ] {
        let policy = policy(&[rule]).with_own(own());
        let resolution = evaluate(&policy, host, 8022).unwrap();
        let got = resolution.filter(vec![address("127.0.0.1:8022")]);
        assert_eq!(got.is_ok(), opened, "{rule} {host}: {got:?}");
    }
}

#[test]
fn a_named_target_may_be_an_own_listener_unless_denied() {
    for (deny, opened) in [(&[][..], true), (&["127.0.0.1:8023"], false)] {
        let policy = parse(&[], deny, &["self=127.0.0.1:8023"]).unwrap();
        let got = policy.with_own(own()).evaluate(&named("self"));
        assert_eq!(got.is_ok(), opened, "{deny:?}: {got:?}");
    }
}

#[test]
fn the_denial_names_the_own_listener() {
    let policy = policy(&["127.0.0.0/8:*"]).with_own(own());
    let refused = evaluate(&policy, "127.0.0.1", 8023).unwrap_err();
    assert_eq!(
        refused,
        PolicyDenial::OwnListener(address("127.0.0.1:8023"))
    );
}
