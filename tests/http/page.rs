//! The terminal page: where it is, what its answers carry, and that Host and Origin hold for it, too.

use super::common::raw::{Answer, Raw, exchange};
use super::{assert_refused, bridge};
use crate::common::Bridge;

/// Headers that every answer of the page must carry, with a part of each.
const CARRIED: &[(&str, &str)] = &[
    ("x-content-type-options", "nosniff"),
    ("referrer-policy", "no-referrer"),
    ("x-frame-options", "DENY"),
    ("cross-origin-opener-policy", "same-origin"),
    ("cross-origin-resource-policy", "same-origin"),
    ("permissions-policy", "camera=()"),
    (
        "content-security-policy",
        "default-src 'none'; script-src 'self';",
    ),
    (
        "content-security-policy",
        "require-trusted-types-for 'script'",
    ),
    ("content-security-policy", "frame-ancestors 'none'"),
];

fn request(bridge: &Bridge, method: &str, path: &str, more: &str) -> Answer {
    let addr = bridge.addr();
    exchange(
        addr,
        &format!("{method} {path} HTTP/1.1\r\nHost: {addr}\r\n{more}\r\n"),
    )
}

#[test]
fn the_page_stands_at_the_prefix_with_strict_headers() {
    for prefix in ["", "/term"] {
        let bridge = bridge(&[&format!("server.path_prefix={prefix}")]);
        let page = request(&bridge, "GET", &format!("{prefix}/"), "");
        assert_eq!(page.status, 200, "{page:?}");
        assert_eq!(
            page.header("content-type"),
            Some("text/html; charset=utf-8")
        );
        for (name, part) in CARRIED {
            let value = page.header(name).unwrap_or_default();
            assert!(value.contains(part), "{name}: {value}");
        }
        let addr = bridge.addr();
        let policy = page.header("content-security-policy").unwrap();
        let sockets = format!("connect-src 'self' ws://{addr} wss://{addr};");
        assert!(policy.contains(&sockets), "{policy}");
        // The query is the page's own; paths beside it are nobody's.
        let query = request(&bridge, "GET", &format!("{prefix}/?target=db"), "");
        assert_eq!(query.status, 200);
        for path in [
            "/assets/",
            "/assets/none.js",
            "/assets/..%2fpage.json",
            "/index.html",
            "/assets/../",
        ] {
            let answer = request(&bridge, "GET", &format!("{prefix}{path}"), "");
            assert_refused(&answer, 404, path);
        }
        let post = request(
            &bridge,
            "POST",
            &format!("{prefix}/"),
            "Content-Length: 0\r\n",
        );
        assert_refused(&post, 405, "POST");
    }
}

#[test]
fn the_prefix_alone_leads_to_the_page() {
    let bridge = bridge(&["server.path_prefix=/term"]);
    let answer = request(&bridge, "GET", "/term", "");
    assert_eq!(answer.status, 308);
    assert_eq!(answer.header("location"), Some("/term/"));
    assert_refused(
        &request(&bridge, "GET", "/", ""),
        404,
        "outside of the prefix",
    );
    assert_refused(&request(&bridge, "GET", "/termx/", ""), 404, "another path");
}

#[test]
fn a_head_request_gets_the_headers_alone() {
    let bridge = bridge(&[]);
    let addr = bridge.addr();
    let mut raw = Raw::connect(addr);
    raw.send(format!("HEAD / HTTP/1.1\r\nHost: {addr}\r\n\r\n").as_bytes());
    let head = String::from_utf8(raw.rest()).unwrap();
    assert!(
        head.starts_with("HTTP/1.1 200 OK\r\n") && head.ends_with("\r\n\r\n"),
        "{head}"
    );
}

#[test]
fn pages_of_other_hosts_and_origins_get_nothing() {
    let bridge = bridge(&[]);
    let addr = bridge.addr();
    for (host, origin, status) in [
        ("rebound.example.org".to_owned(), String::new(), 421),
        (
            addr.to_string(),
            "Origin: https://evil.example.org\r\n".to_owned(),
            403,
        ),
    ] {
        for path in ["/", "/page.json"] {
            let text = format!("GET {path} HTTP/1.1\r\nHost: {host}\r\n{origin}\r\n");
            assert_refused(&exchange(addr, &text), status, path);
        }
    }
}

#[test]
fn names_of_targets_are_told_only_where_the_operator_shows_them() {
    for (show, expected) in [("false", "[]"), ("true", r#"["db"]"#)] {
        let bridge = bridge(&[
            "targets.named=db=127.0.0.1:1",
            &format!("web.show_targets={show}"),
        ]);
        let facts = request(&bridge, "GET", "/page.json", "");
        assert_eq!(facts.status, 200);
        assert_eq!(facts.header("cache-control"), Some("no-store"));
        assert_eq!(facts.json()["targets"].to_string(), expected);
    }
}

#[test]
fn a_bridge_without_the_page_has_nothing_there() {
    let bridge = bridge(&["web.enabled=false"]);
    for path in ["/", "/page.json", "/assets/none.js"] {
        assert_refused(&request(&bridge, "GET", path, ""), 404, path);
    }
}
