//! Under rules as broad as an operator can write them, addresses that would
//! lead into this machine or its link stay closed, however they are spelled.

use super::{address, plan, policy};
use crate::targets::Refused;

const BROAD: &[&str] = &["0.0.0.0/0:*", "[::/0]:*", "*.com:*", "*.local:*"];

/// Spellings as they stand in a URL. All of them are refused before anything
/// is looked up.
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
    "100.100.100.200",
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
    "[::ffff:127.0.0.1]",
    "[::FFFF:7F00:1]",
    "[0:0:0:0:0:ffff:7f00:0001]",
    "[::ffff:169.254.169.254]",
    "[::ffff:0.0.0.0]",
    "[::ffff:0:127.0.0.1]",
    "[::127.0.0.1]",
    "[::a9fe:a9fe]",
    "[64:ff9b::127.0.0.1]",
    "[64:ff9b::7f00:1]",
    "[64:ff9b::169.254.169.254]",
    "[64:ff9b::a9fe:a9fe]",
    "[64:ff9b::]",
    "[64:ff9b:1::7f00:1]",
    "[64:ff9b:1:ffff::1]",
    "[2002:7f00:1::]",
    "[2002:7f00:1::1]",
    "[2002:a9fe:a9fe::1]",
    "[2002:0:0::1]",
    "[2002:e000:1::]",
    "[fe80::1]",
    "[FE80::1]",
    "[febf:ffff::1]",
    "[fd00:ec2::254]",
    "[ff02::1]",
    "[ff0e::1]",
    "[ffff::1]",
    "[::ffff:224.0.0.1]",
    "[::ffff:255.255.255.255]",
];

#[test]
fn literals() {
    assert!(FORBIDDEN_LITERALS.len() >= 40);
    let policy = policy(BROAD);
    for host in FORBIDDEN_LITERALS {
        for port in [22, 80] {
            let got = plan(&policy, host, port);
            assert!(
                matches!(got, Err(Refused::Special { .. })),
                "{host}: {got:?}"
            );
        }
    }
}

#[test]
fn the_same_addresses_behind_a_name() {
    let policy = policy(BROAD);
    for host in FORBIDDEN_LITERALS {
        let ip = host.replace("%5B", "[").replace("%5D", "]");
        let ip = ip.replace("%31", "1").replace("%2e", ".");
        let found = address(&format!("{ip}:22"));
        for name in ["rebound.com", "rebound.net", "x.local"] {
            let plan = plan(&policy, name, 22).unwrap();
            let got = plan.filter(vec![address("192.0.2.1:22"), found]);
            assert!(matches!(got, Err(Refused::Special { .. })), "{name} {host}");
        }
    }
}

#[test]
fn their_neighbours_are_open() {
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
    ] {
        assert!(plan(&policy, host, 22).is_ok(), "{host}");
    }
}

#[test]
fn a_translated_address_is_dialled_as_it_was_found() {
    let policy = policy(BROAD);
    let plan = plan(&policy, "name.com", 22).unwrap();
    for (found, dialled) in [
        ("[64:ff9b::8.8.8.8]:22", "[64:ff9b::8.8.8.8]:22"),
        ("[2002:808:808::1]:22", "[2002:808:808::1]:22"),
        ("[::ffff:8.8.8.8]:22", "8.8.8.8:22"),
    ] {
        assert_eq!(plan.permits(address(found)), Ok(address(dialled)));
    }
}
