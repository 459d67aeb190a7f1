//! Access to the admin listener: tokens, methods, Host, Origin, unknown paths.

use crate::common::fixture::Fixture;
use crate::common::{Admin, Bridge, DEADLINE, run_line};
use std::fs::{self, Permissions};
use std::io::{ErrorKind, Read, Write};
use std::net::TcpStream;
use std::os::unix::fs::PermissionsExt;

const TOKEN: &str = "correct-horse-battery-staple";
const ID: &str = "00000000000000000000000000000000";

/// Every route, the methods it takes, and the status of a correct request.
const ROUTES: [(&str, &[&str], u16); 10] = [
    ("/healthz", &["GET", "HEAD"], 200),
    ("/readyz", &["GET", "HEAD"], 200),
    ("/metrics", &["GET", "HEAD"], 200),
    ("/stats", &["GET", "HEAD"], 200),
    ("/api/v1/sessions", &["GET", "HEAD"], 200),
    (
        "/api/v1/sessions/00000000000000000000000000000000",
        &["GET", "HEAD", "DELETE"],
        404,
    ),
    ("/api/v1/config", &["GET", "HEAD"], 200),
    ("/api/v1/reload", &["POST"], 200),
    ("/nope", &["GET", "HEAD", "POST", "DELETE", "PUT"], 404),
    // Last: it ends the server.
    ("/api/v1/drain", &["POST"], 202),
];

fn token_file(token: &str, mode: u32) -> tempfile::NamedTempFile {
    let mut file = tempfile::NamedTempFile::new().unwrap();
    writeln!(file, "{token}").unwrap();
    fs::set_permissions(file.path(), Permissions::from_mode(mode)).unwrap();
    file
}

fn guarded() -> (Bridge, tempfile::NamedTempFile) {
    let file = token_file(TOKEN, 0o600);
    let setting = format!("--set admin.token_file={}", file.path().display());
    let bridge = Bridge::serve(&format!("--shards 1 --allow 127.0.0.1:22 {setting}"));
    (bridge, file)
}

fn is_open(path: &str) -> bool {
    matches!(path, "/healthz" | "/readyz")
}

#[test]
fn every_route_but_health_and_readiness_requires_the_token() {
    let (bridge, _file) = guarded();
    let anonymous = Admin::of(&bridge);
    let unauthenticated = [
        anonymous.clone(),
        anonymous.with_token("wrong-horse-battery-staple"),
        anonymous.with_token(&TOKEN[1..]),
        anonymous.with_token(&format!("{TOKEN}x")),
        anonymous.with_token(""),
    ];
    let owner = anonymous.with_token(TOKEN);
    let without_header = [("X-Sshard-Admin", "")];
    let reload = owner.request("POST", "/api/v1/reload", &without_header);
    assert_eq!(reload.status, 200, "the token suffices: {reload:?}");
    for (path, methods, expected) in ROUTES {
        for method in methods {
            for client in &unauthenticated {
                let answer = client.request(method, path, &[]);
                if is_open(path) {
                    assert_eq!(answer.status, 200, "{method} {path}");
                } else {
                    assert_eq!(answer.status, 401, "{method} {path}: {answer:?}");
                    assert_eq!(answer.header("www-authenticate"), Some("Bearer"));
                    assert!(!answer.body.contains(TOKEN));
                }
            }
            let answer = owner.request(method, path, &[]);
            assert_eq!(answer.status, expected, "{method} {path}: {answer:?}");
            assert_eq!(answer.header("cache-control"), Some("no-store"));
        }
    }
    assert!(!bridge.stderr().contains(TOKEN), "the token is in the log");
}

#[test]
fn the_token_is_in_no_answer() {
    let (bridge, file) = guarded();
    let owner = Admin::of(&bridge).with_token(TOKEN);
    for (path, _, _) in ROUTES {
        assert!(!owner.get(path).body.contains(TOKEN), "{path}");
    }
    let config = owner.get("/api/v1/config").json();
    let setting = &config["admin"]["token_file"];
    assert_eq!(setting["value"], file.path().to_str().unwrap());
    assert_eq!(setting["source"], "--set");
    assert_eq!(config["server"]["shards"]["value"], 1);
    assert_eq!(config["limits"]["max_connections"]["source"], "default");
}

#[test]
fn wrong_methods_are_405_and_wrong_paths_404() {
    let fixture = Fixture::new(&[]);
    let admin = Admin::of(&fixture.bridge);
    for (path, methods, _) in ROUTES.iter().filter(|(path, ..)| *path != "/nope") {
        for method in ["GET", "HEAD", "POST", "PUT", "DELETE", "PATCH", "OPTIONS"] {
            if methods.contains(&method) {
                continue;
            }
            let answer = admin.request(method, path, &[]);
            assert_eq!(answer.status, 405, "{method} {path}: {answer:?}");
            assert_eq!(answer.header("allow"), Some(methods.join(", ").as_str()));
        }
    }
    for path in [
        "/assets/",
        "/index.html",
        "/metrics/",
        "/stats/x",
        "/api/v1",
        "/api/v2/sessions",
        "//stats",
        "/ws/a/1",
    ] {
        let answer = admin.get(path);
        assert_eq!(answer.status, 404, "{path}: {answer:?}");
        let kind = answer.header("content-type");
        assert_eq!(kind, Some("application/problem+json"));
        assert_eq!(answer.json()["status"], 404);
    }
}

