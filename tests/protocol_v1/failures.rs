//! Sessions that fail: `error` with its word, and the close code of the table.

use super::assert_fails;
use super::common::fixture::{bridge_to, path_to};
use super::common::{
    Bridge, Client, DEADLINE, Event, Fixture, HostileServer, Login, Options, Script, SshScript,
    Start, closed_port, unknown_name,
};
use serde_json::{Value, json};
use std::net::SocketAddr;

fn fail_at(bridge: &Bridge, target: SocketAddr, code: u16) -> Value {
    fail_path(bridge, &path_to(target), code)
}

fn fail_path(bridge: &Bridge, path: &str, code: u16) -> Value {
    let mut client = Client::connect(bridge.addr(), path, &Options::v1());
    client.auth_v1(&json!({ "username": "u" }));
    assert_fails(&mut client, code, path)
}

fn assert_error(error: &Value, code: &str, stage: &str, retryable: bool) {
    let got = (&error["code"], &error["stage"], &error["retryable"]);
    assert_eq!(
        got,
        (&code.into(), &stage.into(), &retryable.into()),
        "{error}"
    );
}

#[test]
fn what_policy_does_not_allow_is_4403() {
    let allowed = closed_port();
    let bridge = bridge_to(&[allowed], &[]);
    let other = SocketAddr::from(([127, 0, 0, 1], allowed.port() ^ 1));
    for path in [
        path_to(other),
        "/ws/169.254.169.254/80".to_owned(),
        "/ws/a.example/1".to_owned(),
    ] {
        let error = fail_path(&bridge, &path, 4403);
        assert_error(&error, "target-refused", "resolve", false);
    }
}

#[test]
fn unreachable_not_ssh_and_broken_handshakes_are_4502() {
    let closed = closed_port();
    let hangup = HostileServer::start(Script::Hangup);
    let http = HostileServer::start(Script::Http);
    let junk = HostileServer::start(Script::BannerThenJunk);
    let targets = [closed, hangup.addr(), http.addr(), junk.addr()];
    let bridge = bridge_to(&targets, &["ssh.handshake_timeout=20s"]);
    assert_error(
        &fail_at(&bridge, closed, 4502),
        "unreachable",
        "connect",
        true,
    );
    assert_error(
        &fail_at(&bridge, hangup.addr(), 4502),
        "server-refused",
        "handshake",
        true,
    );
    assert_error(
        &fail_at(&bridge, junk.addr(), 4502),
        "handshake-failed",
        "handshake",
        false,
    );
    let settings = ["targets.named=gone=does-not-exist.invalid:22"];
    let bridge = bridge_to(&[closed], &settings);
    let error = fail_path(&bridge, "/ws/gone", 4502);
    assert_error(&error, unknown_name(), "resolve", true);
}

#[test]
fn each_stage_has_its_deadline() {
    let silent = HostileServer::start(Script::Silent);
    let banner = HostileServer::start(Script::BannerThenSilence);
    let settings = ["ssh.handshake_timeout=200ms"];
    let bridge = bridge_to(&[silent.addr(), banner.addr()], &settings);
    for target in [silent.addr(), banner.addr()] {
        let error = fail_at(&bridge, target, 4408);
        assert_error(&error, "deadline", "handshake", true);
    }
    silent.wait_open(0);
    banner.wait_open(0);
    let fixture = Fixture::with(SshScript::login(Login::Silent), &["ssh.auth_timeout=200ms"]);
    let mut client = fixture.auth(&json!({ "username": "u" }));
    assert_error(
        &assert_fails(&mut client, 4408, "login"),
        "deadline",
        "login",
        true,
    );
    // The whole way has one as well.
    let settings = ["limits.connection_timeout=2s"];
    let fixture = Fixture::with(SshScript::start(Start::Silent), &settings);
    let mut client = fixture.auth(&json!({ "username": "u" }));
    assert_error(
        &assert_fails(&mut client, 4408, "whole"),
        "deadline",
        "shell",
        true,
    );
}

