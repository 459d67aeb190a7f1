//! Host and Origin headers that each listener accepts.
#![allow(clippy::unwrap_used, reason = "a failed step of a test is its failure")]

use super::*;
use std::net::SocketAddr;

fn names(listed: &[&str]) -> Vec<HostPort> {
    let name = |text: &&str| {
        let after_brackets = text.find(']').unwrap_or_default();
        let port = text.rfind(':').filter(|at| *at > after_brackets);
        HostPort {
            host: text[..port.unwrap_or(text.len())].to_owned(),
            port: port.map(|at| text[at + 1..].parse().unwrap()),
        }
    };
    listed.iter().map(name).collect()
}

/// The listener of the port, without TLS.
fn listener(local: &str) -> ListenerInfo {
    ListenerInfo {
        local: local.parse().unwrap(),
        tls: false,
    }
}

fn server(public: &[&str]) -> Server {
    Server {
        public_hosts: names(public),
        ..Server::default()
    }
}

fn admin(allowed: &[&str]) -> Admin {
    Admin {
        allowed_hosts: names(allowed),
        ..Admin::default()
    }
}

/// Returns whether the public listener accepts the host, and a page by plain HTTP on it.
fn accepts(local: &str, public: &[&str], host: &str) -> (bool, bool) {
    let server = server(public);
    let accepted_names = AcceptedNames::of_server(&server, listener(local));
    let origin = format!("http://{host}");
    (
        accepted_names.accepts_host(host),
        accepted_names.accepts_origin(&origin),
    )
}

#[test]
fn own_addresses_and_public_hosts_pass_and_no_others() {
    for (local, host, accepted) in [
        ("127.0.0.1:8022", "127.0.0.1:8022", true),
        ("127.0.0.1:8022", "localhost:8022", true),
        ("127.0.0.1:8022", "LOCALHOST:8022", true),
        ("[::1]:8022", "[::1]:8022", true),
        ("[::1]:8022", "[0:0:0:0:0:0:0:1]:8022", true),
        ("[::1]:8022", "localhost:8022", true),
        ("[::ffff:127.0.0.1]:8022", "127.0.0.1:8022", true),
        ("10.0.0.7:80", "10.0.0.7", true),
        ("10.0.0.7:80", "10.0.0.7:80", true),
        ("127.0.0.1:8022", "evil.example:8022", false),
        ("127.0.0.1:8022", "127.0.0.1", false),
        ("127.0.0.1:8022", "127.0.0.1:8023", false),
        ("127.0.0.1:8022", "127.0.0.2:8022", false),
        ("127.0.0.1:8022", "localhost.evil.example:8022", false),
        ("127.0.0.1:8022", "user@localhost:8022", false),
        ("127.0.0.1:8022", "localhost:8022/", false),
        ("127.0.0.1:8022", "localhost:8022@evil.example", false),
        ("127.0.0.1:8022", "localhost:+8022", false),
        ("127.0.0.1:8022", "localhost:99999", false),
        ("127.0.0.1:8022", "", false),
        ("127.0.0.1:8022", "[127.0.0.1]:8022", false),
        ("10.0.0.7:8022", "localhost:8022", false),
    ] {
        let seen = accepts(local, &[], host);
        assert_eq!(seen, (accepted, accepted), "{local} {host}");
    }
    for (public, host, accepted) in [
        ("ssh.example.org", "ssh.example.org", true),
        ("ssh.example.org", "ssh.example.org:80", true),
        ("ssh.example.org:80", "SSH.example.org", true),
        ("ssh.example.org:81", "ssh.example.org:81", true),
        ("[2001:db8::7]", "[2001:DB8:0::7]", true),
        ("ssh.example.org", "ssh.example.org.evil.net", false),
        ("ssh.example.org", "xssh.example.org", false),
        ("ssh.example.org:81", "ssh.example.org", false),
        ("ssh.example.org:81", "ssh.example.org:8022", false),
    ] {
        let seen = accepts("10.0.0.7:8022", &[public], host);
        assert_eq!(seen, (accepted, accepted), "{public} {host}");
    }
}

/// An Origin without a port has its scheme's, as has a name without one where pages are meant.
#[test]
fn a_page_is_one_of_a_host_and_a_port() {
    for (listed, origin, accepted) in [
        ("term.example", "https://term.example", true),
        ("term.example", "https://term.example:443", true),
        ("term.example", "http://term.example", true),
        ("term.example", "https://TERM.example", true),
        ("term.example", "http://term.example:443", false),
        ("term.example", "https://term.example:80", false),
        ("term.example", "https://term.example:8443", false),
        ("term.example", "http://term.example:8022", false),
        ("term.example:443", "https://term.example", true),
        ("term.example:443", "http://term.example", false),
        ("term.example:80", "http://term.example", true),
        ("term.example:80", "https://term.example", false),
        ("term.example:8443", "https://term.example:8443", true),
        ("term.example:8443", "https://term.example", false),
        ("[2001:db8::7]", "https://[2001:db8::7]", true),
        ("[2001:db8::7]:8443", "https://[2001:DB8:0::7]:8443", true),
        ("[2001:db8::7]", "https://[2001:db8::7]:8443", false),
        ("term.example", "https://term.example/", false),
        ("term.example", "https://u@term.example", false),
        ("term.example", "wss://term.example", false),
        ("term.example", "null", false),
    ] {
        let (server, admin) = (server(&[listed]), admin(&[listed]));
        for accepted_names in [
            AcceptedNames::of_server(&server, listener("10.0.0.7:8022")),
            AcceptedNames::of_admin(&admin, listener("10.0.0.7:8023")),
        ] {
            let seen = accepted_names.accepts_origin(origin);
            assert_eq!(seen, accepted, "{listed} {origin}");
        }
    }
}

