//! Under rules as broad as an operator can write them, addresses that would lead into this machine
//! or its link stay closed, however they are spelled.

use super::{address, evaluate, policy};
use crate::targets::PolicyDenial;
use std::net::{Ipv4Addr, Ipv6Addr};

const BROAD: &[&str] = &["0.0.0.0/0:*", "[::/0]:*", "*.com:*", "*.local:*"];

/// Spellings as they stand in a URL. All of them are refused before anything is looked up. More
/// are made of them below: every IPv6 address that embeds one of these IPv4 addresses.
const FORBIDDEN_LITERALS: &[&str] = &[
    "127.0.0.1",
    "127.0.0.2",
    "127.127.127.127",
    "127.255.255.255",
    "%3127.0.0.1",
    "127%2e0.0.1",
    "0.0.0.0",
    "0.0.0.1",
    "0.255.255.255",
    "169.254.169.254",
    "169.254.0.1",
    "169.254.255.255",
    "169.254.170.2",
    "169.254.170.23",
    "100.100.100.200",
    "168.63.129.16",
    "192.0.0.192",
    "224.0.0.1",
    "239.255.255.255",
    "240.0.0.1",
    "255.255.255.255",
    "[::1]",
    "[0:0:0:0:0:0:0:1]",
    "[0000:0000:0000:0000:0000:0000:0000:0001]",
    "[::0.0.0.1]",
    "%5B::1%5D",
    "[::]",
    "[0::0]",
    "[::FFFF:7F00:1]",
    "[0:0:0:0:0:ffff:7f00:0001]",
    "[64:ff9b::127.0.0.1]",
    "[64:ff9b:1:ffff::1]",
    "[2002:7f00:1::1]",
    "[2002:a9fe:a9fe::1]",
    "[2002:0:0::1]",
    "[fe80::1]",
    "[FE80::1]",
    "[febf:ffff::1]",
    "[fd00:ec2::254]",
    "[fd00:ec2::23]",
    "[fd20:ce::254]",
    "[FD20:CE:0:0::0254]",
    "[fd00:c1::a9fe:a9fe]",
    "[fd00:42::42]",
    "[fd00:a9fe:a9fe::1]",
    "[fe80::a9fe:a9fe]",
    "[ff02::1]",
    "[ff0e::1]",
    "[ffff::1]",
];

#[test]
fn literal_special_addresses_are_denied() {
    assert!(FORBIDDEN_LITERALS.len() >= 40);
    let policy = policy(BROAD);
    for host in FORBIDDEN_LITERALS {
        for port in [22, 80] {
            let got = evaluate(&policy, host, port);
            assert!(
                matches!(got, Err(PolicyDenial::Special { .. })),
                "{host}: {got:?}"
            );
        }
    }
}

/// Every way there is to write an IPv4 address inside an IPv6 one.
#[test]
fn every_embedding_of_a_special_address_is_special() {
    let policy = policy(BROAD);
    let specials = FORBIDDEN_LITERALS
        .iter()
        .filter_map(|l| l.parse::<Ipv4Addr>().ok());
    let mut seen = 0;
    for special in specials {
        let [a, b, c, d] = special.octets().map(u16::from);
        let (high, low) = (a << 8 | b, c << 8 | d);
        for ip in [
            Ipv6Addr::new(0, 0, 0, 0, 0, 0xffff, high, low),
            Ipv6Addr::new(0, 0, 0, 0, 0xffff, 0, high, low),
            Ipv6Addr::new(0, 0, 0, 0, 0, 0, high, low),
            Ipv6Addr::new(0x64, 0xff9b, 0, 0, 0, 0, high, low),
            Ipv6Addr::new(0x64, 0xff9b, 1, 0, 0, 0, high, low),
            Ipv6Addr::new(0x2002, high, low, 0, 0, 0, 0, 0),
            Ipv6Addr::new(0x2002, high, low, 7, 1, 2, 3, 4),
            Ipv6Addr::new(0x2001, 0, 0x4136, 0xe378, 0x8000, 0x63bf, !high, !low),
            Ipv6Addr::new(0x2001, 0, high, low, 0x8000, 0x63bf, 0xf7f7, 0xf7f7),
            Ipv6Addr::new(0x2001, 0xdb8, 0, 0, 0, 0x5efe, high, low),
            Ipv6Addr::new(0x2001, 0xdb8, 0, 0, 0x200, 0x5efe, high, low),
        ] {
            let got = evaluate(&policy, &format!("[{ip}]"), 22);
            assert!(
                matches!(got, Err(PolicyDenial::Special { .. })),
                "{ip}: {got:?}"
            );
            seen += 1;
        }
    }
    assert!(seen > 200, "{seen}");
}

