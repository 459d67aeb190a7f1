use super::{address, evaluate, named, parse, policy};
use crate::targets::{PolicyDenial, TargetRequest};
use std::net::{IpAddr, SocketAddr};

#[test]
fn names_are_resolved_only_if_a_rule_could_allow_them() {
    for (rule, host, port, allowed) in [
        ("example.com", "example.com", 22, true),
        ("example.com", "EXAMPLE.com.", 22, true),
        ("Example.com.", "example.com", 22, true),
        ("example.com", "example.com", 2222, false),
        ("example.com", "www.example.com", 22, false),
        ("example.com:2200-2299", "example.com", 2200, true),
        ("example.com:2200-2299", "example.com", 2299, true),
        ("example.com:2200-2299", "example.com", 2300, false),
        ("example.com:*", "example.com", 65535, true),
        ("*.example.com", "www.example.com", 22, true),
        ("*.example.com", "a.b.example.com.", 22, true),
        ("*.example.com", "example.com", 22, false),
        ("*.example.com", "wwwexample.com", 22, false),
        ("*.example.com", "www.example.com.evil.net", 22, false),
        ("10.0.0.0/8", "anything", 22, true),
        ("10.0.0.0/8", "anything", 23, false),
        ("[2001:db8::/32]:*", "anything", 23, true),
        ("10.0.0.1", "anything", 22, true),
    ] {
        let got = evaluate(&policy(&[rule]), host, port);
        assert_eq!(got.is_ok(), allowed, "{rule} {host} {port}");
        if !allowed {
            assert_eq!(got.unwrap_err(), PolicyDenial::NoRule);
        }
    }
    let without_rules = evaluate(&policy(&[]), "example.com", 22);
    assert_eq!(without_rules.unwrap_err(), PolicyDenial::NoRule);
}

#[test]
fn addresses_of_a_name_are_checked_by_the_matching_rule() {
    for (rule, host, found, allowed) in [
        ("example.com", "example.com", "192.0.2.1:22", true),
        ("*.example.com", "www.example.com", "10.1.2.3:22", true),
        ("*.example.com", "www.example.com", "[2001:db8::1]:22", true),
        ("10.0.0.0/8", "name", "10.255.255.255:22", true),
        ("10.0.0.0/8", "name", "11.0.0.0:22", false),
        ("10.0.0.0/8", "name", "[::ffff:10.0.0.1]:22", true),
        ("10.0.0.0/8", "name", "[64:ff9b::10.0.0.1]:22", true),
        ("10.0.0.0/8", "name", "[64:ff9b::11.0.0.1]:22", false),
        ("[2001:db8::/32]", "name", "[2001:db8:ffff::]:22", true),
        ("[2001:db8::/32]", "name", "[2001:db9::]:22", false),
        ("[::/0]", "name", "192.0.2.1:22", false),
        ("[::/0]", "name", "[::ffff:192.0.2.1]:22", false),
        ("[::/0]", "name", "[2002:c000:201::1]:22", false),
        ("0.0.0.0/0", "name", "[2002:c000:201::1]:22", true),
        ("0.0.0.0/0", "name", "[2001:db8::1]:22", false),
        ("1.2.3.4", "name", "1.2.3.4:22", true),
        ("1.2.3.4", "name", "1.2.3.5:22", false),
        // Another port than the requested one.
        ("example.com:*", "example.com", "192.0.2.1:23", false),
        // Special ranges: only by an entry for them.
        ("localhost", "localhost", "127.0.0.1:22", true),
        ("localhost", "localhost", "[::1]:22", true),
        ("db.lab", "db.lab", "169.254.169.254:22", true),
        ("127.0.0.0/8", "name", "127.0.0.1:22", true),
        ("127.0.0.1", "name", "127.0.0.1:22", true),
        ("127.0.0.1", "name", "127.0.0.2:22", false),
        ("127.0.0.1", "name", "[::ffff:127.0.0.1]:22", true),
        ("[::1]", "name", "[::1]:22", true),
        ("[fe80::/10]", "name", "[fe80::1%3]:22", true),
        ("169.254.0.0/16", "name", "169.254.1.1:22", true),
        ("169.254.0.0/16", "name", "169.254.169.254:22", false),
        ("169.254.169.254", "name", "169.254.169.254:22", true),
        ("126.0.0.0/7", "name", "127.0.0.1:22", false),
        ("*.lab", "db.lab", "127.0.0.1:22", false),
        ("*.localhost", "x.localhost", "[::1]:22", false),
    ] {
        let resolution = evaluate(&policy(&[rule]), host, 22).unwrap();
        let got = resolution.check_address(address(found));
        assert_eq!(got.is_ok(), allowed, "{rule} {host} {found}: {got:?}");
    }
}

