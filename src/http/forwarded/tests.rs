//! Rows of what the headers say, and who is believed to be the client.

use super::*;
use hyper::header::HeaderName;

/// 10/8 and one IPv6 network are proxies.
const PROXIES: [&str; 2] = ["10.0.0.0/8", "2001:db8:ffff::/48"];

const ALL: [ClientIpHeader; 3] = [
    ClientIpHeader::XForwardedFor,
    ClientIpHeader::Forwarded,
    ClientIpHeader::XRealIp,
];

fn believed(header: ClientIpHeader, peer: &str, lines: &[(&str, &str)]) -> String {
    let mut headers = HeaderMap::new();
    for (name, value) in lines {
        let name: HeaderName = name.parse().unwrap();
        headers.append(name, HeaderValue::from_bytes(value.as_bytes()).unwrap());
    }
    let proxies = PROXIES.map(|net| Net::parse(net).unwrap());
    client_ip(&headers, peer.parse().unwrap(), &proxies, header).to_string()
}

/// Lines of the header by which the proxy 10.0.0.1 names the client, and the client.
type Row = (&'static [&'static str], &'static str);

fn check(header: ClientIpHeader, rows: &[Row]) {
    for (lines, client) in rows {
        let lines: Vec<_> = lines.iter().map(|line| (header.as_str(), *line)).collect();
        let got = believed(header, "10.0.0.1", &lines);
        assert_eq!(got, *client, "{lines:?}");
    }
}

#[test]
fn who_is_no_proxy_speaks_for_itself_alone() {
    for (peer, client) in [
        ("192.0.2.1", "192.0.2.1"),
        ("11.0.0.1", "11.0.0.1"),
        ("::ffff:192.0.2.1", "192.0.2.1"),
        ("2001:db8:fffe::1", "2001:db8:fffe::1"),
        ("10.0.0.1", "198.51.100.7"),
        ("::ffff:10.0.0.1", "198.51.100.7"),
        ("2001:db8:ffff::1", "198.51.100.7"),
    ] {
        for header in ALL {
            let line = match header {
                ClientIpHeader::Forwarded => "for=198.51.100.7",
                ClientIpHeader::XForwardedFor | ClientIpHeader::XRealIp => "198.51.100.7",
            };
            let got = believed(header, peer, &[(header.as_str(), line)]);
            assert_eq!(got, client, "{peer} {line}");
        }
    }
}

#[test]
fn x_forwarded_for() {
    check(
        ClientIpHeader::XForwardedFor,
        &[
            // A proxy that says nothing is the client.
            (&[], "10.0.0.1"),
            (&[""], "10.0.0.1"),
            (&["198.51.100.7"], "198.51.100.7"),
            // The right-most that is no proxy; what the client wrote is left of it.
            (&["203.0.113.9, 198.51.100.7"], "198.51.100.7"),
            (&["198.51.100.7, 10.0.0.2"], "198.51.100.7"),
            (
                &["10.9.9.9, 198.51.100.7, 10.0.0.3,10.0.0.2"],
                "198.51.100.7",
            ),
            (&["127.0.0.1, 198.51.100.7"], "198.51.100.7"),
            // All proxies: the farthest.
            (&["10.0.0.3, 10.0.0.2"], "10.0.0.3"),
            // Several lines are one list in order.
            (&["203.0.113.9", "198.51.100.7"], "198.51.100.7"),
            (&["198.51.100.7", "10.0.0.2"], "198.51.100.7"),
            (&["198.51.100.7", ""], "10.0.0.1"),
            // Spellings.
            (&["\t198.51.100.7 "], "198.51.100.7"),
            (&["198.51.100.7:4711"], "198.51.100.7"),
            (&["2001:db8::7"], "2001:db8::7"),
            (&["[2001:DB8::7]"], "2001:db8::7"),
            (&["[2001:db8::7]:4711"], "2001:db8::7"),
            (&["::ffff:198.51.100.7"], "198.51.100.7"),
            (&["198.51.100.7, ::ffff:10.0.0.2"], "198.51.100.7"),
            (&["198.51.100.7, [2001:db8:ffff::2]:1"], "198.51.100.7"),
            // What is no address ends the walk at the proxy that said so.
            (&["unknown"], "10.0.0.1"),
            (&["198.51.100.7, unknown"], "10.0.0.1"),
            (&["198.51.100.7, unknown, 10.0.0.2"], "10.0.0.2"),
            (&["198.51.100.7,"], "10.0.0.1"),
            (&["198.51.100.7, , 10.0.0.2"], "10.0.0.2"),
            (&["localhost"], "10.0.0.1"),
            (&["198.51.100.7 10.0.0.2"], "10.0.0.1"),
            (&["198.51.100.7:"], "10.0.0.1"),
            (&["198.51.100.7:-1"], "10.0.0.1"),
            (&["198.51.100.7:123456"], "10.0.0.1"),
            (&["198.051.100.7"], "10.0.0.1"),
            (&["198.51.100"], "10.0.0.1"),
            (&["3325256711"], "10.0.0.1"),
            (&["fe80::1%eth0"], "10.0.0.1"),
            (&["[2001:db8::7"], "10.0.0.1"),
            (&["[2001:db8::7]4711"], "10.0.0.1"),
            (&["[198.51.100.7]"], "10.0.0.1"),
            (&["\"198.51.100.7\""], "10.0.0.1"),
            (&["for=198.51.100.7"], "10.0.0.1"),
            (&["198.51.100.7/32"], "10.0.0.1"),
            (&["198.51.100.7", "\u{e9}"], "10.0.0.1"),
            // Nothing that the client wrote hides what its proxy says.
            (&["\u{e9}, 198.51.100.7"], "198.51.100.7"),
        ],
    );
}

