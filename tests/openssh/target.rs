//! Targets that are not SSH servers, or have no algorithm in common with the bridge.

use crate::common::{
    Bridge, Client, DEADLINE, HostileServer, Options, Script, account, closed_port, unknown_name,
};
use crate::{OpensshFixture, allow, bridge_to, expect_close, expect_error, expect_shell, path};
use serde_json::json;

/// Asserts the error that both dialects get for this port.
fn expect_unreachable(bridge: &Bridge, port: u16, stage: &str, code: &str, close: u16) {
    let fields = json!({ "username": "anyone", "password": "anything" });
    let mut client = Client::connect(bridge.addr(), &path(port), &Options::v1());
    client.auth_v1(&fields);
    expect_error(&mut client, stage, code, close);
    let mut client = Client::connect(bridge.addr(), &path(port), &Options::compatible());
    client.send_json(&fields);
    expect_close(&mut client, close);
}

/// Asserts the error for such a server, and that the bridge closes each connection to it.
fn expect_hostile(script: Script, code: &str, close: u16) {
    let hostile = HostileServer::start(script);
    let settings = ["ssh.handshake_timeout=1s", "ssh.host_key_policy=off"];
    let bridge = bridge_to(&allow(hostile.port()), &settings);
    expect_unreachable(&bridge, hostile.port(), "handshake", code, close);
    hostile.wait_accepted(2);
    hostile.wait_open(0);
}

#[test]
fn a_closed_port_is_unreachable() {
    let port = closed_port().port();
    let bridge = bridge_to(&allow(port), &[]);
    let mut client = Client::connect(bridge.addr(), &path(port), &Options::v1());
    client.auth_v1(&json!({ "username": account().user }));
    let error = client.wait_type("error");
    assert_eq!(
        (&error["code"], &error["stage"]),
        (&json!("unreachable"), &json!("connect"))
    );
    let text = format!("the target is unreachable: connection refused by 127.0.0.1:{port}");
    assert_eq!(error["message"], text);
    assert_eq!(client.until_close(), (4502, text));
}

#[test]
fn a_name_without_an_address_is_reported() {
    let bridge = bridge_to("no-such-host.invalid:22", &[]);
    let path = "/ws/no-such-host.invalid/22";
    let mut client = Client::connect(bridge.addr(), path, &Options::v1());
    client.auth_v1(&json!({ "username": "anyone" }));
    expect_error(&mut client, "resolve", unknown_name(), 4502);
}

#[test]
fn a_silent_server_runs_into_the_deadline() {
    expect_hostile(Script::Silent, "deadline", 4408);
}

#[test]
fn a_server_silent_after_its_banner_runs_into_the_deadline() {
    expect_hostile(Script::BannerThenSilence, "deadline", 4408);
}

#[test]
fn a_web_server_is_not_ssh() {
    expect_hostile(Script::HttpThenEnd, "not-ssh", 4502);
}

/// An SSH server may send other lines before it identifies itself (RFC 4253 section 4.2), so there
/// is something to wait for.
#[test]
fn a_web_server_that_stays_runs_into_the_deadline() {
    expect_hostile(Script::Http, "deadline", 4408);
}

#[test]
fn junk_is_not_ssh() {
    expect_hostile(Script::Junk, "not-ssh", 4502);
}

#[test]
fn a_server_that_closes_at_once_has_refused() {
    expect_hostile(Script::Hangup, "server-refused", 4502);
}

#[test]
fn junk_after_the_banner_fails_the_handshake() {
    expect_hostile(Script::BannerThenJunk, "handshake-failed", 4502);
}

#[test]
fn a_flood_before_the_key_exchange_is_a_violation() {
    expect_hostile(Script::IgnoreFlood, "server-misbehaved", 4503);
}

#[test]
fn an_endless_banner_is_not_ssh() {
    expect_hostile(Script::EndlessBanner, "not-ssh", 4502);
}

#[test]
fn the_offers_are_reported_where_no_algorithm_is_in_common() {
    for (line, told) in [
        (
            "KexAlgorithms diffie-hellman-group1-sha1",
            "key exchange: the bridge offers mlkem768x25519-sha256,curve25519-sha256,\
             curve25519-sha256@libssh.org; the target offers diffie-hellman-group1-sha1",
        ),
        (
            "Ciphers 3des-cbc,aes256-cbc",
            "; the target offers 3des-cbc,aes256-cbc",
        ),
    ] {
        let fixture = OpensshFixture::with(&[line], &[]);
        let mut client = fixture.v1();
        client.auth_v1(&json!({ "username": account().user }));
        let error = expect_error(&mut client, "handshake", "no-common-algorithm", 4502);
        assert!(error["message"].as_str().unwrap().contains(told), "{error}");
        fixture.bridge.wait_stderr(told, DEADLINE);
    }
}

#[test]
fn old_algorithms_are_agreed_on_where_they_are_enabled() {
    for line in [
        "KexAlgorithms diffie-hellman-group14-sha256",
        "KexAlgorithms ecdh-sha2-nistp256",
        "KexAlgorithms ecdh-sha2-nistp384",
        "KexAlgorithms ecdh-sha2-nistp521",
        "Ciphers aes128-ctr",
        "Ciphers aes192-ctr\nMACs hmac-sha2-256",
        "Ciphers aes256-ctr\nMACs hmac-sha2-512",
        "Ciphers aes256-ctr\nMACs hmac-sha2-256-etm@openssh.com",
        "Ciphers aes256-ctr\nMACs hmac-sha2-512-etm@openssh.com",
        "KexAlgorithms diffie-hellman-group14-sha256\nCiphers aes128-ctr\nMACs hmac-sha2-256",
    ] {
        let fixture = OpensshFixture::with(&[line], &["ssh.legacy_algorithms=true"]);
        expect_shell(&mut fixture.ready(json!({})));
        let modern = OpensshFixture::with(&[line], &[]);
        let port = modern.sshd.port();
        expect_unreachable(
            &modern.bridge,
            port,
            "handshake",
            "no-common-algorithm",
            4502,
        );
    }
}

#[test]
fn a_target_that_is_not_allowed_is_not_connected_to() {
    let hostile = HostileServer::start(Script::Silent);
    let bridge = bridge_to("127.0.0.1:1", &[]);
    expect_unreachable(&bridge, hostile.port(), "resolve", "target-refused", 4403);
    assert_eq!(hostile.accepted(), 0);
}

#[test]
fn uniform_errors_hide_why_a_target_is_not_reached() {
    let silent = HostileServer::start(Script::Silent);
    let web = HostileServer::start(Script::Http);
    let closed = closed_port().port();
    let flood = HostileServer::start(Script::IgnoreFlood);
    let targets = [silent.port(), web.port(), flood.port(), closed, 1];
    let rules: Vec<String> = targets[..4].iter().map(|port| allow(*port)).collect();
    let settings = ["targets.uniform_errors=true", "ssh.handshake_timeout=1s"];
    let bridge = bridge_to(&rules.join(","), &settings);
    for port in targets {
        let mut client = Client::connect(bridge.addr(), &path(port), &Options::v1());
        client.auth_v1(&json!({ "username": account().user }));
        let error = client.wait_type("error");
        assert_eq!(error["code"], "unreachable", "port {port}");
        let told = (4502, "the target is unreachable".to_owned());
        assert_eq!(client.until_close(), told, "port {port}");
    }
}
