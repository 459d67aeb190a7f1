//! The log: its format, and lines that are off by default. That no secret is in it: `canary`.

use crate::common::{Bridge, Client, DEADLINE, Fixture, KeyPair, Options};
use crate::fixture::{fixture, json_lines};
use serde_json::{Value, json};
use std::time::Instant;

const JSON: &str = "--log-format json";

/// Runs a session with input, output and an exit status.
fn one_session(fixture: &Fixture) {
    let mut client = fixture.ready();
    client.send_binary(b"typed by the user");
    fixture.ssh.wait_input(17);
    fixture.ssh.output(b"told by the shell");
    client.output_until("told by the shell");
    fixture.ssh.exit(0);
    assert_eq!(client.until_close().0, 1000);
    fixture.bridge.wait_stderr("session ended", DEADLINE);
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
    let fixture = fixture(&format!("{JSON} --log-level trace"));
    one_session(&fixture);
    let lines = lines(&fixture.bridge);
    for line in &lines {
        for field in ["timestamp", "level", "target", "message"] {
            assert!(line[field].is_string(), "no {field}: {line}");
        }
    }
    let of_sessions = lines.iter().filter(|l| l["span"]["name"] == "session");
    let of_sessions: Vec<&Value> = of_sessions.collect();
    assert!(of_sessions.len() >= 3, "{lines:?}");
    for line in &of_sessions {
        let span = &line["span"];
        assert_eq!(span["id"], of_sessions[0]["span"]["id"], "{line}");
        assert_eq!(span["id"].as_str().map(str::len), Some(32), "{line}");
        assert_eq!(span["client"], "127.0.0.1", "{line}");
        assert_eq!(span["ssh_target"], fixture.ssh.addr().to_string(), "{line}");
        assert!(span["shard"].is_u64(), "{line}");
    }
    let ended = of_sessions.iter().find(|l| l["message"] == "session ended");
    let ended = ended.unwrap();
    let figures = ["status", "input", "output"].map(|name| &ended[name]);
    assert_eq!(figures, [0, 17, 17], "{ended}");
    assert_eq!(ended["reason"], "exit", "{ended}");
}

#[test]
fn text_lines_have_no_colours() {
    let fixture = fixture("--log-format text");
    one_session(&fixture);
    let log = fixture.bridge.stderr();
    assert!(!log.contains('\x1b'), "{log}");
    let line = log.lines().find(|line| line.contains("session ready"));
    let line = line.unwrap_or_else(|| panic!("{log}"));
    for wanted in ["INFO", "session{id=", "client=127.0.0.1", "took_ms="] {
        assert!(line.contains(wanted), "{wanted}: {line}");
    }
    assert!(log.contains("reason=\"exit\""), "{log}");
}

#[test]
fn one_line_at_the_start_describes_the_bridge() {
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("known_hosts");
    let known = format!("--set ssh.known_hosts={}", file.display());
    let args = format!("{JSON} {known} --set ssh.host_key_policy=strict --shards 2");
    let start = || {
        let fixture = fixture(&args);
        fixture.bridge.wait_stderr("\"serving\"", DEADLINE);
        let serving = |line: &Value| line["message"] == "serving";
        let (serving, others): (Vec<Value>, Vec<Value>) =
            lines(&fixture.bridge).into_iter().partition(serving);
        assert_eq!(serving.len(), 1, "{serving:?}");
        assert_eq!(serving[0]["listen"], fixture.bridge.addr().to_string());
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
    let fixture = fixture(JSON);
    let _client = fixture.ready();
    fixture.ssh.exit(0);
    fixture.bridge.wait_stderr("session ended", DEADLINE);
    let whole = start.elapsed().as_millis();
    let lines = lines(&fixture.bridge);
    let ended = lines.iter().find(|l| l["message"] == "session ended");
    let lasted = ended.and_then(|line| line["lasted_ms"].as_u64());
    let lasted = u128::from(lasted.unwrap_or_else(|| panic!("{lines:?}")));
    assert!(lasted + 1900 <= whole, "{lasted} of {whole} ms");
}

#[test]
fn messages_are_logged_only_when_asked_for() {
    let quiet = fixture(&format!("{JSON} --log-level trace"));
    one_session(&quiet);
    let all = lines(&quiet.bridge);
    assert!(of_messages(&all).is_empty(), "{:?}", of_messages(&all));

    let fixture = fixture(&format!("{JSON} --set log.messages=true"));
    one_session(&fixture);
    let all = lines(&fixture.bridge);
    let messages = of_messages(&all);
    for (direction, kind) in [("in", "input"), ("out", "output")] {
        let of_kind = |l: &&&Value| l["direction"] == direction && l["kind"] == kind;
        let bytes = messages.iter().filter(of_kind).map(|l| l["bytes"].as_u64());
        assert_eq!(bytes.sum::<Option<u64>>(), Some(17), "{messages:?}");
    }
}

/// `log.level` leaves lines out, and never the name of the session of those it keeps.
#[test]
fn lines_below_the_level_are_left_out_and_warnings_name_their_session() {
    let mut fixture = fixture(&format!("{JSON} --log-level warn"));
    let path = fixture.path().replace("/127.0.0.1/", "/127.0.0.2/");
    let mut refused = Client::connect(fixture.bridge.addr(), &path, &Options::v1());
    refused.auth_v1(&json!({ "username": "u" }));
    assert_eq!(refused.until_close().0, 4403);
    let mut client = fixture.ready();
    fixture.ssh.exit(0);
    assert_eq!(client.until_close().0, 1000);
    // The end of the process writes what is left.
    fixture.bridge.signal(rustix::process::Signal::TERM);
    assert_eq!(fixture.bridge.wait_exit(DEADLINE).code(), Some(0));
    let lines = lines(&fixture.bridge);
    for line in &lines {
        let level = line["level"].as_str().unwrap();
        assert!(matches!(level, "WARN" | "ERROR"), "{line}");
    }
    let ended = lines.iter().find(|l| l["message"] == "session ended");
    let id = ended.and_then(|ended| ended["span"]["id"].as_str());
    assert_eq!(id.map(str::len), Some(32), "{lines:?}");
}
