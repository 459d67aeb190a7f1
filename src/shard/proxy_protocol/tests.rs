//! Headers as bytes, and what they say.

use super::*;
use proptest::prelude::*;

#[derive(Debug)]
enum Says {
    /// This client; all but so many bytes are the header.
    Client(&'static str, usize),
    /// The peer is the client.
    Peer,
    /// More must come.
    More,
    Refused(HeaderError),
}

use HeaderError::{Malformed, Missing, TooLong};
use Says::{Client, More, Peer, Refused};

fn check(bytes: &[u8], says: &Says) {
    let header = |client, length| Ok(Some(Header { client, length }));
    let expected = match says {
        Client(client, rest) => header(Some(client.parse().unwrap()), bytes.len() - rest),
        Peer => header(None, bytes.len()),
        More => Ok(None),
        Refused(error) => Err(*error),
    };
    let shown = bytes.escape_ascii();
    assert_eq!(parse(bytes), expected, "{shown}");
    // Whatever part has come, it is never taken for another header, and only what is refused as a
    // whole is refused before.
    for end in 0..bytes.len() {
        let part = parse(bytes.get(..end).unwrap());
        let early = match says {
            Refused(error) => part == Ok(None) || part == Err(*error),
            Client(_, rest) if end >= bytes.len() - rest => part == expected,
            _ => part == Ok(None),
        };
        assert!(early, "{part:?} after {end} of {shown}");
    }
}

const GOOD_1: &[(&str, Says)] = &[
    (
        "PROXY TCP4 192.0.2.7 198.51.100.1 51234 443\r\n",
        Client("192.0.2.7:51234", 0),
    ),
    (
        "PROXY TCP4 192.0.2.7 198.51.100.1 51234 443\r\nGET / HTTP/1.1\r\n",
        Client("192.0.2.7:51234", 16),
    ),
    (
        "PROXY TCP4 255.255.255.255 0.0.0.0 0 65535\r\n",
        Client("255.255.255.255:0", 0),
    ),
    (
        "PROXY TCP6 2001:db8::7 ::1 51234 443\r\n",
        Client("[2001:db8::7]:51234", 0),
    ),
    (
        "PROXY TCP6 ::ffff:192.0.2.7 ::1 51234 443\r\n",
        Client("[::ffff:192.0.2.7]:51234", 0),
    ),
    (
        "PROXY TCP6 ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff \
             ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff 65535 65535\r\n",
        Client("[ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff]:65535", 0),
    ),
    ("PROXY UNKNOWN\r\n", Peer),
    ("PROXY UNKNOWN 192.0.2.7 198.51.100.1 1 2\r\n", Peer),
];

const MORE_1: &[&str] = &[
    "",
    "P",
    "PROXY ",
    "PROXY TCP4 192.0.2.7 198.51.100.1 51234 443\r",
    // A line feed alone ends no header.
    "PROXY TCP4 192.0.2.7 198.51.100.1 51234 443\n",
];

const MISSING_1: &[&str] = &[
    "GET / HTTP/1.1\r\n\r\n",
    "proxy TCP4 192.0.2.7 198.51.100.1 51234 443\r\n",
    "PROXYTCP4 192.0.2.7 198.51.100.1 51234 443\r\n",
    "PROXY\r\n",
];

const MALFORMED_1: &[&str] = &[
    "PROXY \r\n",
    "PROXY UNKNOWNS\r\n",
    "PROXY UDP4 192.0.2.7 198.51.100.1 51234 443\r\n",
    "PROXY TCP4 192.0.2.7 198.51.100.1 51234\r\n",
    "PROXY TCP4 192.0.2.7 198.51.100.1 51234 443 \r\n",
    "PROXY TCP4  192.0.2.7 198.51.100.1 51234 443\r\n",
    "PROXY TCP4\t192.0.2.7 198.51.100.1 51234 443\r\n",
    "PROXY TCP4 192.0.2.7 198.51.100.1 65536 443\r\n",
    "PROXY TCP4 192.0.2.7 198.51.100.1 51234 -1\r\n",
    "PROXY TCP4 192.0.2.7 198.51.100.1 +5123 443\r\n",
    "PROXY TCP4 192.0.2.7 198.51.100.1 51234 0443\r\n",
    "PROXY TCP4 192.0.2.7 198.51.100.1 00 443\r\n",
    "PROXY TCP4 192.0.2.07 198.51.100.1 51234 443\r\n",
    "PROXY TCP4 192.0.2.256 198.51.100.1 51234 443\r\n",
    "PROXY TCP4 2001:db8::7 ::1 51234 443\r\n",
    "PROXY TCP6 192.0.2.7 198.51.100.1 51234 443\r\n",
    "PROXY TCP6 fe80::7%eth0 ::1 51234 443\r\n",
    "PROXY TCP6 [2001:db8::7] ::1 51234 443\r\n",
    "PROXY TCP4 192.0.2.7 198.51.100.1 1 2\nX\r\n",
];

#[test]
fn version_1() {
    for (text, says) in GOOD_1 {
        check(text.as_bytes(), says);
    }
    for (texts, says) in [
        (MORE_1, More),
        (MISSING_1, Refused(Missing)),
        (MALFORMED_1, Refused(Malformed)),
    ] {
        texts.iter().for_each(|text| check(text.as_bytes(), &says));
    }
}

#[test]
fn version_1_ends_within_107_bytes() {
    let line = |length: usize| {
        let mut line = b"PROXY UNKNOWN ".to_vec();
        line.resize(length - 2, b'x');
        line.extend(b"\r\n");
        line
    };
    check(&line(107), &Peer);
    check(&line(108), &Refused(TooLong));
    check(&line(107)[..105], &More);
    check(
        &[b"PROXY TCP4 \xff\xfe", &line(60)[14..]].concat(),
        &Refused(Malformed),
    );
}

/// A header of version 2 whose length is that of `block`.
fn v2(command: u8, family: u8, block: &[u8]) -> Vec<u8> {
    let length = u16::try_from(block.len()).unwrap();
    v2_saying(command, family, length, block)
}

fn v2_saying(command: u8, family: u8, length: u16, block: &[u8]) -> Vec<u8> {
    [&V2[..], &[command, family], &length.to_be_bytes(), block].concat()
}

const PROXY: u8 = 0x21;
const LOCAL: u8 = 0x20;
const BLOCK_4: [u8; 12] = [192, 0, 2, 7, 198, 51, 100, 1, 0xc8, 0x22, 1, 0xbb];

fn block_6() -> Vec<u8> {
    let addresses = ["2001:db8::7", "::1"].map(|ip| ip.parse::<Ipv6Addr>().unwrap().octets());
    [&addresses.concat()[..], &[0xc8, 0x22, 1, 0xbb]].concat()
}

fn good_2() -> Vec<(Vec<u8>, Says)> {
    let extension = [0x04, 0, 3, 1, 2, 3];
    vec![
        (v2(PROXY, 0x11, &BLOCK_4), Client("192.0.2.7:51234", 0)),
        (
            v2(PROXY, 0x21, &block_6()),
            Client("[2001:db8::7]:51234", 0),
        ),
        (
            v2(PROXY, 0x11, &[&BLOCK_4[..], &extension].concat()),
            Client("192.0.2.7:51234", 0),
        ),
        // Extensions are not looked at, so they may lie about their length.
        (
            v2(PROXY, 0x21, &[&block_6()[..], &[0x04, 0xff, 0xff]].concat()),
            Client("[2001:db8::7]:51234", 0),
        ),
        (
            [&v2(PROXY, 0x11, &BLOCK_4)[..], b"GET / HTTP/1.1\r\n"].concat(),
            Client("192.0.2.7:51234", 16),
        ),
        (
            v2(PROXY, 0x11, &[&BLOCK_4[..], &[0; MAX_V2 - 28]].concat()),
            Client("192.0.2.7:51234", 0),
        ),
        (v2(LOCAL, 0x00, &[]), Peer),
        (v2(LOCAL, 0x11, &BLOCK_4), Peer),
        // LOCAL makes family and addresses meaningless, whatever they are.
        (v2(LOCAL, 0x11, &[]), Peer),
        (v2(LOCAL, 0xff, &extension), Peer),
        (v2(PROXY, 0x00, &[]), Peer),
        (v2(PROXY, 0x00, &extension), Peer),
        (v2(PROXY, 0x12, &BLOCK_4), Peer),
        (v2(PROXY, 0x22, &block_6()), Peer),
        (v2(PROXY, 0x31, &[0; 216]), Peer),
        (v2(PROXY, 0x32, &[0; 220]), Peer),
    ]
}

fn more_2() -> Vec<Vec<u8>> {
    vec![
        V2.to_vec(),
        v2(PROXY, 0x11, &BLOCK_4)[..27].to_vec(),
        v2_saying(PROXY, 0x11, 13, &BLOCK_4),
        v2_saying(LOCAL, 0x00, 4080, &[]),
    ]
}

fn malformed_2() -> Vec<Vec<u8>> {
    vec![
        v2_saying(PROXY, 0x11, 11, &BLOCK_4[..11]),
        v2(PROXY, 0x11, &[]),
        v2(PROXY, 0x21, &BLOCK_4),
        v2(PROXY, 0x21, &block_6()[..35]),
        v2(PROXY, 0x31, &[0; 215]),
        v2(PROXY, 0x12, &[0; 11]),
        v2(PROXY, 0x22, &[0; 35]),
        v2(PROXY, 0x13, &BLOCK_4),
        v2(PROXY, 0x41, &[0; 216]),
        v2(PROXY, 0xff, &[0; 216]),
        v2(0x22, 0x11, &BLOCK_4),
        v2(0x2f, 0x11, &BLOCK_4),
        v2(0x11, 0x11, &BLOCK_4),
        v2(0x31, 0x11, &BLOCK_4),
    ]
}

fn too_long_2() -> Vec<Vec<u8>> {
    vec![
        v2_saying(PROXY, 0x11, 4081, &BLOCK_4),
        v2_saying(LOCAL, 0x00, 65535, &[]),
    ]
}

fn missing_2() -> Vec<Vec<u8>> {
    vec![
        b"\r\n\r\n\0\r\nQUIT\r".to_vec(),
        b"\r\n\r\nGET / HTTP/1.1\r\n".to_vec(),
        // A ClientHello.
        b"\x16\x03\x01\x02\0\x01\0\x01\xfc\x03\x03".to_vec(),
    ]
}

#[test]
fn version_2() {
    for (bytes, says) in good_2() {
        check(&bytes, &says);
    }
    for (all, says) in [
        (more_2(), More),
        (malformed_2(), Refused(Malformed)),
        (too_long_2(), Refused(TooLong)),
        (missing_2(), Refused(Missing)),
    ] {
        all.iter().for_each(|bytes| check(bytes, &says));
    }
}

proptest! {
    #[test]
    fn no_bytes_make_it_panic_or_read_on_for_ever(
        start in prop_oneof![Just(&b""[..]), Just(V1), Just(&V2[..])],
        rest in prop::collection::vec(any::<u8>(), 0..600),
    ) {
        let bytes = [start, &rest].concat();
        if let Ok(Some(header)) = parse(&bytes) {
            prop_assert!(header.length <= bytes.len());
            prop_assert!(header.length <= MAX_V2);
        }
        let filled = [&bytes[..], &[b'x'; MAX_V2]].concat();
        prop_assert_ne!(parse(&filled), Ok(None));
    }

    #[test]
    fn any_address_is_read_back(client: SocketAddr, server: SocketAddr) {
        let (IpAddr::V4(_), IpAddr::V4(_)) = (client.ip(), server.ip()) else {
            return Ok(());
        };
        let (a, b) = (client.ip(), server.ip());
        let line = format!("PROXY TCP4 {a} {b} {} {}\r\n", client.port(), server.port());
        let header = parse(line.as_bytes());
        prop_assert_eq!(header, Ok(Some(Header { client: Some(client), length: line.len() })));
    }
}
