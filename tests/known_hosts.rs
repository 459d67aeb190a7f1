//! Unusual and large files of known hosts, with the running server: valid lines count, invalid ones
//! are named in the log, and look-ups do not delay other sessions.
#![cfg(test)]

mod common;

use common::fixture::{bridge_to, path_to};
use common::{Bridge, Client, DEADLINE, Event, Options, ScriptedSsh, SshScript};
use russh::keys::PrivateKey;
use russh::keys::ssh_key::private::Ed25519Keypair;
use serde_json::json;
use std::fs;
use std::time::Duration;

/// `algorithm base64` of a key; that of the scripted server is number 7.
fn key(seed: u8) -> String {
    let key = PrivateKey::from(Ed25519Keypair::from_seed(&[seed; 32]));
    key.public_key().to_openssh().unwrap().trim().to_owned()
}

/// `HOST` for the server's name in the file, `KEY` for its key, `OTHER` for another.
fn written(file: &[u8], ssh: &ScriptedSsh) -> Vec<u8> {
    let mut written = file.to_vec();
    let host = format!("[127.0.0.1]:{}", ssh.addr().port());
    for (word, text) in [("HOST", host), ("KEY", key(7)), ("OTHER", key(8))] {
        while let Some(at) = written
            .windows(word.len())
            .position(|w| w == word.as_bytes())
        {
            written.splice(at..at + word.len(), text.bytes());
        }
    }
    written
}

fn bridge_with(ssh: &ScriptedSsh, file: &std::path::Path, policy: &str) -> Bridge {
    let settings = [
        format!("ssh.host_key_policy={policy}"),
        format!("ssh.known_hosts={}", file.display()),
        "limits.max_connections_per_host=100".to_owned(),
        // A search of 200,000 lines takes seconds in a debug build on a busy machine.
        "targets.resolve_timeout=1m".to_owned(),
    ];
    let settings: Vec<&str> = settings.iter().map(String::as_str).collect();
    bridge_to(&[ssh.addr()], &settings)
}

/// Outcome of a login: `ready`, or the code of the error.
fn outcome(bridge: &Bridge, ssh: &ScriptedSsh) -> String {
    let mut client = Client::connect(bridge.addr(), &path_to(ssh.addr()), &Options::v1());
    client.auth_v1(&json!({ "username": "u" }));
    let Event::Json(value) = client.recv() else {
        panic!("no message came");
    };
    let word = if value["type"] == "error" {
        "code"
    } else {
        "type"
    };
    value[word].as_str().unwrap().to_owned()
}

/// The table of such lines is in `ssh::known_hosts::tests::odd`.
#[test]
fn unusual_lines_are_valid() {
    let ssh = ScriptedSsh::start(SshScript::default());
    let file = tempfile::NamedTempFile::new().unwrap();
    for (policy, text, word) in [
        ("strict", &b"\xef\xbb\xbfHOST KEY caf\xe9\r\n"[..], "ready"),
        ("accept-new", b"x\nHOST OTHER caf\xe9\n", "host-key-changed"),
        // A revocation that cannot be read: fails closed, by every policy.
        ("strict", b"HOST KEY\n@revoked HOST A\n", "host-key-revoked"),
        ("accept-new", b"@revoked h\xe9 KEY\n", "host-key-revoked"),
        ("ask", b"@revoked HOST\n", "host-key-revoked"),
    ] {
        fs::write(file.path(), written(text, &ssh)).unwrap();
        let bridge = bridge_with(&ssh, file.path(), policy);
        let shown = text.escape_ascii();
        assert_eq!(outcome(&bridge, &ssh), word, "{shown} {policy}");
    }
}

#[test]
fn invalid_lines_are_named_in_the_log() {
    let ssh = ScriptedSsh::start(SshScript::default());
    let file = tempfile::NamedTempFile::new().unwrap();
    let text = b"# fine\nh\nHOST KEY\n@revoked h\xff ssh-ed25519 AA\n@marker h KEY\n";
    fs::write(file.path(), written(text, &ssh)).unwrap();
    let bridge = bridge_with(&ssh, file.path(), "strict");
    // Logged after all lines about the file.
    bridge.wait_stderr(" serving ", DEADLINE);
    let log = bridge.stderr();
    let lines = log.lines().filter(|line| line.contains("known hosts:"));
    let lines: Vec<&str> = lines.collect();
    assert_eq!(lines.len(), 3, "{lines:?}");
    for (line, parts) in lines.iter().zip([
        ["WARN", "line=2", "no key"],
        ["ERROR", "line=4", "@revoked"],
        ["WARN", "line=5", "unknown marker"],
    ]) {
        assert!(parts.iter().all(|part| line.contains(part)), "{line}");
    }
    // An unreadable `@revoked` line applies to all hosts.
    assert_eq!(outcome(&bridge, &ssh), "host-key-revoked");
}

/// Each look-up in such a file is expensive: a worker does it, so that the sessions of the shard
/// are not delayed.
#[test]
fn look_ups_in_a_large_file_do_not_delay_other_sessions() {
    const LINES: usize = 200_000;
    let ssh = ScriptedSsh::start(SshScript::default());
    let file = tempfile::NamedTempFile::new().unwrap();
    let mut text = written(b"HOST KEY\n", &ssh);
    let key = key(8);
    for line in 0..LINES {
        let hash = format!("|1|{line:026}A=|AAAAAAAAAAAAAAAAAAAAAAAAAAA= {key}\n");
        text.extend(hash.bytes());
    }
    fs::write(file.path(), text).unwrap();
    let bridge = bridge_with(&ssh, file.path(), "strict");
    let path = path_to(ssh.addr());
    let mut typist = Client::connect(bridge.addr(), &path, &Options::v1());
    typist.login_v1("u", "p");
    let mut answers_during = Vec::new();
    for _ in 0..5 {
        let mut other = Client::connect(bridge.addr(), &path, &Options::v1());
        other.auth_v1(&json!({ "username": "u" }));
        let mut answers = 0;
        let outcome = loop {
            typist.send_json(&json!({ "type": "ping" }));
            typist.wait_type("pong");
            answers += 1;
            if let Some(event) = other.recv_within(Duration::from_millis(2)) {
                break event;
            }
        };
        let is_ready = matches!(&outcome, Event::Json(v) if v["type"] == "ready");
        assert!(is_ready, "{outcome:?}");
        answers_during.push(answers);
    }
    println!("answers to a typist during each of five look-ups: {answers_during:?}");
    let fewest = answers_during.iter().min().unwrap();
    assert!(*fewest >= 20, "{answers_during:?}");
    bridge.wait_stderr("searches them on a worker thread", DEADLINE);
}