/// By their very address, in whatever network they lie otherwise.
#[test]
fn metadata_addresses_need_an_entry_of_their_own() {
    for (address, network) in [
        ("169.254.169.254", "169.254.0.0/16"),
        ("168.63.129.16", "168.63.129.0/24"),
        ("192.0.0.192", "192.0.0.0/24"),
        ("100.100.100.200", "100.64.0.0/10"),
        ("[fd20:ce::254]", "[fd20:ce::/64]"),
        ("[fd00:ec2::254]", "[fd00::/8]"),
    ] {
        assert!(
            evaluate(&policy(&[network]), address, 22).is_err(),
            "{network}"
        );
        assert!(
            evaluate(&policy(&[address]), address, 22).is_ok(),
            "{address}"
        );
    }
    // An address that may end at one needs its own rule beside that one's.
    let isatap = "[2001:db8::5efe:169.254.169.254]";
    for (rules, allowed) in [
        (&["169.254.169.254"][..], false),
        (&["[2001:db8::/32]"], false),
        (&["169.254.169.254", "[2001:db8::/32]"], true),
    ] {
        assert_eq!(
            evaluate(&policy(rules), isatap, 22).is_ok(),
            allowed,
            "{rules:?}"
        );
    }
}

#[test]
fn special_addresses_of_a_name_are_denied() {
    let policy = policy(BROAD);
    for host in FORBIDDEN_LITERALS {
        let ip = host.replace("%5B", "[").replace("%5D", "]");
        let ip = ip.replace("%31", "1").replace("%2e", ".");
        let found = address(&format!("{ip}:22"));
        for name in ["rebound.com", "rebound.net", "x.local"] {
            let resolution = evaluate(&policy, name, 22).unwrap();
            let got = resolution.filter(vec![address("192.0.2.1:22"), found]);
            assert!(
                matches!(got, Err(PolicyDenial::Special { .. })),
                "{name} {host}"
            );
        }
    }
}

#[test]
fn addresses_beside_special_ranges_are_allowed() {
    let policy = policy(BROAD);
    for host in [
        "126.255.255.255",
        "128.0.0.1",
        "1.0.0.0",
        "169.253.255.255",
        "169.255.0.0",
        "223.255.255.255",
        "100.100.100.201",
        "10.0.0.1",
        "192.168.0.1",
        "[2001:db8::1]",
        "[fec0::1]",
        "[fe00::1]",
        "[64:ff9b::8.8.8.8]",
        "[64:ff9b:2::1]",
        "[2002:808:808::1]",
        "[2003::1]",
        "[::ffff:8.8.8.8]",
        "[fd00::1]",
        "[fd20:ce::253]",
        "[fd00:ec2::253]",
        "168.63.129.17",
        "192.0.0.193",
        // Teredo, of 8.8.8.8 on an ordinary server.
        "[2001:0:4136:e378:8000:63bf:f7f7:f7f7]",
        "[2001:db8::5efe:8.8.8.8]",
    ] {
        assert!(evaluate(&policy, host, 22).is_ok(), "{host}");
    }
}

#[test]
fn a_translated_address_is_connected_to_as_it_was_found() {
    let policy = policy(BROAD);
    let resolution = evaluate(&policy, "name.com", 22).unwrap();
    for (found, connected) in [
        ("[64:ff9b::8.8.8.8]:22", "[64:ff9b::8.8.8.8]:22"),
        ("[2002:808:808::1]:22", "[2002:808:808::1]:22"),
        ("[::ffff:8.8.8.8]:22", "8.8.8.8:22"),
    ] {
        assert_eq!(
            resolution.check_address(address(found)),
            Ok(address(connected))
        );
    }
}
