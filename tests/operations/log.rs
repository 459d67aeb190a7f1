//! The log: its format, secrets that never are in it, and lines that are off by default.

use crate::common::{Bridge, Client, Options};
use crate::common::{DEADLINE, KeyPair, Login, Round, SshScript, Sshd};
use crate::scene::{Site, json_lines};
use serde_json::{Value, json};
use std::time::Instant;

const JSON: [&str; 2] = ["--log-format", "json"];
const TRACE: [&str; 2] = ["--log-level", "trace"];
const MESSAGES: [&str; 2] = ["--set", "log.messages=true"];

/// Runs a session with input, output and an exit status.
fn one_session(site: &Site) {
    let mut client = site.ready();
    client.send_binary(b"typed by the user");
    site.ssh.wait_input(17);
    site.ssh.output(b"told by the shell");
    client.output_until("told by the shell");
    site.ssh.exit(0);
    assert_eq!(client.until_close().0, 1000);
    site.bridge.wait_stderr("session ended", DEADLINE);
}

fn lines(bridge: &Bridge) -> Vec<Value> {
    json_lines(&bridge.stderr())
}

fn of_messages(lines: &[Value]) -> Vec<&Value> {
    let target = |line: &&Value| line["target"] == "sshard::messages";
    lines.iter().filter(target).collect()
}

#[test]
fn every_json_line_names_its_session() {
    let site = Site::new(&[&JSON[..], &TRACE].concat());
    one_session(&site);
    let lines = lines(&site.bridge);
    for line in &lines {
        for field in ["timestamp", "level", "target", "message"] {
            assert!(line[field].is_string(), "no {field}: {line}");
        }
    }
    let of_sessions: Vec<&Value> = lines
        .iter()
        .filter(|l| l["span"]["name"] == "session")
        .collect();
    assert!(of_sessions.len() >= 3, "{lines:?}");
    for line in &of_sessions {
        let span = &line["span"];
        assert_eq!(span["id"], of_sessions[0]["span"]["id"], "{line}");
        assert_eq!(span["id"].as_str().map(str::len), Some(32), "{line}");
        assert_eq!(span["client"], "127.0.0.1", "{line}");
        assert_eq!(span["ssh_target"], site.ssh.addr().to_string(), "{line}");
        assert!(span["shard"].is_u64(), "{line}");
    }
    let ended = of_sessions
        .iter()
        .find(|l| l["message"] == "session ended")
        .unwrap();
    assert_eq!(ended["reason"], "exit", "{ended}");
    assert_eq!(ended["status"], 0, "{ended}");
    assert_eq!(ended["input"], 17, "{ended}");
    assert_eq!(ended["output"], 17, "{ended}");
}

#[test]
fn text_lines_have_no_colours() {
    let site = Site::new(&["--log-format", "text"]);
    one_session(&site);
    let log = site.bridge.stderr();
    assert!(!log.contains('\x1b'), "{log}");
    let line = log.lines().find(|line| line.contains("session ready"));
    let line = line.unwrap_or_else(|| panic!("{log}"));
    for wanted in ["INFO", "session{id=", "client=127.0.0.1", "took_ms="] {
        assert!(line.contains(wanted), "{wanted}: {line}");
    }
}

#[test]
fn text_values_with_blanks_are_quoted() {
    let script = SshScript::login(Login::Password("right"));
    let site = Site::with(script, &["--log-format", "text"]);
    let mut client = site.v1();
    client.auth_v1(&json!({ "username": "u", "password": "wrong" }));
    assert_eq!(client.until_close().0, 4401);
    site.bridge.wait_stderr("session ended", DEADLINE);
    let log = site.bridge.stderr();
    assert!(
        log.contains("stage=\"login\" error=\"the SSH login failed\""),
        "{log}"
    );
}

