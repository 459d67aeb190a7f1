//! Hostile segments and entries never panic, and no broad rule opens what needs an entry of its
//! own.

use super::{address, parse, policy};
use crate::net::{canonical_host, canonical_ip};
use crate::targets::net::special_range;
use crate::targets::{OwnListeners, TargetRequest};
use dns_lookup::{AddrInfoHints, getaddrinfo};
use proptest::prelude::*;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

/// Entries, and texts that are nearly some.
fn any_entry() -> impl Strategy<Value = String> {
    let host = prop_oneof![
        Just("*.example.com".to_owned()),
        "[a-z0-9*._=-]{0,12}",
        "[0-9./]{0,14}",
        "\\[[0-9a-f:./%]{0,14}\\]?",
        any::<Ipv4Addr>().prop_map(|ip| ip.to_string()),
        any::<Ipv6Addr>().prop_map(|ip| format!("[{ip}]")),
        (any::<Ipv4Addr>(), 0_u8..=40).prop_map(|(ip, p)| format!("{ip}/{p}")),
    ];
    let port = prop_oneof![
        Just(String::new()),
        Just(":*".to_owned()),
        ":[0-9*-]{0,11}",
        any::<u16>().prop_map(|port| format!(":{port}")),
        any::<(u16, u16)>().prop_map(|(a, b)| format!(":{a}-{b}")),
    ];
    prop_oneof![
        4 => (host, port).prop_map(|(host, port)| host + &port),
        1 => any::<String>(),
    ]
}

/// Any address, those that stand for others and those of the special ranges more often than chance
/// would have them.
fn any_ip() -> impl Strategy<Value = IpAddr> {
    let inner = prop_oneof![
        any::<Ipv4Addr>(),
        prop::sample::select(
            &[
                [127, 0, 0, 1],
                [169, 254, 169, 254],
                [0, 0, 0, 0],
                [10, 0, 0, 1]
            ][..]
        )
        .prop_map(Ipv4Addr::from),
    ];
    (inner, any::<u128>(), 0_u8..10).prop_map(|(v4, bits, form)| {
        let low = u128::from(v4.to_bits());
        let v6 = |bits: u128| IpAddr::V6(Ipv6Addr::from_bits(bits));
        match form {
            0 | 1 => v4.into(),
            2 => v6(0xffff << 32 | low),
            3 => v6(0x64_ff9b << 96 | low),
            4 => v6(0x2002 << 112 | low << 80 | bits & 0xffff_ffff),
            5 => v6(low),
            6 => v6(0xfe80 << 112 | bits >> 64),
            7 => v6(0xffff << 48 | low),
            8 => v6(0x2001 << 112 | (bits & (u128::from(u64::MAX) << 32)) | (low ^ 0xffff_ffff)),
            _ => v6(bits),
        }
    })
}