#[test]
fn every_rule_is_considered() {
    let policy = policy(&["*.lab:22", "127.0.0.1:22", "0.0.0.0/0:2222"]);
    let lab = evaluate(&policy, "x.lab", 22).unwrap();
    assert!(lab.check_address(address("127.0.0.1:22")).is_ok());
    // The port of one rule does not open the address of another.
    let other_port = evaluate(&policy, "x", 2222).unwrap();
    assert!(other_port.check_address(address("127.0.0.1:2222")).is_err());
    assert!(other_port.check_address(address("192.0.2.1:2222")).is_ok());
}

#[test]
fn addresses_are_checked_before_any_lookup() {
    let policy = policy(&["10.0.0.0/8", "[2001:db8::/32]", "*.com"]);
    for (host, allowed) in [
        ("10.1.2.3", true),
        ("[2001:db8::1]", true),
        ("[::ffff:10.1.2.3]", true),
        ("192.0.2.1", false),
        ("[::1]", false),
    ] {
        assert_eq!(evaluate(&policy, host, 22).is_ok(), allowed, "{host}");
    }
}

#[test]
fn named_targets_are_allowed_exactly() {
    let policy = parse(&[], &[], &["web=example.com:2222", "self=127.0.0.1"]).unwrap();
    let web = policy.evaluate(&named("web")).unwrap();
    assert_eq!((web.host(), web.port()), ("example.com", 2222));
    assert!(web.check_address(address("127.0.0.1:2222")).is_ok());
    assert!(web.check_address(address("127.0.0.1:22")).is_err());
    let own = policy.evaluate(&named("self")).unwrap();
    assert!(own.check_address(address("127.0.0.1:22")).is_ok());
    let unknown = policy.evaluate(&named("Web")).unwrap_err();
    assert_eq!(unknown, PolicyDenial::UnknownName);
    // The name opens itself, not its host.
    for (host, port) in [("example.com", 2222), ("127.0.0.1", 22)] {
        assert!(evaluate(&policy, host, port).is_err(), "{host}");
    }
}

#[test]
fn one_forbidden_address_refuses_the_name() {
    let resolution = evaluate(&policy(&["10.0.0.0/8"]), "name", 22).unwrap();
    let list = |texts: &[&str]| texts.iter().map(|t| address(t)).collect::<Vec<_>>();
    let mixed = list(&["10.0.0.1:22", "192.0.2.1:22", "10.0.0.2:22"]);
    assert_eq!(
        resolution.filter(mixed),
        Err(PolicyDenial::Address(address("192.0.2.1:22")))
    );
    let (two, one) = ("10.0.0.2:22", "10.0.0.1:22");
    let doubled = list(&[two, "[::ffff:10.0.0.1]:22", two, one]);
    assert_eq!(resolution.filter(doubled), Ok(list(&[two, one])));
}