#[test]
fn one_line_at_the_start_says_what_serves() {
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("known_hosts");
    let known = format!("ssh.known_hosts={}", file.display());
    let policy = "ssh.host_key_policy=strict";
    let set = ["--set", &known, "--set", policy, "--shards", "2"];
    let start = || {
        let site = Site::new(&[&JSON[..], &set].concat());
        site.bridge.wait_stderr("\"serving\"", DEADLINE);
        let serving = |line: &Value| line["message"] == "serving";
        let (serving, others): (Vec<Value>, Vec<Value>) =
            lines(&site.bridge).into_iter().partition(serving);
        assert_eq!(serving.len(), 1, "{serving:?}");
        assert_eq!(serving[0]["listen"], site.bridge.addr().to_string());
        (serving[0].clone(), others)
    };
    let (serving, others) = start();
    let version = serving["version"].as_str().unwrap();
    assert!(version.starts_with(env!("CARGO_PKG_VERSION")), "{serving}");
    for (field, value) in [
        ("shards", json!(2)),
        ("rules", json!(1)),
        ("named_targets", json!(0)),
        ("known_hosts", json!(0)),
        ("tls", json!(false)),
    ] {
        assert_eq!(serving[field], value, "{field}: {serving}");
    }
    let missing = |line: &&Value| line["file"] == file.display().to_string();
    let warned: Vec<&Value> = others.iter().filter(missing).collect();
    assert_eq!(warned.len(), 1, "{others:?}");
    assert_eq!(warned[0]["level"], "WARN");

    let key = KeyPair::generate(&["-t", "ed25519"], "").public_line();
    let hosts = format!("# two\na.example {key}\n[b.example]:2222 {key}\n");
    std::fs::write(&file, hosts).unwrap();
    let (serving, others) = start();
    assert_eq!(serving["known_hosts"], 2, "{serving}");
    assert_eq!(others.iter().filter(missing).count(), 0, "{others:?}");
}

/// A client that does not answer the close frame keeps its connection for 2 s more.
#[test]
fn the_closing_handshake_is_no_part_of_a_sessions_time() {
    let start = Instant::now();
    let site = Site::new(&JSON);
    let _client = site.ready();
    site.ssh.exit(0);
    site.bridge.wait_stderr("session ended", DEADLINE);
    let whole = start.elapsed().as_millis();
    let lines = lines(&site.bridge);
    let ended = lines.iter().find(|l| l["message"] == "session ended");
    let lasted = ended.and_then(|line| line["lasted_ms"].as_u64());
    let lasted = u128::from(lasted.unwrap_or_else(|| panic!("{lines:?}")));
    assert!(lasted + 1900 <= whole, "{lasted} of {whole} ms");
}

#[test]
fn messages_are_logged_only_when_asked_for() {
    let site = Site::new(&[&JSON[..], &TRACE].concat());
    one_session(&site);
    let all = lines(&site.bridge);
    assert!(of_messages(&all).is_empty(), "{:?}", of_messages(&all));

    let site = Site::new(&[&JSON[..], &MESSAGES].concat());
    one_session(&site);
    let all = lines(&site.bridge);
    let messages = of_messages(&all);
    for (direction, kind) in [("in", "input"), ("out", "output")] {
        let bytes: u64 = messages
            .iter()
            .filter(|line| line["direction"] == direction && line["kind"] == kind)
            .map(|line| line["bytes"].as_u64().unwrap())
            .sum();
        assert_eq!(bytes, 17, "{messages:?}");
    }
}

/// `log.level` leaves lines out, and never the name of the session of those it keeps.
#[test]
fn warnings_name_their_session_at_every_level() {
    let site = Site::new(&[&JSON[..], &["--log-level", "warn"]].concat());
    let path = site.path().replace("/127.0.0.1/", "/127.0.0.2/");
    let mut client = Client::connect(site.bridge.addr(), &path, &Options::v1());
    client.auth_v1(&json!({ "username": "u" }));
    assert_eq!(client.until_close().0, 4403);
    site.bridge.wait_stderr("session ended", DEADLINE);
    let lines = lines(&site.bridge);
    let ended = lines.iter().find(|l| l["message"] == "session ended");
    let ended = ended.unwrap_or_else(|| panic!("{lines:?}"));
    assert_eq!(
        ended["span"]["id"].as_str().map(str::len),
        Some(32),
        "{ended}"
    );
}

#[test]
fn lines_below_the_level_are_left_out() {
    let site = Site::new(&[&JSON[..], &["--log-level", "warn"]].concat());
    let mut client = site.ready();
    site.ssh.exit(0);
    assert_eq!(client.until_close().0, 1000);
    // The end of the process writes what is left.
    let mut site = site;
    site.bridge.signal(rustix::process::Signal::TERM);
    assert_eq!(site.bridge.wait_exit(DEADLINE).code(), Some(0));
    for line in lines(&site.bridge) {
        assert!(
            line["level"] == "WARN" || line["level"] == "ERROR",
            "{line}"
        );
    }
}

