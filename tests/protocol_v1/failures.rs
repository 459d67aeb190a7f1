//! Sessions that fail: `error` with its code, and the close code of the table.

use super::assert_fails;
use super::common::fixture::{auth_at, bridge_to, path_to};
use super::common::{
    Bridge, Client, DEADLINE, Event, Fixture, HostileServer, Login, Options, Script, ScriptedSsh,
    SshScript, Start, closed_port, unknown_name,
};
use serde_json::{Value, json};
use std::net::SocketAddr;

fn auth_on(bridge: &Bridge, path: &str, fields: &Value) -> Client {
    let mut client = Client::connect(bridge.addr(), path, &Options::v1());
    client.auth_v1(fields);
    client
}

fn user() -> Value {
    json!({ "username": "u" })
}

/// Expects that the session ends with `close`, and an error of this code and stage that is
/// retryable or not. Returns its message.
fn fails(client: &mut Client, close: u16, fields: (&str, &str, bool)) -> String {
    let error = assert_fails(client, close, fields.0);
    let (code, stage, retryable) = fields;
    let got = (&error["code"], &error["stage"], &error["retryable"]);
    let expected = (&code.into(), &stage.into(), &retryable.into());
    assert_eq!(got, expected, "{error}");
    error["message"].as_str().unwrap().to_owned()
}

#[test]
fn a_target_that_policy_forbids_is_4403_and_not_connected_to() {
    let other = HostileServer::start(Script::Silent);
    let bridge = bridge_to(&[closed_port()], &[]);
    for path in [
        path_to(other.addr()),
        "/ws/169.254.169.254/80".to_owned(),
        "/ws/a.example/1".to_owned(),
    ] {
        let refused = ("target-refused", "resolve", false);
        fails(&mut auth_on(&bridge, &path, &user()), 4403, refused);
    }
    assert_eq!(other.accepted(), 0);
}

#[test]
fn unreachable_targets_are_4502() {
    let closed = closed_port();
    let settings = ["targets.named=gone=does-not-exist.invalid:22"];
    let bridge = bridge_to(&[closed], &settings);
    let unreachable = ("unreachable", "connect", true);
    let told = fails(&mut auth_at(&bridge, closed, &user()), 4502, unreachable);
    let text = format!("the target is unreachable: connection refused by {closed}");
    assert_eq!(told, text);
    let mut gone = auth_on(&bridge, "/ws/gone", &user());
    fails(&mut gone, 4502, (unknown_name(), "resolve", true));
}

#[test]
fn servers_without_a_key_exchange_have_their_codes_and_their_connections_are_closed() {
    for (script, close, code, retryable) in [
        (Script::Silent, 4408, "deadline", true),
        (Script::BannerThenSilence, 4408, "deadline", true),
        // An SSH server may send other lines before it identifies itself (RFC 4253 section 4.2),
        // so there is something to wait for.
        (Script::Http, 4408, "deadline", true),
        (Script::HttpThenEnd, 4502, "not-ssh", false),
        (Script::Junk, 4502, "not-ssh", false),
        (Script::EndlessBanner, 4502, "not-ssh", false),
        (Script::Hangup, 4502, "server-refused", true),
        (Script::BannerThenJunk, 4502, "handshake-failed", false),
        (Script::IgnoreFlood, 4503, "server-misbehaved", false),
    ] {
        println!("{script:?}");
        let hostile = HostileServer::start(script);
        let soon: &[&str] = &["ssh.handshake_timeout=1s"];
        let settings = if code == "deadline" { soon } else { &[] };
        let bridge = bridge_to(&[hostile.addr()], settings);
        let mut client = auth_at(&bridge, hostile.addr(), &user());
        fails(&mut client, close, (code, "handshake", retryable));
        hostile.wait_accepted(1);
        hostile.wait_open(0);
    }
}

#[test]
fn the_login_and_all_stages_together_have_deadlines() {
    let fixture = Fixture::with(SshScript::login(Login::Silent), &["ssh.auth_timeout=200ms"]);
    let mut client = fixture.auth(&user());
    fails(&mut client, 4408, ("deadline", "login", true));
    let settings = ["limits.connection_timeout=5s"];
    let fixture = Fixture::with(SshScript::start(Start::Silent), &settings);
    let mut client = fixture.auth(&user());
    fails(&mut client, 4408, ("deadline", "shell", true));
}

#[test]
fn a_server_that_refuses_to_start_is_4503() {
    for start in [
        Start::RefuseChannel,
        Start::RefuseTerminal,
        Start::RefuseShell,
    ] {
        let fixture = Fixture::with(SshScript::start(start), &[]);
        let mut client = fixture.auth(&user());
        if start == Start::RefuseTerminal {
            // This one refuses the shell as well.
            assert_eq!(client.wait_type("notice")["kind"], "no-terminal");
        }
        fails(&mut client, 4503, ("start-refused", "shell", false));
    }
}