#[test]
fn a_server_that_refuses_to_start_is_4503() {
    for start in [
        Start::RefuseChannel,
        Start::RefuseTerminal,
        Start::RefuseShell,
    ] {
        let fixture = Fixture::with(SshScript::start(start), &[]);
        let mut client = fixture.auth(&json!({ "username": "u" }));
        if start == Start::RefuseTerminal {
            // This one refuses the shell as well.
            assert_eq!(client.wait_type("notice")["kind"], "no-terminal");
        }
        let error = assert_fails(&mut client, 4503, "refused");
        assert_error(&error, "start-refused", "shell", false);
    }
}

#[test]
fn a_lost_connection_is_4503() {
    let fixture = Fixture::new(&[]);
    let mut client = fixture.ready();
    fixture.ssh.output(b"before");
    assert_eq!(client.output_until("before"), "before");
    fixture.ssh.break_connections();
    let error = assert_fails(&mut client, 4503, "broken");
    assert_error(&error, "connection-lost", "relay", true);
    let mut client = fixture.ready();
    fixture.ssh.disconnect();
    let error = assert_fails(&mut client, 4503, "disconnected");
    assert_error(&error, "connection-lost", "relay", true);
    let words = error["message"].as_str().unwrap();
    assert!(words.contains("going down"), "{error}");
}

/// All that keeps from reaching a target looks the same, stage and words included.
#[test]
fn uniform_errors_tell_nothing_apart() {
    let closed = closed_port();
    let silent = HostileServer::start(Script::Silent);
    let junk = HostileServer::start(Script::Junk);
    let http = HostileServer::start(Script::Http);
    let hangup = HostileServer::start(Script::Hangup);
    let broken = HostileServer::start(Script::BannerThenJunk);
    let ssh = super::common::ScriptedSsh::start(SshScript::login(Login::Password("right")));
    let denied = SocketAddr::from(([127, 0, 0, 2], 22));
    let others = [http.addr(), hangup.addr(), broken.addr(), denied];
    let targets = [
        &[closed, silent.addr(), junk.addr(), ssh.addr()],
        &others[..],
    ]
    .concat();
    let settings = [
        "targets.uniform_errors=true",
        "targets.deny=127.0.0.2:22",
        "ssh.handshake_timeout=1s",
        "targets.named=gone=does-not-exist.invalid:22",
        "ssh.host_key_policy=strict",
    ];
    let bridge = bridge_to(&targets, &settings);
    let refused = SocketAddr::from(([127, 0, 0, 1], 1));
    let unknown_key = ssh.addr();
    let mut faces: Vec<(Value, String)> = Vec::new();
    for path in [closed, silent.addr(), junk.addr(), refused, unknown_key]
        .into_iter()
        .chain(others)
        .chain([bridge.addr(), bridge.admin_addr()])
        .map(path_to)
        .chain(["/ws/gone".to_owned(), "/ws/a.example/22".to_owned()])
    {
        let mut client = Client::connect(bridge.addr(), &path, &Options::v1());
        client.auth_v1(&json!({ "username": "u", "progress": true }));
        // Not a stage before it, either.
        let Event::Json(error) = client.recv() else {
            panic!("{path}: no text");
        };
        let (code, reason) = client.until_close();
        assert_eq!(code, 4502, "{path}: {error}");
        faces.push((error, reason));
    }
    for face in &faces {
        assert_eq!(face, &faces[0], "{faces:#?}");
    }
    // The operator's log keeps the cause.
    for cause in [
        "target-refused",
        "deadline",
        "not-ssh",
        "handshake-failed",
        "host-key-unknown",
        unknown_name(),
    ] {
        bridge.wait_stderr(cause, DEADLINE);
    }
}

/// Past the target's door the cause is the user's to know.
#[test]
fn uniform_errors_still_tell_a_failed_login() {
    let script = SshScript::login(Login::Password("right"));
    let fixture = Fixture::with(script, &["targets.uniform_errors=true"]);
    let mut client = fixture.auth(&json!({ "username": "u", "password": "wrong" }));
    assert_error(
        &assert_fails(&mut client, 4401, "login"),
        "login-failed",
        "login",
        false,
    );
    let settings = ["targets.uniform_errors=true", "ssh.auth_timeout=200ms"];
    let fixture = Fixture::with(SshScript::login(Login::Silent), &settings);
    let mut client = fixture.auth(&json!({ "username": "u" }));
    assert_error(
        &assert_fails(&mut client, 4408, "late"),
        "deadline",
        "login",
        true,
    );
}