/// The port in a Host header is the one the client has asked, maybe a proxy's: no page can choose
/// it, so a name without a port goes by any.
#[test]
fn a_request_may_come_by_any_port_of_a_name_without_one() {
    for (listed, tls, host, accepted) in [
        ("term.example", false, "term.example:8443", true),
        ("term.example", true, "term.example:8443", true),
        ("term.example:443", false, "term.example", true),
        ("term.example:443", true, "term.example", true),
        ("term.example:80", false, "term.example", true),
        ("term.example:80", true, "term.example", false),
        ("term.example:8443", false, "term.example", false),
        ("term.example:8443", false, "term.example:8444", false),
    ] {
        let server = server(&[listed]);
        let local = "10.0.0.7:8022".parse().unwrap();
        let accepted_names = AcceptedNames::of_server(&server, ListenerInfo { local, tls });
        let seen = accepted_names.accepts_host(host);
        assert_eq!(seen, accepted, "{listed} {tls} {host}");
    }
}

#[test]
fn the_admin_listener_accepts_only_its_own_names() {
    let admin = admin(&["admin.example:8443"]);
    for (local, header, host, origin) in [
        // Host, whether it is taken, whether http:// and https:// pages of it are.
        ("127.0.0.1:8023", "127.0.0.1:8023", true, [true, false]),
        ("127.0.0.1:8023", "localhost:8023", true, [true, false]),
        ("[::1]:8023", "[::1]:8023", true, [true, false]),
        ("[::1]:8023", "localhost:8023", true, [true, false]),
        ("10.0.0.7:8023", "10.0.0.7:8023", true, [true, false]),
        ("127.0.0.1:80", "localhost", true, [true, false]),
        ("127.0.0.1:443", "localhost", false, [false, false]),
        ("10.0.0.7:8023", "localhost:8023", false, [false, false]),
        ("127.0.0.1:8023", "admin.example:8443", true, [true, true]),
    ] {
        is_taken(&admin, local, header, host, origin);
    }
    for header in [
        "admin.example",
        "admin.example:8023",
        "localhost",
        "127.0.0.1",
        "127.0.0.1:8022",
        "127.0.0.2:8023",
        "[::1]:8023",
        "evil.example:8023",
        "localhost.evil.example:8023",
        "127.0.0.1.evil.example:8023",
        "u@127.0.0.1:8023",
    ] {
        is_taken(&admin, "127.0.0.1:8023", header, false, [false, false]);
    }
}

fn is_taken(admin: &Admin, local: &str, header: &str, host: bool, origin: [bool; 2]) {
    let accepted_names = AcceptedNames::of_admin(admin, listener(local));
    assert_eq!(
        accepted_names.accepts_host(header),
        host,
        "{local} {header}"
    );
    let pages = ["http", "https"].map(|scheme| format!("{scheme}://{header}"));
    let taken = pages.map(|page| accepted_names.accepts_origin(&page));
    assert_eq!(taken, origin, "{local} {header}");
}

#[test]
fn an_origin_needs_a_web_scheme() {
    let server = Server::default();
    let accepted_names = AcceptedNames::of_server(&server, listener("127.0.0.1:443"));
    assert!(accepted_names.accepts_origin("https://localhost"));
    assert!(!accepted_names.accepts_origin("http://localhost"));
    let none = ["null", "", "localhost:443", "https://"];
    for origin in none.into_iter().chain(["file://localhost:443"]) {
        assert!(!accepted_names.accepts_origin(origin), "{origin}");
    }
}

#[test]
fn a_host_without_a_port_has_the_port_of_its_scheme() {
    let server = Server::default();
    for (port, tls) in [(80, false), (443, false), (443, true), (80, true)] {
        let local = SocketAddr::from(([127, 0, 0, 1], port));
        let accepted_names = AcceptedNames::of_server(&server, ListenerInfo { local, tls });
        let accepted = accepted_names.accepts_host("localhost");
        assert_eq!(accepted, (port == 443) == tls, "{port} {tls}");
    }
}

/// Pairs of the listed origins and what becomes of a header, also used over real sockets.
const ORIGINS: &str = include_str!("../origins.txt");

#[test]
fn an_origin_on_the_list_is_matched_exactly() {
    let mut rows = 0;
    let mut server = Server::default();
    for line in ORIGINS.lines().filter(|line| !line.starts_with('#')) {
        let (word, origin) = line.split_once(' ').unwrap();
        if word == "list" {
            let listed = Origin::parse(origin).unwrap();
            server.allowed_origins.push(listed);
            continue;
        }
        let accepted_names = AcceptedNames::of_server(&server, listener("10.0.0.7:8022"));
        assert_eq!(
            accepted_names.accepts_origin(origin),
            word == "101",
            "{line}"
        );
        rows += 1;
    }
    let listed = server.allowed_origins.len();
    assert!(rows >= 20 && listed >= 2, "{rows} rows, {listed} listed");
}
