//! Lines of the audit log.

use crate::common::{Client, DEADLINE, KeyPair, Login, Options, Round, SshScript, Sshd, account};
use crate::fixture::AuditFixture;
use rustix::process::Signal;
use serde_json::{Value, json};

/// Checks the fields that differ from run to run, and returns the line without them.
fn plain(line: &Value, session: &str) -> Value {
    let mut line = line.clone();
    let fields = line.as_object_mut().unwrap();
    let time = fields.remove("time").unwrap();
    humantime::parse_rfc3339(time.as_str().unwrap()).unwrap();
    assert_eq!(fields.remove("session").unwrap(), session);
    assert_eq!(fields.remove("client").unwrap(), "127.0.0.1");
    assert_eq!(fields.remove("shard").unwrap(), 0);
    if fields["event"] == "end" {
        assert!(fields.remove("duration_ms").unwrap().is_u64());
    }
    line
}

fn plain_all(lines: &[Value]) -> Vec<Value> {
    let session = lines[0]["session"].as_str().unwrap();
    assert_eq!(session.len(), 32);
    lines.iter().map(|line| plain(line, session)).collect()
}

#[test]
fn a_session_has_lines_for_start_login_and_end() {
    let fixture = AuditFixture::with(SshScript::login(Login::Password("right")), &[]);
    let mut client = fixture.base.v1();
    client.login_v1("ann", "right");
    client.send_binary(b"typed");
    fixture.base.ssh.wait_input(5);
    fixture.base.ssh.output(b"out");
    client.output_until("out");
    fixture.base.ssh.exit(3);
    assert_eq!(client.until_close().0, 1000);
    let target = fixture.base.ssh.addr().to_string();
    assert_eq!(
        plain_all(&fixture.ended(1)),
        [
            json!({ "event": "start", "target": target }),
            json!({
                "event": "auth", "target": target, "address": target, "user": "ann",
                "result": "ok", "method": "password",
            }),
            json!({
                "event": "end", "target": target, "address": target, "user": "ann",
                "method": "password", "input_bytes": 5, "output_bytes": 3, "reason": "exit",
                "stage": "relay",
            }),
        ]
    );
}

/// Lines of a session that ends early: `auth` only where the server answered.
#[test]
fn sessions_that_end_before_their_shell_have_their_lines() {
    const WITH_LOGIN: &[&str] = &["start", "auth refused", "end"];
    const WITHOUT: &[&str] = &["start", "end"];
    let fixture = AuditFixture::with(
        SshScript::login(Login::Password("right")),
        &["targets.named=gone=127.0.0.1:1"],
    );
    let own = fixture.base.path();
    let wrong = json!({ "username": "ann", "password": "wrong" });
    let no_key = json!({ "username": "ann", "private_key": "no key" });
    let user = json!({ "username": "ann" });
    let bad = json!({ "username": 7 });
    let refused = "/ws/192.0.2.1/22";
    let cases = [
        (own.as_str(), &wrong, WITH_LOGIN, "login-failed", "login"),
        (&own, &no_key, WITH_LOGIN, "unusable-key", "login"),
        (refused, &user, WITHOUT, "target-refused", "resolve"),
        ("/ws/gone", &user, WITHOUT, "unreachable", "connect"),
        (&own, &bad, WITHOUT, "bad-message", "auth"),
    ];
    for (number, (path, auth, events, reason, stage)) in cases.into_iter().enumerate() {
        let mut client = Client::connect(fixture.base.bridge.addr(), path, &Options::v1());
        client.auth_v1(auth);
        client.until_close();
        let lines = of_last_session(&fixture.ended(number + 1));
        let words = lines.iter().map(|line| {
            let word = |name: &str| line[name].as_str();
            let words = [word("event"), word("result")].into_iter().flatten();
            words.collect::<Vec<_>>().join(" ")
        });
        assert_eq!(words.collect::<Vec<_>>(), events, "{path}");
        let end = lines.last().unwrap();
        let fields = ["reason", "stage", "user"].map(|name| end[name].as_str());
        let user = auth["username"].as_str();
        assert_eq!(fields, [Some(reason), Some(stage), user], "{path}");
        assert_eq!(end["method"], Value::Null, "{end}");
        // A key that cannot be used is found out before any connection.
        let address = (reason == "login-failed").then(|| fixture.base.ssh.addr().to_string());
        assert_eq!(end["address"].as_str(), address.as_deref(), "{path}");
    }
}