#[test]
fn forwarded() {
    check(
        ClientIpHeader::Forwarded,
        &[
            (&["for=198.51.100.7"], "198.51.100.7"),
            (&["FOR=198.51.100.7"], "198.51.100.7"),
            (&["for=\"198.51.100.7:4711\""], "198.51.100.7"),
            (&["for=198.51.100.7:4711"], "198.51.100.7"),
            (&["for=\"[2001:db8:cafe::17]:4711\""], "2001:db8:cafe::17"),
            (&["for=[2001:db8:cafe::17]"], "2001:db8:cafe::17"),
            (&["for=\"[2001:db8::17]:_web\""], "2001:db8::17"),
            (&["for=\"198.51.100.\\7\""], "198.51.100.7"),
            (
                &["proto=https;for=198.51.100.7;by=10.0.0.1"],
                "198.51.100.7",
            ),
            (&["proto=https; for=198.51.100.7 ;"], "198.51.100.7"),
            (&["for=203.0.113.9, for=198.51.100.7"], "198.51.100.7"),
            (&["for=203.0.113.9", "for=198.51.100.7"], "198.51.100.7"),
            (&["for=\u{e9}, for=198.51.100.7"], "198.51.100.7"),
            (
                &["for=198.51.100.7, for=10.0.0.2;host=\"a,b;c\""],
                "198.51.100.7",
            ),
            (&["for=\"_gazonk\""], "10.0.0.1"),
            (&["for=_hidden, for=10.0.0.2"], "10.0.0.2"),
            (&["for=unknown"], "10.0.0.1"),
            (&["for=198.51.100.7, for=unknown"], "10.0.0.1"),
            (&["proto=https"], "10.0.0.1"),
            (&["for=198.51.100.7;for=203.0.113.9"], "10.0.0.1"),
            (&["for="], "10.0.0.1"),
            (&["for=\"\""], "10.0.0.1"),
            (&["for"], "10.0.0.1"),
            (&["for=198.51.100.7, "], "10.0.0.1"),
            (&["for =198.51.100.7"], "10.0.0.1"),
            (&["for=198.51.100.7 203.0.113.9"], "10.0.0.1"),
            (&["for=\"198.51.100.7\"x"], "10.0.0.1"),
            // A client's open quote would swallow what the proxy says behind it.
            (&["for=203.0.113.9, x=\", for=198.51.100.7"], "10.0.0.1"),
            (
                &["for=203.0.113.9, x=\", for=\"[2001:db8::7]\""],
                "10.0.0.1",
            ),
            (
                &["for=203.0.113.9, x=\"\\", "for=198.51.100.7"],
                "198.51.100.7",
            ),
            (&["for=203.0.113.9, x=\"\\"], "10.0.0.1"),
            (&["198.51.100.7"], "10.0.0.1"),
        ],
    );
}

#[test]
fn x_real_ip() {
    check(
        ClientIpHeader::XRealIp,
        &[
            (&["198.51.100.7"], "198.51.100.7"),
            (&["2001:db8::7"], "2001:db8::7"),
            (&["10.0.0.2"], "10.0.0.2"),
            (&["203.0.113.9, 198.51.100.7"], "10.0.0.1"),
            (&["203.0.113.9", "198.51.100.7"], "10.0.0.1"),
            (&["unknown"], "10.0.0.1"),
            (&[], "10.0.0.1"),
        ],
    );
}

#[test]
fn the_other_headers_are_the_clients_own() {
    for header in ALL {
        let mut lines = vec![
            ("x-forwarded-for", "203.0.113.9"),
            ("forwarded", "for=203.0.113.9"),
            ("x-real-ip", "203.0.113.9"),
        ];
        lines.retain(|(name, _)| *name != header.as_str());
        assert_eq!(believed(header, "10.0.0.1", &lines), "10.0.0.1");
    }
}

#[test]
fn the_walk_ends_after_so_many_hops() {
    let long = format!("203.0.113.9{}", ", 10.0.0.2".repeat(1000));
    let node = format!("198.51.100.7:_{}", "x".repeat(MAX_NODE));
    for (line, client) in [(&long, "10.0.0.2"), (&node, "10.0.0.1")] {
        let lines = [("x-forwarded-for", line.as_str())];
        let got = believed(ClientIpHeader::XForwardedFor, "10.0.0.1", &lines);
        assert_eq!(got, client, "{line}");
    }
}

proptest::proptest! {
    /// Whatever a client writes before what its proxy appends, it is not believed.
    #[test]
    fn a_client_cannot_choose_its_address(text in "[ -~\u{80}-\u{ff}]{0,60}", quoted in "[\\\\\",;=for\\[\\]: 0-9.]{0,40}") {
        for before in [&text, &quoted] {
            let joined = format!("{before}, 198.51.100.7");
            let got = believed(ClientIpHeader::XForwardedFor, "10.0.0.1", &[("x-forwarded-for", &joined)]);
            assert_eq!(got, "198.51.100.7");
            for says in ["for=198.51.100.7", "for=\"198.51.100.7:1\";proto=https"] {
                let joined = format!("{before}, {says}");
                let got = believed(ClientIpHeader::Forwarded, "10.0.0.1", &[("forwarded", &joined)]);
                assert!(got == "198.51.100.7" || got == "10.0.0.1", "{joined}: {got}");
            }
        }
    }
}
