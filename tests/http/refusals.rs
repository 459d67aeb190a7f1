//! Requests that are no upgrade: 400, 405, 426, and heads that are too large.

use super::common::raw::{Raw, exchange, upgrade_request};
use super::{assert_refused, bridge};

const PATH: &str = "/ws/127.0.0.1/1";
const PROTOCOL: &str = "Sec-WebSocket-Protocol: sshard.v1\r\n";

#[test]
fn methods_other_than_get_are_405() {
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
fn a_request_without_an_upgrade_is_426() {
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

/// An upgrade with a body, or with headers of which a proxy in front may make one: none is
/// accepted, however it is spelled, for what follows would be read as frames here and as a request
/// there.
#[test]
fn an_upgrade_with_a_body_is_400() {
    let bridge = bridge(&[]);
    let full = upgrade_request(bridge.addr(), PATH);
    let ask = |headers: &str, body: &str| {
        let mut raw = Raw::connect(bridge.addr());
        raw.send(format!("{full}{PROTOCOL}{headers}\r\n{body}").as_bytes());
        raw.answer()
    };
    let bodiless = [
        "Content-Length: 0\r\n",
        "TE: trailers\r\n",
        "Trailer: x\r\n",
    ];
    for headers in bodiless.into_iter().chain([""]) {
        assert_eq!(ask(headers, "").status, 101, "{headers:?}");
    }
    for (headers, body) in [
        ("Content-Length: 5\r\n", "hello"),
        ("Content-Length: 5\r\n", ""),
        ("content-length:5\r\n", ""),
        ("Content-Length: 00\r\n", ""),
        ("Content-Length: +0\r\n", ""),
        ("Content-Length: -1\r\n", ""),
        ("Content-Length: 0x5\r\n", ""),
        ("Content-Length: 0, 5\r\n", ""),
        ("Content-Length: 5, 5\r\n", ""),
        ("Content-Length: 18446744073709551616\r\n", ""),
        ("Content-Length:\r\n", ""),
        ("Content-Length: 0\r\nContent-Length: 5\r\n", ""),
        ("Content-Length: 5\r\nContent-Length: 0\r\n", ""),
        ("Transfer-Encoding: chunked\r\n", "5\r\nhello\r\n0\r\n\r\n"),
        ("transfer-encoding:\tchunked\t\r\n", "0\r\n\r\n"),
        ("Transfer-Encoding: CHUNKED\r\n", "0\r\n\r\n"),
        ("Transfer-Encoding: gzip, chunked\r\n", "0\r\n\r\n"),
        ("Transfer-Encoding: chunked, identity\r\n", ""),
        ("Transfer-Encoding: identity\r\n", ""),
        ("Transfer-Encoding: xchunked\r\n", ""),
        ("Transfer-Encoding: chunked;x=1\r\n", ""),
        ("Transfer-Encoding:\r\n", ""),
        ("Transfer-Encoding: \x0bchunked\r\n", ""),
        ("Transfer-Encoding : chunked\r\n", ""),
        (" Transfer-Encoding: chunked\r\n", ""),
        ("X: y\r\n Transfer-Encoding: chunked\r\n", ""),
        ("X: y\rTransfer-Encoding: chunked\r\n", ""),
        ("X: y\0\r\nTransfer-Encoding: chunked\r\n", ""),
        ("Transfer\0-Encoding: chunked\r\n", ""),
        ("Content-Length : 5\r\n", ""),
    ] {
        let answer = ask(headers, body);
        assert_eq!(answer.status, 400, "{}: {answer:?}", headers.escape_debug());
    }
    for headers in [
        "Transfer-Encoding: identity\r\nTransfer-Encoding: chunked\r\n",
        "Content-Length: 0\r\nTransfer-Encoding: chunked\r\n",
        "Transfer-Encoding: chunked\r\nContent-Length: 0\r\n",
        "Transfer-Encoding: chunked\r\nContent-Length: 5\r\n",
    ] {
        let answer = ask(headers, "0\r\n\r\n");
        assert_eq!(answer.status, 400, "{headers:?}: {answer:?}");
    }
}

/// Load balancers use it for health checks.
#[test]
fn http_1_0_is_accepted_for_health_only() {
    let bridge = bridge(&[]);
    let (addr, admin) = (bridge.addr(), bridge.admin_addr());
    let host = format!("Host: {addr}\r\n");
    let answers = |addr, request: &str, body: &str| {
        let answer = exchange(addr, request);
        assert_eq!((answer.status, &*answer.body), (200, body), "{request}");
    };
    for (path, body) in [("/healthz", "alive\n"), ("/readyz", "ready\n")] {
        for method in ["GET", "OPTIONS"] {
            for headers in ["", &host, "Connection: keep-alive\r\n"] {
                let request = format!("{method} {path} HTTP/1.0\r\n{headers}\r\n");
                answers(addr, &request, body);
            }
            answers(admin, &format!("{method} {path} HTTP/1.0\r\n\r\n"), body);
        }
        let mut raw = Raw::connect(addr);
        raw.send(format!("HEAD {path} HTTP/1.0\r\n\r\n").as_bytes());
        let head = String::from_utf8(raw.rest()).unwrap();
        let is_bare = head.ends_with("\r\n\r\n");
        assert!(head.contains(" 200 ") && is_bare, "{head}");
        for (headers, status) in [
            ("Host: evil.example\r\n".to_owned(), 421),
            ("Host:\r\n".to_owned(), 421),
            (host.repeat(2), 400),
            ("Origin: https://evil.example\r\n".to_owned(), 403),
        ] {
            let request = format!("GET {path} HTTP/1.0\r\n{headers}\r\n");
            assert_refused(&exchange(addr, &request), status, &request);
        }
        let post = format!("POST {path} HTTP/1.0\r\n\r\n");
        assert_refused(&exchange(addr, &post), 405, &post);
    }
    let upgrade = upgrade_request(addr, PATH).replace("HTTP/1.1", "HTTP/1.0");
    for request in [
        format!("{upgrade}{PROTOCOL}\r\n"),
        "OPTIONS / HTTP/1.0\r\n\r\n".to_owned(),
        format!("GET / HTTP/1.0\r\n{host}\r\n"),
        format!("GET {PATH} HTTP/1.0\r\n\r\n"),
        format!("GET /nothing HTTP/1.0\r\n{host}\r\n"),
        format!("GET /healthz/ HTTP/1.0\r\n{host}\r\n"),
    ] {
        assert_refused(&exchange(addr, &request), 400, &request);
    }
    let stats = format!("GET /stats HTTP/1.0\r\nHost: {admin}\r\n\r\n");
    assert_eq!(exchange(admin, &stats).status, 400);
}

#[test]
fn bytes_that_are_not_http_are_refused() {
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
fn an_endless_head_is_431() {
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
