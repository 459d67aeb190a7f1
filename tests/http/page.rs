//! The terminal page: its paths and the headers of its responses.

use super::common::raw::{Answer, Raw, exchange};
use super::common::{Admin, Bridge};
use super::{assert_refused, bridge};

fn request(bridge: &Bridge, method: &str, path: &str, more: &str) -> Answer {
    let addr = bridge.addr();
    let request = format!("{method} {path} HTTP/1.1\r\nHost: {addr}\r\n{more}\r\n");
    exchange(addr, &request)
}

fn get(bridge: &Bridge, path: &str) -> Answer {
    request(bridge, "GET", path, "")
}

#[test]
fn the_page_is_served_at_the_prefix_with_strict_headers() {
    for prefix in ["", "/term"] {
        let bridge = bridge(&[&format!("server.path_prefix={prefix}")]);
        let page = get(&bridge, &format!("{prefix}/"));
        assert_eq!(page.status, 200, "{page:?}");
        let kind = page.header("content-type");
        assert_eq!(kind, Some("text/html; charset=utf-8"));
        page.assert_is_secured(prefix);
        let addr = bridge.addr();
        let policy = page.header("content-security-policy").unwrap();
        let sockets = format!("connect-src 'self' ws://{addr} wss://{addr};");
        assert!(policy.contains(&sockets), "{policy}");
        // The query belongs to the page; other paths are not found.
        let query = get(&bridge, &format!("{prefix}/?target=db"));
        assert_eq!(query.status, 200);
        for path in [
            "/assets/",
            "/assets/none.js",
            "/assets/..%2fpage.json",
            "/index.html",
            "/assets/../",
        ] {
            let answer = get(&bridge, &format!("{prefix}{path}"));
            assert_refused(&answer, 404, path);
        }
        let path = format!("{prefix}/");
        let post = request(&bridge, "POST", &path, "Content-Length: 0\r\n");
        assert_refused(&post, 405, "POST");
    }
}

#[test]
fn the_prefix_without_a_slash_redirects_to_the_page() {
    let bridge = bridge(&["server.path_prefix=/term"]);
    let answer = get(&bridge, "/term");
    assert_eq!(answer.status, 308);
    assert_eq!(answer.header("location"), Some("/term/"));
    for elsewhere in ["/", "/termx/"] {
        assert_refused(&get(&bridge, elsewhere), 404, elsewhere);
    }
}

#[test]
fn a_head_request_gets_only_the_headers() {
    let bridge = bridge(&[]);
    let addr = bridge.addr();
    let mut raw = Raw::connect(addr);
    raw.send(format!("HEAD / HTTP/1.1\r\nHost: {addr}\r\n\r\n").as_bytes());
    let head = String::from_utf8(raw.rest()).unwrap();
    let begins = head.starts_with("HTTP/1.1 200 OK\r\n");
    assert!(begins && head.ends_with("\r\n\r\n"), "{head}");
}

#[test]
fn target_names_are_listed_only_if_the_operator_shows_them() {
    for (show, expected) in [("false", "[]"), ("true", r#"["db"]"#)] {
        let bridge = bridge(&[
            "targets.named=db=127.0.0.1:1",
            &format!("web.show_targets={show}"),
        ]);
        let facts = get(&bridge, "/page.json");
        assert_eq!(facts.status, 200);
        assert_eq!(facts.header("cache-control"), Some("no-store"));
        assert_eq!(facts.json()["targets"].to_string(), expected);
        assert_eq!(facts.json()["embed_origins"].to_string(), "[]");
    }
}

/// To no others: origins that are listed for frames do not count here.
#[test]
fn the_client_library_is_served_to_the_origins_that_may_connect() {
    let app = "https://app.example.org";
    let bridge = bridge(&[
        "server.path_prefix=/term",
        &format!("server.allowed_origins={app}"),
        "web.embed_origins=https://portal.example.org",
    ]);
    let get = |more: &str| request(&bridge, "GET", "/term/client.js", more);
    let own = get("");
    assert_eq!(own.status, 200, "`make web` builds it: {own:?}");
    let media_type = own.header("content-type").unwrap();
    assert!(media_type.starts_with("text/javascript"), "{media_type}");
    assert_eq!(own.header("cache-control"), Some("no-cache"));
    assert_eq!(own.header("vary"), Some("accept-encoding, origin"));
    let policy = "cross-origin-resource-policy";
    let allowed = "access-control-allow-origin";
    assert_eq!(own.header(allowed), None);
    assert_eq!(own.header(policy), Some("same-origin"));
    let listed = get(&format!("Origin: {app}\r\n"));
    assert_eq!(listed.status, 200);
    assert_eq!(listed.header(allowed), Some(app));
    assert_eq!(listed.header(policy), Some("cross-origin"));
    let tag = listed.header("etag").unwrap();
    let unchanged = get(&format!("Origin: {app}\r\nIf-None-Match: {tag}\r\n"));
    assert_eq!(unchanged.status, 304);
    assert_eq!(unchanged.header(allowed), Some(app));
    // What a browser that visits again gets is no refusal.
    let redirect = request(&bridge, "GET", "/term", "");
    assert_eq!(redirect.status, 308);
    let stats = Admin::of(&bridge).stats();
    let refused = stats["refused_before_session"].as_array().unwrap();
    assert!(refused.is_empty(), "{refused:?}");
    // The bridge's own pages need no permission.
    let addr = bridge.addr();
    let own = get(&format!("Origin: http://{addr}\r\n"));
    assert_eq!((own.status, own.header(allowed)), (200, None));
    for other in [
        "https://portal.example.org",
        "https://app.example.org.evil",
        "null",
    ] {
        let refused = get(&format!("Origin: {other}\r\n"));
        assert_eq!((refused.status, refused.header(allowed)), (403, None));
    }
    // The page itself is not shared.
    let page = request(&bridge, "GET", "/term/", &format!("Origin: {app}\r\n"));
    assert_eq!((page.status, page.header(allowed)), (200, None));
    assert_eq!(page.header(policy), Some("same-origin"));
}

#[test]
fn listed_origins_may_frame_the_page() {
    let bridge = bridge(&["web.embed_origins=https://portal.example.org,http://127.0.0.1:8080"]);
    let page = get(&bridge, "/");
    let policy = page.header("content-security-policy").unwrap();
    let ancestors = "frame-ancestors https://portal.example.org http://127.0.0.1:8080;";
    assert!(policy.contains(ancestors), "{policy}");
    // X-Frame-Options has no list, and would refuse them.
    assert_eq!(page.header("x-frame-options"), None);
    let facts = get(&bridge, "/page.json").json();
    let origins = ["https://portal.example.org", "http://127.0.0.1:8080"];
    assert_eq!(facts["embed_origins"], serde_json::json!(origins));
}

#[test]
fn a_disabled_page_is_404() {
    let bridge = bridge(&["web.enabled=false"]);
    for path in ["/", "/page.json", "/client.js", "/assets/none.js"] {
        assert_refused(&get(&bridge, path), 404, path);
    }
}