#[test]
fn an_id_is_32_digits_of_an_existing_session() {
    let fixture = Fixture::new(&[]);
    let admin = Admin::of(&fixture.bridge);
    for (id, status) in [
        (ID, 404),
        ("1", 400),
        ("", 400),
        ("18446744073709551615", 400),
        ("zz000000000000000000000000000000", 400),
        ("%30%30", 400),
        ("000000000000000000000000000000000", 400),
    ] {
        for method in ["GET", "DELETE"] {
            let answer = admin.request(method, &format!("/api/v1/sessions/{id}"), &[]);
            assert_eq!(answer.status, status, "{method} {id}: {answer:?}");
            assert!(answer.json()["detail"].is_string());
        }
    }
}

/// The public names are no names of this listener, and a page of it is one of plain HTTP on its own
/// address and port. The whole table: `http::host_header::tests`.
#[test]
fn a_page_of_another_site_in_the_administrators_browser_is_refused() {
    let fixture = Fixture::new(&[
        "server.public_hosts=ssh.example.org",
        "server.allowed_origins=https://app.example.org",
        "admin.allowed_hosts=admin.example.org:8443",
    ]);
    let admin = Admin::of(&fixture.bridge);
    let (own, public) = (admin.addr.to_string(), fixture.bridge.addr().to_string());
    for (host, status) in [
        (own.as_str(), 200),
        ("admin.example.org:8443", 200),
        ("evil.example", 421),
        ("ssh.example.org", 421),
        ("127.0.0.1", 421),
        (&public, 421),
    ] {
        asks(&admin, &[("Host", host)], status);
    }
    for (origin, status) in [
        (format!("http://{own}"), 200),
        ("https://admin.example.org:8443".to_owned(), 200),
        ("null".to_owned(), 403),
        ("http://evil.example".to_owned(), 403),
        ("https://ssh.example.org".to_owned(), 403),
        ("https://app.example.org".to_owned(), 403),
        (format!("https://{own}"), 403),
        (format!("http://{public}"), 403),
    ] {
        asks(&admin, &[("Host", &own), ("Origin", &origin)], status);
    }
}

/// Asks with these headers, to read and to change something.
fn asks(admin: &Admin, headers: &[(&str, &str)], status: u16) {
    for (method, path) in [("GET", "/stats"), ("POST", "/api/v1/reload")] {
        let answer = admin.request(method, path, headers);
        assert_eq!(answer.status, status, "{headers:?}: {answer:?}");
    }
}

/// Every request that changes something, as a form of any site sends it, and as a script may send
/// it without a preflight.
#[test]
fn requests_that_change_something_need_the_token_or_the_header() {
    let mut fixture = Fixture::new(&[]);
    let admin = Admin::of(&fixture.bridge);
    let session = format!("/api/v1/sessions/{ID}");
    let changing = [
        ("DELETE", session.as_str(), 404),
        ("POST", "/api/v1/reload", 200),
        // Last: it ends the server.
        ("POST", "/api/v1/drain", 202),
    ];
    for (method, path, _) in &changing {
        for unmeant in [
            &[("X-Sshard-Admin", "")][..],
            &[("X-Sshard-Admin", "0")],
            &[("X-Sshard-Admin", "1, 1")],
            &[("X-Sshard-Admin", "1"), ("X-Sshard-Admin", "1")],
            &[("X-Sshard-Admin", ""), ("Content-Type", "text/plain")],
            &[("X-Sshard-Admin", ""), ("Authorization", "Bearer x")],
        ] {
            let answer = admin.request(method, path, unmeant);
            let about = format!("{method} {path} {unmeant:?}: {answer:?}");
            assert_eq!(answer.status, 403, "{about}");
            let detail = answer.json()["detail"].to_string();
            assert!(detail.contains("X-Sshard-Admin: 1"), "{detail}");
        }
        let origin = format!("http://{}", admin.addr);
        let ask = [
            ("Origin", origin.as_str()),
            ("Access-Control-Request-Method", method),
            ("Access-Control-Request-Headers", "x-sshard-admin"),
        ];
        let preflight = admin.request("OPTIONS", path, &ask);
        assert_eq!(preflight.status, 405, "{preflight:?}");
        let granted = |(name, _): &(String, String)| name.starts_with("access-control-");
        assert!(!preflight.headers.iter().any(granted), "{preflight:?}");
    }
    assert_eq!(admin.get("/readyz").status, 200, "it must not drain");
    for (method, path, status) in &changing {
        let two = [("x-sshard-admin", "1"), ("X-Sshard-Admin", "")];
        let answer = admin.request(method, path, &two);
        assert_eq!(answer.status, 403, "two of them: {answer:?}");
        let answer = admin.request(method, path, &[]);
        assert_eq!(answer.status, *status, "{method} {path}: {answer:?}");
    }
    assert!(fixture.bridge.wait_exit(DEADLINE).success());
}