fn of_last_session(lines: &[Value]) -> Vec<Value> {
    let id = &lines.last().unwrap()["session"];
    let of_session = lines.iter().filter(|line| line["session"] == *id);
    of_session.cloned().collect()
}

#[test]
fn methods_are_in_the_order_in_which_the_server_accepted_them() {
    let rounds = vec![Round::of(&[("PIN: ", false), ("Code: ", false)])];
    let fixture = AuditFixture::with(SshScript::login(Login::PasswordAndInteractive(rounds)), &[]);
    let mut client = fixture.base.v1();
    client.auth_v1(&json!({ "username": "ann", "password": "p" }));
    let id = client.wait_type("prompt")["id"].clone();
    client.send_json(&json!({ "type": "answer", "id": id, "answers": ["1", "2"] }));
    client.wait_type("ready");
    client.send_json(&json!({ "type": "close" }));
    client.until_close();
    let lines = fixture.ended(1);
    assert_eq!(lines[1]["method"], "password,keyboard-interactive");
    assert_eq!(lines[2]["reason"], "client-closed");

    let key = KeyPair::generate(&["-t", "ed25519"], "");
    let sshd = Sshd::start();
    sshd.authorise(&key);
    // May wait for another run of the tests, so not while the session's deadlines run.
    let user = account().user;
    let named = format!("targets.named=sshd={}", sshd.addr());
    let fixture = AuditFixture::with(SshScript::default(), &[&named]);
    let mut client = Client::connect(fixture.base.bridge.addr(), "/ws/sshd", &Options::v1());
    client.auth_v1(&json!({
        "username": user, "private_key": key.private_pem(), "command": "true",
    }));
    client.until_close();
    assert_eq!(fixture.ended(1)[1]["method"], "publickey");
}

/// Special characters of JSON and terminals in a name are escaped.
#[test]
fn no_user_forges_a_line() {
    let fixture = AuditFixture::with(SshScript::default(), &[]);
    let names = [
        r#"x","event":"end","reason":"exit"#,
        "\u{202e}ünï\u{2028}🦀",
    ];
    for (number, name) in names.iter().enumerate() {
        let mut client = fixture.base.auth(&json!({ "username": name }));
        client.wait_type("ready");
        client.send_json(&json!({ "type": "close" }));
        client.until_close();
        let lines = fixture.ended(number + 1);
        assert_eq!(lines.len(), 3 * (number + 1));
        assert_eq!(lines.last().unwrap()["user"], *name);
    }
    // Control characters do not get that far.
    for name in ["a\nb", "a\u{1b}[2J", "a\rb", "\u{85}"] {
        let mut client = fixture.base.auth(&json!({ "username": name }));
        assert_eq!(client.until_close().0, 4400);
    }
    let lines = fixture.ended(names.len() + 4);
    assert_eq!(lines.len(), 3 * names.len() + 2 * 4);
}

/// The last lines are written however the process ends: in order, or at once.
#[test]
fn the_end_of_the_process_writes_queued_lines() {
    for (signals, timeout) in [(1, "1s"), (2, "300s")] {
        let drain = format!("server.drain_timeout={timeout}");
        let mut fixture = AuditFixture::with(SshScript::default(), &[&drain]);
        let clients: Vec<Client> = (0..5)
            .map(|_| fixture.base.ready_with(&json!({ "username": "ann" })))
            .collect();
        fixture.base.bridge.signal(Signal::TERM);
        if signals == 2 {
            let draining = "a second signal ends at once";
            fixture.base.bridge.wait_stderr(draining, DEADLINE);
            fixture.base.bridge.signal(Signal::TERM);
        }
        fixture.base.bridge.wait_exit(DEADLINE);
        let lines = crate::fixture::read(&fixture.path());
        let ends: Vec<&Value> = lines.iter().filter(|l| l["event"] == "end").collect();
        assert_eq!(ends.len(), clients.len(), "{lines:#?}");
        for end in ends {
            assert_eq!(end["reason"], "drain", "{end}");
            assert_eq!(end["user"], "ann", "{end}");
        }
    }
}