fn literal(ip: IpAddr, port: u16) -> TargetRequest {
    let host = ip.to_string();
    TargetRequest::Host { host, port }
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn any_segments_are_answered(segments in prop::collection::vec(any::<String>(), 0..4)) {
        let segments: Vec<_> = segments.iter().map(String::as_str).collect();
        let _ = TargetRequest::from_segments(&segments);
    }

    /// Accepted hosts have no character with another meaning elsewhere.
    #[test]
    fn accepted_hosts_are_plain(host in "[\\[\\]%a-fA-F0-9:._ @/-]{0,12}") {
        if let Ok(TargetRequest::Host { host, .. }) = TargetRequest::from_segments(&[&host, "22"]) {
            let plain = |c: char| c.is_ascii_alphanumeric() || ".-_:".contains(c);
            prop_assert!(host.chars().all(plain), "{host:?}");
            prop_assert!(!host.starts_with('-'));
        }
    }

    /// A host is an address in its usual spelling or a name that the resolver takes for none.
    #[test]
    fn no_name_is_an_address_to_the_resolver(
        labels in prop::collection::vec("(0[xX])?[0-9a-fA-F]{0,4}|[0-9]{1,11}|[a-z_-]{1,3}", 1..5),
        dot in prop_oneof![Just(""), Just(".")],
    ) {
        let host = labels.join(".") + dot;
        if let Ok(TargetRequest::Host { host, .. }) = TargetRequest::from_segments(&[&host, "22"])
            && host.parse::<IpAddr>().is_err()
        {
            // AI_NUMERICHOST of <netdb.h>.
            let hints = AddrInfoHints { flags: 4, ..AddrInfoHints::default() };
            prop_assert!(getaddrinfo(Some(&host), None, Some(hints)).is_err(), "{host:?}");
        }
    }

    /// The one spelling is its own, and two spellings of one address are counted as one.
    #[test]
    fn a_canonical_host_is_its_own_canonical_form(ip in any_ip(), text in any::<String>(), port in 1..=u16::MAX) {
        for host in [ip.to_string(), text] {
            let canonical = canonical_host(&host);
            prop_assert_eq!(canonical_host(&canonical), canonical.clone());
            prop_assert_eq!(canonical_host(&host.to_ascii_uppercase()), canonical);
        }
        let policy = policy(&["0.0.0.0/0:*", "[::/0]:*"]);
        if let (Ok(one), Ok(other)) = (policy.evaluate(&literal(ip, port)), policy.evaluate(&literal(canonical_ip(ip), port))) {
            prop_assert_eq!(one.host(), other.host());
            let counted = |resolution: &crate::targets::Resolution, ip| resolution.counted_as(SocketAddr::new(ip, port));
            prop_assert_eq!(counted(&one, ip), counted(&other, canonical_ip(ip)));
        }
    }

    /// Every entry is read or named in the error, and none breaks what uses it.
    #[test]
    fn any_entries_are_answered(
        allow in prop::collection::vec(any_entry(), 0..4),
        deny in prop::collection::vec(any_entry(), 0..2),
        name in any_entry(),
        ip in any_ip(),
        port in 1..=u16::MAX,
    ) {
        let entries = vec![format!("n={name}")];
        match parse(&allow, &deny, &entries) {
            Ok(policy) => {
                let _ = policy.evaluate(&super::named("n"));
                if let Ok(resolution) = policy.evaluate(&literal(ip, port)) {
                    prop_assert!(resolution.filter(vec![SocketAddr::new(ip, port)]).is_ok());
                }
            }
            Err(errors) => {
                prop_assert!(!errors.0.is_empty());
                for error in errors.0 {
                    let all = || allow.iter().chain(&deny).chain(&entries);
                    prop_assert!(all().any(|entry| *entry == error.entry), "{error}");
                }
            }
        }
    }

    /// The broadest rules there are open every address but the special ones, whatever form it has,
    /// and return the address to connect to.
    #[test]
    fn broad_rules_open_ordinary_addresses(ip in any_ip(), port in 1..=u16::MAX) {
        let policy = policy(&["0.0.0.0/0:*", "[::/0]:*"]);
        let special = special_range(ip).is_some();
        let allowed = policy.evaluate(&literal(ip, port));
        prop_assert_eq!(allowed.is_err(), special, "{:?}", allowed);
        let anything = policy.evaluate(&TargetRequest::Host { host: "a.example".to_owned(), port }).unwrap();
        let got = anything.check_address(SocketAddr::new(ip, port));
        prop_assert_eq!(got.is_err(), special, "{:?}", got);
        if let Ok(address) = got {
            prop_assert_eq!(address, SocketAddr::new(ip.to_canonical(), port));
        }
    }

    /// A denied address stays denied, whatever else is allowed.
    #[test]
    fn a_denied_address_is_refused(
        allow in prop::collection::vec(any_entry(), 0..4),
        ip in any_ip(),
        port in 1..=u16::MAX,
    ) {
        let net = match canonical_ip(ip) {
            IpAddr::V4(v4) => format!("{v4}:*"),
            IpAddr::V6(v6) => format!("[{v6}]:*"),
        };
        let named_entry = match ip {
            IpAddr::V4(v4) => format!("n={v4}:{port}"),
            IpAddr::V6(v6) => format!("n=[{v6}]:{port}"),
        };
        let allow: Vec<String> = allow
            .into_iter()
            .filter(|entry| parse(std::slice::from_ref(entry), &[], &[]).is_ok())
            .collect();
        if let Ok(policy) = parse(&allow, std::slice::from_ref(&net), &[]) {
            prop_assert!(policy.evaluate(&literal(ip, port)).is_err());
        }
        if let Ok(policy) = parse(&[], &[net], &[named_entry]) {
            prop_assert!(policy.evaluate(&super::named("n")).is_err());
        }
    }

    /// No rule for a network or for more than one port opens our listeners.
    #[test]
    fn own_listeners_need_one_port(first in 1..8022_u16, last in 8022..=u16::MAX, prefix in 8_u8..32) {
        let own = OwnListeners::default();
        own.set(vec![address("127.0.0.1:8022")]);
        let net = IpAddr::V4(Ipv4Addr::from_bits(0x7f00_0001 & (u32::MAX << (32 - prefix))));
        let rules = [format!("127.0.0.1:{first}-{last}"), format!("{net}/{prefix}:8022")];
        for rule in rules {
            let policy = policy(&[&rule]).with_own(own.clone());
            let ours = literal(Ipv4Addr::LOCALHOST.into(), 8022);
            prop_assert!(policy.evaluate(&ours).is_err());
        }
    }
}
