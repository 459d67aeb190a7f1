//! `Host` and `Origin`: 421 and 403.

use super::common::raw::{Answer, exchange, upgrade_request};
use super::common::{Bridge, DEADLINE};
use super::{assert_refused, bridge};

fn ask(bridge: &Bridge, host: &str, more: &str) -> Answer {
    let addr = bridge.addr();
    let request = upgrade_request(addr, "/ws/127.0.0.1/1");
    let request = request.replace(&format!("Host: {addr}"), &format!("Host: {host}"));
    let offer = "Sec-WebSocket-Protocol: sshard.v1";
    exchange(addr, &format!("{request}{offer}\r\n{more}\r\n"))
}

/// The table of its own names is in `http::host_header::tests`.
#[test]
fn the_server_answers_to_its_own_names_and_to_those_configured() {
    let bridge = bridge(&["server.public_hosts=ssh.example.org,other.example:8443"]);
    let addr = bridge.addr().to_string();
    for host in [addr.as_str(), "SSH.example.org:444", "other.example:8443"] {
        let answer = ask(&bridge, host, "");
        assert_eq!(answer.status, 101, "{host}: {answer:?}");
    }
    for host in ["evil.example", "127.0.0.1", "other.example", ""] {
        assert_refused(&ask(&bridge, host, ""), 421, host);
        // No path is an exception: a rebound name must not reveal that a bridge is here.
        for path in ["/healthz", "/", "/page.json"] {
            let request = format!("GET {path} HTTP/1.1\r\nHost: {host}\r\n\r\n");
            assert_refused(&exchange(bridge.addr(), &request), 421, host);
        }
    }
}

/// A browser hides a refused WebSocket from its page, so the operator learns of it from the log.
#[test]
fn a_refusal_that_configuration_decides_is_logged_once_per_client() {
    let bridge = bridge(&["server.public_hosts=ssh.example.org"]);
    for _ in 0..20 {
        assert_eq!(ask(&bridge, "other.example", "").status, 421);
    }
    let origin = "Origin: https://evil.example\r\n";
    assert_eq!(ask(&bridge, "ssh.example.org", origin).status, 403);
    bridge.wait_stderr("request refused", DEADLINE);
    let log = bridge.stderr();
    let lines = log.lines().filter(|line| line.contains("request refused"));
    let [line] = lines.collect::<Vec<_>>()[..] else {
        panic!("{log}");
    };
    let host = "host=\"other.example\"";
    for part in ["INFO", "status=421", host, "server.public_hosts"] {
        assert!(line.contains(part), "{part}: {line}");
    }
}

#[test]
fn a_request_without_exactly_one_host_is_400() {
    let bridge = bridge(&[]);
    let addr = bridge.addr();
    let two = format!("GET /healthz HTTP/1.1\r\nHost: {addr}\r\nHost: {addr}\r\n\r\n");
    assert_refused(&exchange(addr, &two), 400, "two");
    let none = "GET /healthz HTTP/1.1\r\n\r\n";
    assert_refused(&exchange(addr, none), 400, "none");
}

/// A request target that is an absolute URL has a host of its own, in place of the header's.
#[test]
fn the_host_of_an_absolute_url_is_checked() {
    let bridge = bridge(&[]);
    let addr = bridge.addr();
    for (authority, status) in [
        (addr.to_string(), 200),
        (format!("localhost:{}", addr.port()), 200),
        ("evil.example".to_owned(), 421),
        (format!("evil.example:{}", addr.port()), 421),
        (format!("u@{addr}"), 421),
    ] {
        let request = format!("GET http://{authority}/healthz HTTP/1.1\r\nHost: {addr}\r\n\r\n");
        let answer = exchange(addr, &request);
        assert_eq!(answer.status, status, "{authority}: {answer:?}");
    }
}

#[test]
fn a_foreign_origin_is_403() {
    let bridge = bridge(&["server.public_hosts=ssh.example.org"]);
    let host = bridge.addr().to_string();
    let own = format!("http://{host}");
    for origin in [own.as_str(), "https://ssh.example.org"] {
        let answer = ask(&bridge, &host, &format!("Origin: {origin}\r\n"));
        assert_eq!(answer.status, 101, "{origin}: {answer:?}");
    }
    let page = format!("{own}/page");
    for origin in ["https://evil.example", "null", &host, &page] {
        let answer = ask(&bridge, &host, &format!("Origin: {origin}\r\n"));
        assert_refused(&answer, 403, origin);
    }
    let both = format!("Origin: {own}\r\nOrigin: https://evil.example\r\n");
    assert_refused(&ask(&bridge, &host, &both), 403, "one of two");
}
