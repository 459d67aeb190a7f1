//! A server's last words, and text that is not UTF-8.

use crate::common::scene::bridge_to;
use crate::common::{DEADLINE, Sshd, account, poll};
use crate::{Course, bridge, connect, course, play, server};
use serde_json::json;

/// `server.py`'s, as they are told: what could deceive is escaped.
const WORDS: &str = "R\u{e9}gle 7: \\u{1b}[31mno\\u{202e} more";

fn error(course: &Course, code: &str, close: u16, retryable: bool) -> String {
    let error = course.one("error");
    assert_eq!(error["code"], code, "{course:#?}");
    assert_eq!(error["retryable"], retryable, "{course:#?}");
    assert_eq!(course.code, close, "{course:#?}");
    error["message"].as_str().unwrap().to_owned()
}

#[test]
fn the_words_of_a_disconnect_reach_the_user_the_log_and_the_audit() {
    let ssh = server(&[]);
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("audit");
    let audit = format!("audit.file={}", file.display());
    let bridge = bridge_to(&[ssh.addr()], &[&audit]);
    let running = play(&bridge, &ssh, "disconnects_running");
    assert_eq!(running.output, "before\r\n");
    let message = error(&running, "connection-lost", 4503, true);
    assert!(message.contains(WORDS), "{message}");
    assert!(message.contains("by application"), "{message}");
    assert!(running.reason.contains("gle 7"), "{}", running.reason);
    let message = error(
        &play(&bridge, &ssh, "disconnects_wordless"),
        "connection-lost",
        4503,
        true,
    );
    assert!(message.contains("too many connections"), "{message}");
    let at_login = play(&bridge, &ssh, "disconnects_at_login");
    let message = error(&at_login, "login-failed", 4401, false);
    assert!(message.contains(WORDS), "{message}");
    let refused = play(&bridge, &ssh, "disconnects_on_refusal");
    let message = error(&refused, "login-failed", 4401, false);
    assert!(
        message.contains("Too many authentication failures"),
        "{message}"
    );
    bridge.wait_stderr("Too many authentication failures", DEADLINE);
    let lines = poll(DEADLINE, || {
        let lines = std::fs::read_to_string(&file).unwrap();
        (lines.matches("\"event\":\"end\"").count() == 4).then_some(lines)
    });
    let lines = lines.expect("four ends in the audit log");
    let ends: Vec<serde_json::Value> = lines
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .filter(|line: &serde_json::Value| line["event"] == "end")
        .collect();
    let said = |n: usize| ends[n]["message"].as_str().unwrap_or_default().to_owned();
    assert!(said(0).contains(WORDS), "{lines}");
    assert!(
        said(3).contains("Too many authentication failures"),
        "{lines}"
    );
    assert_eq!(
        lines.matches("\"result\":\"refused\"").count(),
        2,
        "{lines}"
    );
}

#[test]
fn a_disconnect_in_the_key_exchange_is_told() {
    let ssh = server(&["disconnect"]);
    let bridge = bridge(&ssh);
    let fields = json!({ "username": "honest" });
    let course = course(&mut connect(&bridge, ssh.addr(), &fields));
    let message = course.one("error")["message"].as_str().unwrap();
    assert!(message.contains("too many of you"), "{course:#?}");
}

/// OpenSSH's own: it disconnects after the first refusal.
#[test]
fn too_many_authentication_failures_at_a_real_sshd() {
    let sshd = Sshd::with(&["MaxAuthTries 1"]);
    let bridge = bridge_to(&[sshd.addr()], &[]);
    let fields = json!({ "username": account().user, "password": "wrong" });
    let course = course(&mut connect(&bridge, sshd.addr(), &fields));
    let message = error(&course, "login-failed", 4401, false);
    assert!(
        message.contains("Too many authentication failures"),
        "{message}"
    );
}

/// russh reads text strictly, so these end; they end as what they are.
#[test]
fn text_that_is_not_utf8_is_named() {
    let ssh = server(&[]);
    let bridge = bridge(&ssh);
    for (mode, output) in [
        ("latin1_banner", ""),
        ("gbk_banner", ""),
        ("latin1_prompt", ""),
        ("latin1_exit", "before\r\n"),
        ("latin1_farewell", "before\r\n"),
    ] {
        let course = play(&bridge, &ssh, mode);
        let message = error(&course, "not-utf8-from-server", 4503, false);
        assert!(
            message.contains("UTF-8") && message.contains("banner"),
            "{message}"
        );
        assert_eq!(course.output, output, "{mode}");
    }
}