#[test]
fn a_lost_connection_is_4503() {
    let fixture = Fixture::new(&[]);
    let lost = ("connection-lost", "relay", true);
    let mut client = fixture.ready();
    fixture.ssh.output(b"before");
    assert_eq!(client.output_until("before"), "before");
    fixture.ssh.break_connections();
    fails(&mut client, 4503, lost);
    let mut client = fixture.ready();
    fixture.ssh.disconnect();
    let words = fails(&mut client, 4503, lost);
    assert!(words.contains("going down"), "{words}");
}

/// Every cause that prevents reaching a target looks the same, stage and message included.
#[test]
fn uniform_errors_are_indistinguishable() {
    let closed = closed_port();
    let hostile = [
        Script::Silent,
        Script::Junk,
        Script::Http,
        Script::Hangup,
        Script::BannerThenJunk,
        Script::IgnoreFlood,
    ]
    .map(HostileServer::start);
    let ssh = ScriptedSsh::start(SshScript::login(Login::Password("right")));
    let denied = SocketAddr::from(([127, 0, 0, 2], 22));
    let mut targets = vec![closed, ssh.addr(), denied];
    targets.extend(hostile.iter().map(HostileServer::addr));
    let settings = [
        "targets.uniform_errors=true",
        "targets.deny=127.0.0.2:22",
        "ssh.handshake_timeout=3s",
        "targets.named=gone=does-not-exist.invalid:22",
        "ssh.host_key_policy=strict",
    ];
    let bridge = bridge_to(&targets, &settings);
    let refused = SocketAddr::from(([127, 0, 0, 1], 1));
    let mut errors: Vec<(Value, String)> = Vec::new();
    for path in targets
        .into_iter()
        .chain([refused, bridge.addr(), bridge.admin_addr()])
        .map(path_to)
        .chain(["/ws/gone".to_owned(), "/ws/a.example/22".to_owned()])
    {
        let mut client = auth_on(
            &bridge,
            &path,
            &json!({ "username": "u", "progress": true }),
        );
        // Not a stage before it, either.
        let Event::Json(error) = client.recv() else {
            panic!("{path}: no text");
        };
        let (code, reason) = client.until_close();
        assert_eq!(
            (code, &error["code"]),
            (4502, &"unreachable".into()),
            "{path}"
        );
        errors.push((error, reason));
    }
    for error in &errors {
        assert_eq!(error, &errors[0], "{errors:#?}");
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

/// The key is read before the policy is evaluated, so its error says nothing about the target.
#[test]
fn uniform_errors_report_an_unusable_key_at_every_target_alike() {
    let ssh = ScriptedSsh::start(SshScript::default());
    let denied = SocketAddr::from(([127, 0, 0, 2], 22));
    let settings = [
        "targets.uniform_errors=true",
        "targets.deny=127.0.0.2:22",
        "targets.named=gone=does-not-exist.invalid:22",
    ];
    let bridge = bridge_to(&[ssh.addr(), denied], &settings);
    let key = json!({ "username": "u", "private_key": "not a key" });
    let paths = [ssh.addr(), denied, closed_port()].map(path_to);
    let names = ["gone", "a.example/22"].map(|name| format!("/ws/{name}"));
    let mut messages = Vec::new();
    for path in paths.into_iter().chain(names) {
        let mut client = auth_on(&bridge, &path, &key);
        messages.push(fails(&mut client, 4401, ("unusable-key", "login", false)));
    }
    assert!(messages.iter().all(|message| *message == messages[0]));
}

/// The cause of a refused login is for the user who is at that target.
#[test]
fn uniform_errors_still_report_a_failed_login() {
    let script = SshScript::login(Login::Password("right"));
    let fixture = Fixture::with(script, &["targets.uniform_errors=true"]);
    let mut client = fixture.auth(&json!({ "username": "u", "password": "wrong" }));
    fails(&mut client, 4401, ("login-failed", "login", false));
    let settings = ["targets.uniform_errors=true", "ssh.auth_timeout=200ms"];
    let fixture = Fixture::with(SshScript::login(Login::Silent), &settings);
    let mut client = fixture.auth(&user());
    fails(&mut client, 4408, ("deadline", "login", true));
}

/// Only at a target that answers can anybody fail too often.
#[test]
fn uniform_errors_hide_that_attempts_at_a_target_are_throttled() {
    let answers = HostileServer::start(Script::Hangup);
    let closed = closed_port();
    let settings = ["targets.uniform_errors=true", "rate_limit.login_failures=2"];
    let bridge = bridge_to(&[answers.addr(), closed], &settings);
    for target in [answers.addr(), closed] {
        for _ in 0..4 {
            let mut client = auth_on(&bridge, &path_to(target), &user());
            fails(&mut client, 4502, ("unreachable", "connect", true));
        }
    }
    bridge.wait_stderr("reason=\"throttled\"", DEADLINE);
}
