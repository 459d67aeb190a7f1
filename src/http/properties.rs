//! Hostile Host and Origin headers never panic, and what is accepted names this server.

use super::host_header::{AcceptedNames, ListenerInfo};
use crate::config::{Admin, HostPort, Server};
use proptest::prelude::*;
use std::net::SocketAddr;

/// Authorities, and texts that are nearly some.
fn any_authority() -> impl Strategy<Value = String> {
    let host = prop_oneof![
        Just("term.example".to_owned()),
        Just("TERM.Example".to_owned()),
        Just("127.0.0.1".to_owned()),
        Just("localhost".to_owned()),
        Just("[::1]".to_owned()),
        "[a-z0-9.:@\\[\\]%/-]{0,20}",
        any::<String>(),
    ];
    let port = prop_oneof![
        Just(String::new()),
        Just(":8022".to_owned()),
        ":[0-9+ -]{0,7}",
    ];
    let around = prop_oneof![6 => Just(""), 1 => Just("u@"), 1 => Just(" "), 1 => Just(".")];
    (around, host, port, around_end()).prop_map(|(a, h, p, b)| format!("{a}{h}{p}{b}"))
}

fn around_end() -> impl Strategy<Value = &'static str> {
    prop_oneof![6 => Just(""), 1 => Just("/"), 1 => Just("?x"), 1 => Just(".evil.example"), 1 => Just("\0")]
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn what_is_accepted_names_this_server(
        authority in any_authority(),
        tls in any::<bool>(),
        scheme in prop_oneof![Just("http://"), Just("https://"), Just("HTTP://"), Just("ftp://"), Just("")],
    ) {
        let public = vec![HostPort { host: "term.example".to_owned(), port: None }];
        let server = Server { public_hosts: public, ..Server::default() };
        let listener = ListenerInfo { local: SocketAddr::from(([127, 0, 0, 1], 8022)), tls };
        let names = AcceptedNames::of_server(&server, listener);
        let admin = Admin::default();
        let admin_hosts = AcceptedNames::of_admin(&admin, listener);
        let origin = format!("{scheme}{authority}");
        let accepted = (names.accepts_host(&authority), names.accepts_origin(&origin));
        if accepted.0 || accepted.1 {
            let (host, port) = authority.split_once(':').unwrap_or((&authority, ""));
            let ours = ["term.example", "127.0.0.1", "localhost"];
            prop_assert!(ours.contains(&host.to_ascii_lowercase().as_str()), "{authority:?}");
            prop_assert!(port.bytes().all(|byte| byte.is_ascii_digit()), "{authority:?}");
        }
        if admin_hosts.accepts_host(&authority) || admin_hosts.accepts_origin(&origin) {
            let (host, port) = authority.split_once(':').unwrap_or_default();
            prop_assert!(["127.0.0.1", "localhost"].contains(&host.to_ascii_lowercase().as_str()), "{authority:?}");
            prop_assert_eq!(port.parse(), Ok(8022_u16));
        }
        if admin_hosts.accepts_origin(&origin) {
            prop_assert!(scheme == "http://", "{origin:?}");
        }
        if accepted.1 {
            prop_assert!(origin.starts_with("http://") || origin.starts_with("https://"));
        }
    }
}
