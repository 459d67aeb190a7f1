//! The operator's page: access, headers, and that no page of another site can use it.

use crate::common::fixture::Fixture;
use crate::common::raw::Answer;
use crate::common::{Admin, Bridge};
use std::io::Write;

const TOKEN: &str = "correct-horse-battery-staple";

/// Checks the headers that every answer of the listener carries.
fn assert_carries_all(answer: &Answer, of: &str) {
    answer.assert_is_secured(of);
    let policy = answer.header("content-security-policy").unwrap();
    for part in [
        "style-src 'self'; connect-src 'self';",
        "trusted-types 'none'",
    ] {
        assert!(policy.contains(part), "{policy}");
    }
    assert!(!policy.contains("unsafe"), "{policy}");
    let granted = |(name, _): &(String, String)| name.starts_with("access-control-");
    assert!(!answer.headers.iter().any(granted), "{of}: {answer:?}");
}

/// Returns the paths of the files that the page refers to.
fn assets(page: &str) -> Vec<String> {
    let after = page.split("=\"assets/").skip(1);
    after
        .map(|rest| format!("/assets/{}", rest.split('"').next().unwrap()))
        .collect()
}

#[test]
fn the_page_needs_no_token_and_everything_else_does() {
    let mut file = tempfile::NamedTempFile::new().unwrap();
    writeln!(file, "{TOKEN}").unwrap();
    let setting = format!("--set admin.token_file={}", file.path().display());
    let bridge = Bridge::serve(&format!("--allow a:22 {setting}"));
    let anonymous = Admin::of(&bridge);
    let page = anonymous.get("/");
    assert_eq!(page.status, 200, "{page:?}");
    let kind = page.header("content-type");
    assert_eq!(kind, Some("text/html; charset=utf-8"));
    assert_carries_all(&page, "/");
    assert!(!page.body.contains(TOKEN));
    for asset in assets(&page.body) {
        let answer = anonymous.get(&asset);
        assert_eq!(answer.status, 200, "{asset}");
        assert_carries_all(&answer, &asset);
    }
    assert_eq!(anonymous.get("/assets/none.js").status, 404);
    for path in ["/stats", "/api/v1/sessions", "/api/v1/config", "/metrics"] {
        let answer = anonymous.get(path);
        assert_eq!(answer.status, 401, "{path}");
        assert_carries_all(&answer, path);
        let answer = anonymous.with_token(TOKEN).get(path);
        assert_eq!(answer.status, 200, "{path}");
        assert_carries_all(&answer, path);
        assert_eq!(answer.header("cache-control"), Some("no-store"));
    }
    let drain = anonymous.post("/api/v1/drain");
    assert_eq!(drain.status, 401, "{drain:?}");
}

/// With the page in the binary and without.
#[test]
fn the_page_is_not_cached_and_its_files_are() {
    let fixture = Fixture::new(&[]);
    let admin = Admin::of(&fixture.bridge);
    let page = admin.get("/");
    let files = assets(&page.body);
    if files.is_empty() {
        assert!(page.body.contains("make web"), "{page:?}");
        assert_eq!(page.header("cache-control"), Some("no-store"));
        return;
    }
    assert_eq!(page.header("cache-control"), Some("no-cache"));
    assert_eq!(files.len(), 3, "{files:?}");
    for path in files.iter().map(String::as_str).chain(["/"]) {
        let first = admin.get(path);
        let tag = first.header("etag").unwrap();
        let again = admin.request("GET", path, &[("If-None-Match", tag)]);
        assert_eq!((again.status, again.body.as_str()), (304, ""), "{path}");
        let head = admin.request("HEAD", path, &[]);
        assert_eq!((head.status, head.body.as_str()), (200, ""), "{path}");
        assert_eq!(first.header("vary"), Some("accept-encoding"));
        if path != "/" {
            let kept = Some("public, max-age=31536000, immutable");
            assert_eq!(first.header("cache-control"), kept, "{path}");
        }
    }
}

#[test]
fn pages_of_other_hosts_and_origins_get_neither_the_page_nor_a_session() {
    let fixture = Fixture::new(&[]);
    let admin = Admin::of(&fixture.bridge);
    let mut client = fixture.ready();
    let id = admin.only_session();
    let session = format!("/api/v1/sessions/{id}");
    let addr = admin.addr.to_string();
    for (host, origin, status) in [
        ("rebound.example.org", None, 421),
        (addr.as_str(), Some("https://evil.example.org"), 403),
        (addr.as_str(), Some("null"), 403),
    ] {
        let mut headers = vec![("Host", host)];
        headers.extend(origin.map(|origin| ("Origin", origin)));
        for (method, path) in [
            ("GET", "/"),
            ("GET", "/assets/none.js"),
            ("GET", "/stats"),
            ("DELETE", session.as_str()),
            ("POST", "/api/v1/drain"),
        ] {
            let answer = admin.request(method, path, &headers);
            assert_eq!(answer.status, status, "{method} {path} {headers:?}");
            assert_carries_all(&answer, path);
        }
    }
    // The page's own way: its Origin, and the header.
    let own = format!("http://{addr}");
    let killed = admin.request("DELETE", &session, &[("Origin", &own)]);
    assert_eq!(killed.status, 202, "{killed:?}");
    assert_eq!(client.until_close().0, 4412);
}

#[test]
fn a_page_that_is_switched_off_is_404() {
    // The page of the public port is another matter.
    for (setting, expected) in [("admin.page=false", 404), ("web.enabled=false", 200)] {
        let fixture = Fixture::new(&[setting]);
        let admin = Admin::of(&fixture.bridge);
        assert_eq!(admin.get("/").status, expected, "{setting}");
        assert_eq!(admin.get("/stats").status, 200);
    }
}

#[test]
fn the_public_port_does_not_serve_the_operators_page() {
    let fixture = Fixture::new(&[]);
    let page = Admin::of(&fixture.bridge).get("/");
    let public = Admin::at(fixture.bridge.addr());
    assert_ne!(public.get("/").body, page.body);
    let files = assets(&page.body);
    let scripts = files.iter().filter(|file| file.ends_with(".js"));
    let elsewhere = ["/", "/index.html"].map(|file| format!("/operator{file}"));
    let named = ["/assets/operator/index.html".to_owned()];
    for path in scripts.chain(&elsewhere).chain(&named) {
        assert_eq!(public.get(path).status, 404, "{path}");
    }
}