#[test]
fn the_host_for_known_hosts_has_one_spelling() {
    let policy = policy(&["0.0.0.0/0", "[::/0]"]);
    for (host, expected) in [
        ("Example.COM.", "example.com"),
        ("[2001:DB8:0::1]", "2001:db8::1"),
        ("[::ffff:192.0.2.1]", "192.0.2.1"),
        ("[::192.0.2.1]", "192.0.2.1"),
        ("[64:ff9b::c000:201]", "192.0.2.1"),
        ("[2002:c000:201::5]", "192.0.2.1"),
        ("192.0.2.1", "192.0.2.1"),
    ] {
        let resolution = evaluate(&policy, host, 22).unwrap();
        assert_eq!(resolution.host(), expected);
        // And so have what is counted by address.
        if let Ok(ip) = host.trim_matches(['[', ']']).parse::<IpAddr>() {
            let counted = resolution.counted_as(SocketAddr::new(ip, 22)).ip();
            assert_eq!(counted.to_string(), expected);
        }
    }
    let resolution = evaluate(&policy, "name", 22).unwrap();
    let link_local = address("[fe80::1%3]:22");
    assert_eq!(resolution.counted_as(link_local), link_local);
}

#[test]
fn a_request_with_an_invalid_host_is_denied() {
    let policy = policy(&["0.0.0.0/0"]);
    for host in [
        "",
        "a b",
        "-x",
        "[::1]",
        "a/b",
        "a\0b",
        "127.1",
        "0x7f000001",
        "1.",
    ] {
        let host = host.to_owned();
        let denied = policy.evaluate(&TargetRequest::Host { host, port: 22 });
        assert_eq!(denied.unwrap_err(), PolicyDenial::NotAHost);
    }
}

#[test]
fn a_deny_rule_wins_over_every_other() {
    let allow = [
        "0.0.0.0/0:*",
        "[::/0]:*",
        "*.example.com:*",
        "db.example.com:*",
        "127.0.0.1:*",
    ];
    let deny = [
        "10.0.0.0/8:*",
        "192.0.2.1",
        "[2001:db8::/32]:*",
        "*.secret.example.com:*",
        "db.example.com:22",
        "127.0.0.1:8023",
    ];
    let targets = [
        "inner=10.1.1.1",
        "deep=x.secret.example.com",
        "web=192.0.2.1:80",
    ];
    let policy = parse(&allow, &deny, &targets).unwrap();
    for (host, port, allowed) in [
        ("192.0.2.1", 22, false),
        ("192.0.2.1", 23, true),
        ("[::ffff:192.0.2.1]", 22, false),
        ("[64:ff9b::192.0.2.1]", 22, false),
        ("[2002:c000:201::1]", 22, false),
        ("192.0.2.2", 22, true),
        ("10.255.0.1", 2222, false),
        ("[2001:db8::1]", 22, false),
        ("[2001:db9::1]", 22, true),
        ("db.example.com", 22, false),
        ("DB.Example.COM.", 22, false),
        ("db.example.com", 23, true),
        ("a.secret.example.com", 22, false),
        ("secret.example.com", 22, true),
        ("127.0.0.1", 8023, false),
        ("127.0.0.1", 22, true),
    ] {
        let got = evaluate(&policy, host, port);
        assert_eq!(got.is_ok(), allowed, "{host} {port}: {got:?}");
        if !allowed {
            assert!(matches!(got, Err(PolicyDenial::Denied(_))), "{host} {port}");
        }
    }
    for name in ["inner", "deep"] {
        let got = policy.evaluate(&named(name));
        assert!(matches!(got, Err(PolicyDenial::Denied(_))), "{name}");
    }
    assert!(policy.evaluate(&named("web")).is_ok());
    // A name that leads there, and one of several addresses.
    let resolution = evaluate(&policy, "a.example.com", 22).unwrap();
    let denied = resolution.filter(vec![address("192.0.2.9:22"), address("10.0.0.1:22")]);
    assert_eq!(denied, Err(PolicyDenial::Denied("10.0.0.1:22".to_owned())));
}