/// Checks that no log line and no output holds one of `secrets`.
fn holds_none(mut bridge: Bridge, secrets: &[&str]) {
    bridge.signal(rustix::process::Signal::TERM);
    assert_eq!(bridge.wait_exit(DEADLINE).code(), Some(0));
    let all = bridge.stdout() + &bridge.stderr();
    assert!(all.contains("session ended"), "{all}");
    for secret in secrets {
        assert!(
            !secret.is_empty() && !all.contains(secret),
            "{secret} is in:\n{all}"
        );
    }
}

#[test]
fn passwords_answers_and_what_is_typed_are_never_logged() {
    let login =
        Login::PasswordAndInteractive(vec![Round::of(&[("PIN: ", false), ("Code: ", false)])]);
    for format in [["--log-format", "text"], JSON] {
        let args = [&format[..], &TRACE, &MESSAGES].concat();
        let site = Site::with(SshScript::login(login.clone()), &args);
        let mut client = site.v1();
        let auth = json!({
            "username": "u", "password": "pw-Zf83kq", "ticket": "tk-Zf83kq",
            "env": { "TOKEN": "env-Zf83kq" },
        });
        client.auth_v1(&auth);
        let id = client.wait_type("prompt")["id"].clone();
        client.send_json(
            &json!({ "type": "answer", "id": id, "answers": ["pin-Zf83kq", "an-Zf83kq"] }),
        );
        client.wait_type("ready");
        client.send_binary(b"in-Zf83kq");
        site.ssh.wait_input(9);
        site.ssh.output(b"out-Zf83kq");
        client.output_until("out-Zf83kq");
        site.ssh.exit(0);
        client.until_close();
        holds_none(site.bridge, &["Zf83kq"]);
    }
}

#[test]
fn passwords_are_not_logged_when_they_are_wrong_or_in_a_bad_message() {
    let args = [&TRACE[..], &MESSAGES].concat();
    let site = Site::with(SshScript::login(Login::Password("right")), &args);
    let mut wrong = site.v1();
    wrong.auth_v1(&json!({ "username": "u", "password": "pw-Zf83kq" }));
    assert_eq!(wrong.until_close().0, 4401);
    let mut bad = site.v1();
    bad.auth_v1(&json!({ "username": "u", "password": "pw-Zf83kq", "term": 7 }));
    assert_eq!(bad.until_close().0, 4400);
    let mut cut = site.v1();
    cut.wait_type("hello");
    cut.send_text(r#"{"type":"auth","username":"u","password":"pw-Zf83kq"#);
    assert_eq!(cut.until_close().0, 4400);
    let path = site.path();
    let mut compatible = Client::connect(site.bridge.addr(), &path, &Options::compatible());
    compatible.login_compatible("u", "pw-Zf83kq");
    assert_eq!(compatible.until_close().0, 4401);
    holds_none(site.bridge, &["Zf83kq"]);
}

#[test]
fn keys_and_passphrases_are_never_logged() {
    let key = KeyPair::generate(&["-t", "ed25519", "-a", "4"], "pp-Zf83kq");
    let sshd = Sshd::start();
    sshd.authorise(&key);
    let allow = sshd.addr().to_string();
    let policy = ["--allow", &allow, "--set", "ssh.host_key_policy=off"];
    let bridge = Bridge::start(&[&policy[..], &TRACE, &MESSAGES].concat(), &[]);
    let path = format!("/ws/127.0.0.1/{}", sshd.port());
    for (passphrase, code) in [("pp-Zf83kq", 1000), ("pp-Zf83kq-wrong", 4401)] {
        let mut client = Client::connect(bridge.addr(), &path, &Options::v1());
        let auth = json!({
            "username": "sshard-test", "private_key": key.private_pem(),
            "passphrase": passphrase, "command": "true",
        });
        client.auth_v1(&auth);
        assert_eq!(client.until_close().0, code);
    }
    let pem = key.private_pem();
    let mut secrets: Vec<&str> = pem.lines().filter(|l| !l.starts_with("-----")).collect();
    secrets.push("Zf83kq");
    secrets.push("PRIVATE KEY");
    holds_none(bridge, &secrets);
}
