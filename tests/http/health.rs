//! `/healthz`, `/readyz`, and that a connection carries one request.

use super::common::Options;
use super::common::raw::{Raw, exchange};
use super::common::{Client, DEADLINE, Event, poll};
use super::{assert_refused, bridge, upgrade_v1};
use rustix::process::Signal;
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

#[test]
fn a_draining_server_is_alive_and_not_ready() {
    let mut bridge = bridge(&["server.drain_timeout=20s"]);
    let mut v1 = Client::connect(bridge.addr(), "/ws/127.0.0.1/1", &Options::v1());
    v1.wait_type("hello");
    bridge.signal(Signal::TERM);
    let notice = v1.wait_type("notice");
    assert_eq!(notice["kind"], "drain");
    let left = notice["deadline_ms"].as_u64().unwrap();
    assert!((1..=20_000).contains(&left), "{notice}");
    let answer = exchange(bridge.addr(), &get(bridge.addr(), "/readyz"));
    assert_refused(&answer, 503, "readyz");
    assert!(answer.header("retry-after").is_some(), "{answer:?}");
    let answer = exchange(bridge.addr(), &get(bridge.addr(), "/healthz"));
    assert_eq!((answer.status, answer.body.as_str()), (200, "alive\n"));
    // A client of the compatible dialect is refused, one of v1 is told after the upgrade.
    let refused = Client::try_connect(bridge.addr(), "/ws/127.0.0.1/1", &Options::compatible());
    assert_eq!(refused.err().map(|refused| refused.status), Some(503));
    let mut late = Client::connect(bridge.addr(), "/ws/127.0.0.1/1", &Options::v1());
    late.auth_v1(&serde_json::json!({ "username": "u" }));
    let error = late.wait_type("error");
    assert_eq!(
        (&error["code"], &error["retryable"]),
        (&"drain".into(), &true.into())
    );
    assert_eq!(late.until_close().0, 1001);
    assert_eq!(upgrade_v1(&bridge, "/ws/127.0.0.1/1").status, 101);
    v1.send_json(&serde_json::json!({ "type": "close" }));
    assert_eq!(v1.until_close().0, 1000);
    drop((v1, late));
    assert!(bridge.wait_exit(DEADLINE).success());
}

#[test]
fn drained_sessions_end_with_1001() {
    let mut bridge = bridge(&["server.drain_timeout=100ms"]);
    let mut client = Client::connect(bridge.addr(), "/ws/127.0.0.1/1", &Options::v1());
    client.wait_type("hello");
    bridge.signal(Signal::TERM);
    client.wait_type("notice");
    let error = client.wait_type("error");
    assert_eq!(error["code"], "drain");
    let Event::Close(code, _) = client.recv() else {
        panic!("no close frame");
    };
    assert_eq!(code, 1001);
    assert!(bridge.wait_exit(DEADLINE).success());
    // The port is free again.
    assert!(poll(DEADLINE, || std::net::TcpListener::bind(bridge.addr()).ok()).is_some());
}
