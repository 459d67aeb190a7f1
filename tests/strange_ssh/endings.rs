//! DISCONNECT messages, and text that is not UTF-8.

use crate::common::fixture::bridge_to;
use crate::common::{DEADLINE, Transcript, poll};
use crate::{bridge, run_session, server};

/// Text of `server.py`'s DISCONNECT, with control and direction characters escaped.
const WORDS: &str = "R\u{e9}gle 7: \\u{1b}[31mno\\u{202e} more";

fn error(transcript: &Transcript, code: &str, close: u16, retryable: bool) -> String {
    let error = transcript.one("error");
    assert_eq!(error["code"], code, "{transcript:#?}");
    assert_eq!(error["retryable"], retryable, "{transcript:#?}");
    assert_eq!(transcript.code, close, "{transcript:#?}");
    error["message"].as_str().unwrap().to_owned()
}

#[test]
fn the_text_of_a_disconnect_reaches_the_user_the_log_and_the_audit() {
    let ssh = server(&[]);
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("audit");
    let audit = format!("audit.file={}", file.display());
    let bridge = bridge_to(&[ssh.addr()], &[&audit]);
    let running = run_session(&bridge, &ssh, "disconnects_running");
    assert_eq!(running.output, b"before\r\n");
    let message = error(&running, "connection-lost", 4503, true);
    assert!(message.contains(WORDS), "{message}");
    assert!(message.contains("by application"), "{message}");
    assert!(running.reason.contains("gle 7"), "{}", running.reason);
    let message = error(
        &run_session(&bridge, &ssh, "disconnects_wordless"),
        "connection-lost",
        4503,
        true,
    );
    assert!(message.contains("too many connections"), "{message}");
    let at_login = run_session(&bridge, &ssh, "disconnects_at_login");
    let message = error(&at_login, "login-failed", 4401, false);
    assert!(message.contains(WORDS), "{message}");
    let refused = run_session(&bridge, &ssh, "disconnects_on_refusal");
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
fn a_disconnect_in_the_key_exchange_is_reported() {
    let ssh = server(&["disconnect"]);
    let bridge = bridge(&ssh);
    let transcript = run_session(&bridge, &ssh, "honest");
    let message = transcript.one("error")["message"].as_str().unwrap();
    assert!(message.contains("too many of you"), "{transcript:#?}");
}

/// russh decodes text strictly, so these sessions end.
#[test]
fn text_that_is_not_utf8_is_reported_as_such() {
    let ssh = server(&[]);
    let bridge = bridge(&ssh);
    for (mode, output) in [
        ("latin1_banner", &b""[..]),
        ("gbk_banner", b""),
        ("latin1_prompt", b""),
        ("latin1_exit", b"before\r\n"),
        ("latin1_farewell", b"before\r\n"),
    ] {
        let transcript = run_session(&bridge, &ssh, mode);
        let message = error(&transcript, "not-utf8-from-server", 4503, false);
        assert!(
            message.contains("UTF-8") && message.contains("banner"),
            "{message}"
        );
        assert_eq!(transcript.output, output, "{mode}");
    }
}
