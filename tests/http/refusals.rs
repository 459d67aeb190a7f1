//! Requests that are no upgrade: 400, 405, 426, and heads that are too large.

use super::common::raw::{Raw, exchange, upgrade_request};
use super::{assert_refused, bridge};

const PATH: &str = "/ws/127.0.0.1/1";
const PROTOCOL: &str = "Sec-WebSocket-Protocol: sshard.v1\r\n";

#[test]
fn only_get_reaches_a_terminal() {
    let bridge = bridge(&[]);
    for method in ["POST", "HEAD", "PUT", "OPTIONS", "DELETE", "BREW"] {
        let request = upgrade_request(bridge.addr(), PATH).replace("GET", method);
        let answer = exchange(bridge.addr(), &format!("{request}{PROTOCOL}\r\n"));
        assert_eq!(answer.header("allow"), Some("GET"), "{method}: {answer:?}");
        if method == "HEAD" {
            assert_eq!(answer.status, 405, "{answer:?}");
        } else {
            assert_refused(&answer, 405, method);
        }
    }
}

#[test]
fn a_plain_request_is_told_to_upgrade() {
    let bridge = bridge(&[]);
    let full = upgrade_request(bridge.addr(), PATH);
    for (left_out, with) in [
        ("Upgrade: websocket\r\n", ""),
        ("Connection: Upgrade\r\n", ""),
        ("Sec-WebSocket-Version: 13", "Sec-WebSocket-Version: 12"),
        ("Sec-WebSocket-Version: 13", "Sec-WebSocket-Version: 14"),
    ] {
        let request = full.replace(left_out, with);
        let answer = exchange(bridge.addr(), &format!("{request}{PROTOCOL}\r\n"));
        assert_refused(&answer, 426, left_out);
        // RFC 9110 section 15.5.22 and RFC 6455 section 4.4.
        assert_eq!(answer.header("upgrade"), Some("websocket"), "{answer:?}");
        let version = answer.header("sec-websocket-version");
        assert_eq!(version, Some("13"), "{answer:?}");
    }
}

#[test]
fn a_malformed_upgrade_is_400() {
    let bridge = bridge(&[]);
    let full = upgrade_request(bridge.addr(), PATH);
    for (part, with) in [
        ("Sec-WebSocket-Version: 13\r\n", ""),
        ("Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n", ""),
        ("Upgrade: websocket", "Upgrade: h2c"),
        ("Connection: Upgrade", "Connection: keep-alive"),
        ("HTTP/1.1", "HTTP/1.0"),
    ] {
        let request = full.replace(part, with);
        let answer = exchange(bridge.addr(), &format!("{request}{PROTOCOL}\r\n"));
        assert_refused(&answer, 400, part);
    }
}

#[test]
fn what_is_not_http_ends_the_connection() {
    let bridge = bridge(&[]);
    for bytes in [
        &b"SSH-2.0-client\r\n\r\n"[..],
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\r\n\r\n",
        b"GET /healthz\r\n\r\n",
        b"GET /healthz HTTP/9.9\r\n\r\n",
        b"GET /healthz HTTP/1.1\r\nHo st: x\r\n\r\n",
        b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
    ] {
        let mut raw = Raw::connect(bridge.addr());
        raw.send(bytes);
        let said = String::from_utf8(raw.rest()).unwrap();
        let refused = said.is_empty() || said.starts_with("HTTP/1.1 400 ");
        assert!(refused, "{}: {said}", bytes.escape_ascii());
    }
    assert_eq!(super::upgrade_v1(&bridge, PATH).status, 101);
}

/// The head may have 16 KiB and 64 fields.
#[test]
fn a_head_that_is_too_large_is_431() {
    let bridge = bridge(&[]);
    let padded = |bytes: usize| {
        let head = format!("GET /healthz HTTP/1.1\r\nHost: {}\r\nX: ", bridge.addr());
        let pad = bytes - head.len() - 4;
        exchange(bridge.addr(), &format!("{head}{}\r\n\r\n", "x".repeat(pad)))
    };
    assert_eq!(padded(16 * 1024 - 1).status, 200);
    assert_eq!(padded(16 * 1024 + 1).status, 431);
    let fields = |count: usize| {
        let more = "X: y\r\n".repeat(count - 1);
        let head = format!("GET /healthz HTTP/1.1\r\nHost: {}\r\n", bridge.addr());
        exchange(bridge.addr(), &format!("{head}{more}\r\n"))
    };
    assert_eq!(fields(64).status, 200);
    assert_eq!(fields(65).status, 431);
}

#[test]
fn a_head_without_end_is_431_too() {
    let bridge = bridge(&[]);
    let mut raw = Raw::connect(bridge.addr());
    raw.send(format!("GET /healthz HTTP/1.1\r\nHost: {}\r\nX: ", bridge.addr()).as_bytes());
    // The server may answer, and close, at any point from 16 KiB on.
    while raw.try_send(&[b'x'; 1024]).is_ok() {
        if raw.has_arrived() {
            break;
        }
    }
    assert_eq!(raw.answer().status, 431);
}

#[test]
fn a_body_is_not_waited_for() {
    let bridge = bridge(&[]);
    let addr = bridge.addr();
    let request =
        format!("POST {PATH} HTTP/1.1\r\nHost: {addr}\r\nContent-Length: 1000000\r\n\r\n");
    assert_refused(&exchange(addr, &request), 405, "a body that never comes");
}
