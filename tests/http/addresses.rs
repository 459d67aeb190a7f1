//! `{prefix}/ws/{host}/{port}` and `{prefix}/ws/{name}`.

use super::common::fixture::{bridge_to, path_to};
use super::common::{Client, Options, Received, ScriptedSsh, SshScript, closed_port};
use super::{assert_refused, bridge, upgrade_v1};
use serde_json::json;
use std::net::{Ipv4Addr, Ipv6Addr};

/// One of each kind: the rest is in the tests of `targets`.
#[test]
fn an_invalid_address_is_400() {
    let bridge = bridge(&[]);
    for path in [
        "/ws/127.0.0.1/0",
        "/ws/127.0.0.1/",
        "/ws//22",
        "/ws/",
        "/ws/[::1/22",
        "/ws/user@host/22",
        "/ws/a%00b/22",
        "/ws/%zz/22",
        "/ws/host/22/more",
        "/ws/..",
    ] {
        assert_refused(&upgrade_v1(&bridge, path), 400, path);
    }
}

#[test]
fn every_form_of_an_address_is_upgraded() {
    let bridge = bridge(&["targets.named=a.b_c-D9=127.0.0.1:1"]);
    for path in [
        "/ws/127.0.0.1/65535",
        "/ws/[::1]/22",
        "/ws/%5B::1%5D/22",
        "/ws/HOST.example./22",
        "/ws/h%6Fst/2%32",
        "/ws/a.b_c-D9",
    ] {
        let answer = upgrade_v1(&bridge, path);
        assert_eq!(answer.status, 101, "{path}: {answer:?}");
    }
}

#[test]
fn every_query_is_refused_and_not_logged() {
    let bridge = bridge(&[]);
    for query in ["?", "?token=hunter2", "?a=b&c", "?%3f"] {
        for path in ["/ws/127.0.0.1/1", "/ws/name"] {
            let answer = upgrade_v1(&bridge, &format!("{path}{query}"));
            assert_refused(&answer, 400, query);
            assert!(!answer.body.contains("hunter2"), "{answer:?}");
        }
    }
    // Nor does the secret reach the log.
    assert!(!bridge.stderr().contains("hunter2"));
}

#[test]
fn an_unknown_path_is_404() {
    let bridge = bridge(&[]);
    for path in [
        "/w",
        "/ws",
        "/wss/a/22",
        "/x/ws/a/22",
        "/WS/a/22",
        "//ws/a/22",
        "/resume/cafe",
    ] {
        assert_refused(&upgrade_v1(&bridge, path), 404, path);
    }
}

#[test]
fn a_name_that_is_not_configured_is_404() {
    let bridge = bridge(&["targets.named=known=127.0.0.1:1"]);
    assert_refused(&upgrade_v1(&bridge, "/ws/unknown"), 404, "unknown");
    assert_refused(&upgrade_v1(&bridge, "/ws/Known"), 404, "another case");
    assert_eq!(upgrade_v1(&bridge, "/ws/known").status, 101);
}

#[test]
fn the_path_is_found_below_the_prefix_only() {
    let bridge = bridge(&["server.path_prefix=/term/a"]);
    assert_eq!(upgrade_v1(&bridge, "/term/a/ws/127.0.0.1/1").status, 101);
    for path in [
        "/ws/127.0.0.1/1",
        "/term/ws/127.0.0.1/1",
        "/term/aws/127.0.0.1/1",
    ] {
        let answer = upgrade_v1(&bridge, path);
        assert_refused(&answer, 404, path);
        assert!(answer.body.contains("/term/a/ws/"), "{answer:?}");
    }
}

#[test]
fn a_host_in_either_family_and_a_name_are_connected_to() {
    let v4 = ScriptedSsh::start(SshScript::default());
    let v6 = ScriptedSsh::start_on(Ipv6Addr::LOCALHOST.into(), SshScript::default());
    let named = ScriptedSsh::start(SshScript::default());
    let other = closed_port();
    assert_eq!(other.ip(), Ipv4Addr::LOCALHOST);
    let setting = format!("targets.named=other={other},mine={}", named.addr());
    let bridge = bridge_to(&[v4.addr(), v6.addr()], &[&setting]);
    for (path, ssh) in [
        (path_to(v4.addr()), &v4),
        (path_to(v6.addr()), &v6),
        ("/ws/mine".to_owned(), &named),
    ] {
        let mut client = Client::connect(bridge.addr(), &path, &Options::v1());
        client.login_v1("u", "p");
        assert_eq!(ssh.received().first(), Some(&Received::Connected), "{path}");
    }
}

#[test]
fn policy_is_checked_only_after_auth() {
    let bridge = bridge(&[]);
    let mut client = Client::connect(bridge.addr(), "/ws/127.0.0.1/2", &Options::v1());
    client.auth_v1(&json!({ "username": "u" }));
    client.wait_type("error");
    assert_eq!(client.until_close().0, 4403);
}
