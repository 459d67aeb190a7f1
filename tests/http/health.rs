//! `/healthz`, `/readyz`, and that a connection carries one request. Drains: `operations`.

use super::common::raw::{Raw, exchange};
use super::{assert_refused, bridge};
use std::net::SocketAddr;

fn get(addr: SocketAddr, path: &str) -> String {
    format!("GET {path} HTTP/1.1\r\nHost: {addr}\r\n\r\n")
}

#[test]
fn a_server_that_listens_is_alive_and_ready() {
    // The prefix is the terminals' alone.
    let bridge = bridge(&["server.path_prefix=/term"]);
    for (path, body) in [("/healthz", "alive\n"), ("/readyz", "ready\n")] {
        let answer = exchange(bridge.addr(), &get(bridge.addr(), path));
        assert_eq!((answer.status, answer.body.as_str()), (200, body));
        let kind = answer.header("content-type");
        assert_eq!(kind, Some("text/plain; charset=utf-8"));
        assert_eq!(answer.header("connection"), Some("close"));
        let mut raw = Raw::connect(bridge.addr());
        raw.send(get(bridge.addr(), path).replace("GET", "HEAD").as_bytes());
        let head = String::from_utf8(raw.rest()).unwrap();
        assert!(head.starts_with("HTTP/1.1 200 OK\r\n"), "{head}");
        assert!(head.ends_with("\r\n\r\n"), "a body after HEAD: {head}");
        let post = get(bridge.addr(), path).replace("GET", "POST");
        let answer = exchange(bridge.addr(), &post);
        assert_refused(&answer, 405, path);
        assert_eq!(answer.header("allow"), Some("GET, HEAD"));
    }
}

#[test]
fn a_connection_carries_one_request() {
    let bridge = bridge(&[]);
    let mut raw = Raw::connect(bridge.addr());
    raw.send(get(bridge.addr(), "/healthz").repeat(3).as_bytes());
    let said = String::from_utf8(raw.rest()).unwrap();
    assert_eq!(said.matches("HTTP/1.1 ").count(), 1, "{said}");
    assert_eq!(said.matches("alive\n").count(), 1, "{said}");
}
