//! Connections that never become a request: old versions, other protocols, plain HTTP, slow
//! clients; and TLS to a port without it.

use crate::common::fixture::bridge_to;
use crate::common::raw::{Answer, Raw, exchange};
use crate::common::{Admin, DEADLINE, poll, wait_until};
use crate::fixture::TlsFixture;
use std::net::SocketAddr;

#[test]
fn old_versions_are_refused_and_new_ones_accepted() {
    let fixture = TlsFixture::new(&[]);
    for (version, spoken) in [
        ("-tls1", None),
        ("-tls1_1", None),
        ("-tls1_2", Some("Protocol  : TLSv1.2")),
        ("-tls1_3", Some("New, TLSv1.3")),
    ] {
        // Level 0, or OpenSSL itself would refuse to ask for the old ones.
        let output = fixture.openssl(&[version, "-cipher", "DEFAULT:@SECLEVEL=0"]);
        let text = String::from_utf8_lossy(&output.stdout).into_owned();
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        match spoken {
            Some(spoken) => assert!(text.contains(spoken), "{version}: {text}{said}"),
            None => {
                assert!(text.contains("Cipher is (NONE)"), "{version}: {text}{said}");
                assert!(said.contains(" alert "), "{version}: {said}");
            }
        }
    }
    let admin = Admin::of(&fixture.bridge);
    wait_until("both are counted", || admin.failed_handshakes("tls") == 2);
}

#[test]
fn alpn_selects_only_http_1_1() {
    let fixture = TlsFixture::new(&[]);
    for (offered, wanted) in [
        ("http/1.1", "ALPN protocol: http/1.1"),
        ("h2,http/1.1", "ALPN protocol: http/1.1"),
        ("h2", "alert no application protocol"),
    ] {
        let output = fixture.openssl(&["-alpn", offered]);
        let text = [output.stdout, output.stderr].concat();
        let text = String::from_utf8_lossy(&text);
        assert!(text.contains(wanted), "{offered}: {text}");
    }
}

#[test]
fn no_session_is_resumed() {
    let fixture = TlsFixture::new(&[]);
    for version in ["-tls1_2", "-tls1_3"] {
        let output = fixture.openssl(&[version, "-reconnect"]);
        let text = String::from_utf8_lossy(&output.stdout).into_owned();
        assert!(text.contains("New, TLSv1"), "{text}");
        assert!(!text.contains("Reused, "), "{text}");
        assert!(!text.contains("TLS session ticket:"), "{text}");
    }
}

#[test]
fn plain_http_gets_a_400_that_names_https_and_wss() {
    let fixture = TlsFixture::new(&[]);
    let addr = fixture.bridge.addr();
    let long = format!(
        "GET /ws HTTP/1.1\r\nHost: {addr}\r\nX: {}\r\n\r\n",
        "x".repeat(9000)
    );
    for request in [
        &format!("GET /healthz HTTP/1.1\r\nHost: {addr}\r\n\r\n"),
        "POST / HTTP/1.0\r\n\r\n",
        "OPTIONS * HTTP/1.1\r\n",
        "G",
        &long,
    ] {
        let answer: Answer = exchange(addr, request);
        assert_eq!(answer.status, 400, "{request:.20}: {answer:?}");
        assert_eq!(
            answer.header("content-type"),
            Some("application/problem+json")
        );
        assert_eq!(answer.header("connection"), Some("close"));
        let detail = answer.json()["detail"].as_str().unwrap().to_owned();
        assert!(detail.contains("https:// or wss://"), "{detail}");
    }
    // The connection ends, and not by a reset.
    let mut raw = Raw::connect(addr);
    raw.send(b"GET / HTTP/1.1\r\n\r\n");
    raw.answer();
    assert_eq!(raw.rest(), b"");
    let admin = Admin::of(&fixture.bridge);
    wait_until("six are counted", || admin.failed_handshakes("tls") == 6);
}

#[test]
fn bytes_that_are_neither_tls_nor_http_are_closed_with_at_most_an_alert() {
    let fixture = TlsFixture::new(&[]);
    for said in [
        &b"\x16\x03\x01\0\x05hello"[..],
        b"\0\0\0\0\0\0\0\0",
        b"\x80\x2e\x01\x03\x01",
        b"\xff\xff\xff\xff\xff\xff",
    ] {
        let mut raw = Raw::connect(fixture.bridge.addr());
        raw.send(said);
        let answer = raw.rest();
        assert!(answer.is_empty() || answer[0] == 0x15, "{answer:?}");
    }
}

#[test]
fn tls_on_a_plain_port_is_400() {
    let bridge = bridge_to(&[SocketAddr::from(([127, 0, 0, 1], 1))], &[]);
    let hello = b"\x16\x03\x01\x02\0\x01\0\x01\xfc\x03\x03";
    let mut raw = Raw::connect(bridge.addr());
    raw.send(hello);
    assert_eq!(raw.answer().status, 400);
    assert_eq!(raw.rest(), b"");
}

/// Covers the TLS deadline, and that of everything before the session.
#[test]
fn slow_and_silent_handshakes_are_closed_at_the_deadline() {
    for settings in [
        &["tls.handshake_timeout=300ms"][..],
        &["server.upgrade_timeout=300ms"],
    ] {
        let fixture = TlsFixture::new(settings);
        let hello = b"\x16\x03\x01\x02\0\x01\0\x01\xfc\x03\x03";
        for said in [&b""[..], b"\x16", hello] {
            let mut raw = Raw::connect(fixture.bridge.addr());
            raw.send(said);
            assert_eq!(raw.rest(), b"", "after {said:?}");
        }
        let mut raw = Raw::connect(fixture.bridge.addr());
        raw.send(hello);
        let mut dripped = 0;
        // Far below the length that the record announces, so only the deadline can end this.
        let ended = poll(DEADLINE, || {
            if dripped < 400 && raw.try_send(b"x").is_err() {
                return Some(());
            }
            dripped += 1;
            raw.has_arrived().then_some(())
        });
        assert!(ended.is_some(), "still served after {dripped} bytes");
        let admin = Admin::of(&fixture.bridge);
        wait_until("all are counted", || {
            admin.failed_handshakes("timeout") == 4
        });
    }
}