#[test]
fn outside_loopback_a_token_is_required() {
    let open = "--allow a:22 --admin-listen 0.0.0.0:0";
    let ended = run_line(&format!("serve {open}"));
    assert_eq!(ended.code, Some(78), "{ended:?}");
    assert!(ended.stderr.contains("admin.token_file"), "{ended:?}");
    let file = token_file(TOKEN, 0o600);
    let setting = format!("--set admin.token_file={}", file.path().display());
    let bridge = Bridge::serve(&format!("{open} {setting}"));
    let admin = Admin::at(([127, 0, 0, 1], bridge.admin_addr().port()).into());
    assert_eq!(admin.get("/stats").status, 401);
    assert_eq!(admin.with_token(TOKEN).get("/stats").status, 200);
}

#[test]
fn an_empty_address_means_no_listener_and_a_port_in_use_is_named() {
    let fixture = Fixture::new(&[]);
    let taken = fixture.bridge.admin_addr().to_string();
    let line = "serve --listen 127.0.0.1:0 --allow a:22 --admin-listen";
    let ended = run_line(&format!("{line} {taken}"));
    assert_eq!(ended.code, Some(1), "{ended:?}");
    for said in ["admin.listen", &taken] {
        assert!(ended.stderr.contains(said), "{ended:?}");
    }
    let none = Bridge::serve("--allow a:22 --set admin.listen=");
    assert!(!none.stdout().contains("admin at"), "{}", none.stdout());
}

/// Returns all that is answered to these bytes until the connection is closed.
fn said_to(admin: &Admin, bytes: &str) -> String {
    let mut stream = TcpStream::connect(admin.addr).unwrap();
    stream.set_read_timeout(Some(DEADLINE)).unwrap();
    // Its connection may be closed already.
    let _ = stream.write_all(bytes.as_bytes());
    let mut answer = Vec::new();
    match stream.read_to_end(&mut answer) {
        Err(error) if error.kind() != ErrorKind::ConnectionReset => panic!("{error}"),
        _ => String::from_utf8(answer).unwrap(),
    }
}

/// The deadline of the head is far below that of a whole connection, which is above the test's.
#[test]
fn a_connection_has_one_request_with_a_small_head_in_time() {
    let fixture = Fixture::new(&[]);
    let admin = Admin::of(&fixture.bridge);
    let request = format!("GET /healthz HTTP/1.1\r\nHost: {}\r\n", admin.addr);
    let twice = said_to(&admin, &format!("{request}\r\n").repeat(2));
    assert_eq!(twice.matches("HTTP/1.1 200").count(), 1, "{twice}");
    let field = format!("X: {}\r\n", "x".repeat(1018));
    let fields = |count| format!("{request}{}\r\n", field.repeat(count));
    assert!(said_to(&admin, &fields(14)).starts_with("HTTP/1.1 200"));
    let refused = said_to(&admin, &fields(20));
    assert!(
        refused.is_empty() || refused.starts_with("HTTP/1.1 431"),
        "{refused}"
    );
    let half = said_to(&admin, &request);
    assert!(!half.contains("200"), "{half}");
}

/// Silent connections, half requests, and answers that are not read, each more than there are
/// slots. All at once, before and during a request, which does not wait for a deadline.
#[test]
fn silent_connections_do_not_keep_operators_out() {
    let fixture = Fixture::new(&[]);
    let admin = Admin::of(&fixture.bridge);
    let open = |said: &str| {
        let mut stream = TcpStream::connect(admin.addr).unwrap();
        // It does not read the answer, and may be closed already.
        let _ = stream.write_all(said.as_bytes());
        stream
    };
    let half = "GET /stats HTTP/1.1\r\nHost: x\r\n";
    let whole = format!("GET /metrics HTTP/1.1\r\nHost: {}\r\n\r\n", admin.addr);
    let is_open = |stream: &TcpStream| {
        stream.set_nonblocking(true).unwrap();
        let read = stream.peek(&mut [0]);
        read.is_err_and(|error| error.kind() == ErrorKind::WouldBlock)
    };
    let mut held = Vec::new();
    for said in ["", half, &whole] {
        held.extend((0..100).map(|_| open(said)));
        let newest = held.len() - 1;
        for path in [
            "/healthz",
            "/readyz",
            "/stats",
            "/metrics",
            "/api/v1/sessions",
        ] {
            assert_eq!(admin.get(path).status, 200, "{path} beside {said:?}");
            held.push(open(said));
        }
        assert_eq!(admin.post("/api/v1/reload").status, 200, "beside {said:?}");
        // Older ones were displaced. A request that had waited for the deadline of a silent
        // connection would have outlived this one.
        assert!(said == whole || is_open(&held[newest]), "beside {said:?}");
    }
    for held in [held, Vec::new()] {
        let sessions = run_line(&format!("sessions --admin {}", admin.addr));
        assert_eq!(sessions.code, Some(0), "{sessions:?}");
        drop(held);
    }
}
