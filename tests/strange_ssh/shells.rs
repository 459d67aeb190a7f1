//! Replies of servers to the requests for a terminal and a shell, and the ends of sessions.

use crate::{auth_at, bridge, run_session, server};
use serde_json::{Value, json};

/// Expected session of a mode: output, last text, whether there is a notice of no terminal.
type Row = (&'static str, &'static str, Value, bool);

fn exit(status: u32) -> Value {
    json!({ "type": "exit", "status": status, "core_dumped": false, "message": "" })
}

fn no_status() -> Value {
    json!({ "type": "exit", "core_dumped": false, "message": "" })
}

fn killed(words: &str) -> Value {
    json!({ "type": "exit", "signal": "TERM", "core_dumped": true, "message": words })
}

fn refused(stage: &str) -> Value {
    json!({
        "type": "error", "code": "start-refused", "stage": stage, "retryable": false,
        "message": "the SSH server refused to start the shell or command",
    })
}

fn table() -> Vec<Row> {
    let hi = "Hi! You are known, but there is no shell.\r\nUse git.\r\n";
    let restricted = "This account is restricted.\r\n";
    let twice = "first\r\nsecond\r\n";
    let shell = "Hi! There is no shell here.\r\n";
    let kinds = "kind 1;kind 0;kind 7;kind 4294967295;";
    vec![
        ("no_terminal", hi, exit(1), true),
        ("no_terminal_no_shell", "", refused("shell"), true),
        ("no_shell", "", refused("shell"), false),
        ("no_shell_talks_first", restricted, refused("relay"), false),
        ("no_shell_talks_later", restricted, refused("relay"), false),
        ("no_shell_status", shell, exit(7), false),
        ("silent_exit", "", exit(5), false),
        ("late_refusal", twice, exit(0), true),
        ("late_no_shell", twice, refused("relay"), false),
        // It ends once the bridge has closed its input.
        ("late_no_shell_waits", twice, refused("relay"), false),
        ("close_unanswered", "", refused("shell"), false),
        ("status_before_data", "after the status\r\n", exit(4), false),
        (
            "signal_before_data",
            "after the signal\r\n",
            killed("killed by hand"),
            false,
        ),
        ("two_statuses", "", exit(4), false),
        ("eof_then_status", "all\r\n", exit(6), false),
        ("no_status", "all\r\n", no_status(), false),
        ("close_only", "", no_status(), false),
        ("gone_after_status", "all\r\n", exit(8), false),
        ("stderr_kinds", kinds, exit(0), false),
    ]
}

#[test]
fn each_kind_of_reply_and_end_has_its_outcome() {
    let ssh = server(&[]);
    let bridge = bridge(&ssh);
    let mut wrong = Vec::new();
    for (mode, output, last, no_terminal) in table() {
        let end = run_session(&bridge, &ssh, mode);
        let notices: Vec<&Value> = end.of("notice").iter().map(|n| &n["kind"]).collect();
        let expected: &[&str] = if no_terminal { &["no-terminal"] } else { &[] };
        let code = if last["type"] == "exit" { 1000 } else { 4503 };
        let right = end.output == output.as_bytes()
            && end.texts.last() == Some(&last)
            && notices == expected
            && end.code == code;
        if !right {
            wrong.push(format!("{mode}: {end:#?}"));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// The server gets the request for the command although it gave no terminal.
#[test]
fn a_command_runs_without_a_terminal() {
    let ssh = server(&[]);
    let bridge = bridge(&ssh);
    let fields = json!({ "username": "no_terminal", "password": "p", "command": "git status" });
    let end = auth_at(&bridge, ssh.addr(), &fields).transcript();
    assert_eq!(end.one("notice")["kind"], "no-terminal");
    assert_eq!(end.status(), 1);
    let output = String::from_utf8_lossy(&end.output);
    assert!(output.contains("Use git."), "{output}");
}

#[test]
fn input_passes_without_a_terminal_or_a_reply() {
    let ssh = server(&[]);
    let bridge = bridge(&ssh);
    for mode in ["no_terminal_echo", "silent_talk"] {
        let fields = json!({ "username": mode, "password": "p" });
        let mut client = auth_at(&bridge, ssh.addr(), &fields);
        client.wait_type("ready");
        client.output_until("ready\r\n");
        client.send_json(&json!({ "type": "resize", "cols": 100, "rows": 30 }));
        client.send_binary(b"one\n");
        client.output_until("one\n");
        client.send_binary(b"quit\n");
        client.output_until("quit\n");
        assert_eq!(client.wait_type("exit")["status"], 3, "{mode}");
    }
}

#[test]
fn replies_to_requests_without_want_reply_are_ignored() {
    let ssh = server(&[]);
    let bridge = bridge(&ssh);
    let fields = json!({
        "username": "answers_variables", "password": "p", "env": { "LANG": "C", "TZ": "UTC" },
    });
    let mut client = auth_at(&bridge, ssh.addr(), &fields);
    client.wait_type("ready");
    client.output_until("ready\r\n");
    client.send_binary(b"quit\n");
    client.output_until("quit\n");
    assert_eq!(client.wait_type("exit")["status"], 3);
}

#[test]
fn a_refused_channel_is_reported_with_the_servers_text() {
    let ssh = server(&[]);
    let bridge = bridge(&ssh);
    let transcript = run_session(&bridge, &ssh, "no_channel");
    let error = transcript.one("error");
    assert_eq!(error["code"], "start-refused", "{error}");
    let message = error["message"].as_str().unwrap();
    assert!(
        message.ends_with("a session channel: all lines\\u{1b} are busy"),
        "{message}"
    );
}

#[test]
fn a_long_exit_message_is_cut_and_marked() {
    let ssh = server(&[]);
    let bridge = bridge(&ssh);
    let transcript = run_session(&bridge, &ssh, "long_signal");
    let message = transcript.one("exit")["message"].as_str().unwrap();
    assert!(message.ends_with(" [cut]"), "{message}");
    assert_eq!(message.matches('\u{e9}').count(), 2048);
}

#[test]
fn empty_packets_between_output_are_ignored() {
    let ssh = server(&[]);
    let bridge = bridge(&ssh);
    let end = run_session(&bridge, &ssh, "empty_packets");
    assert_eq!(end.output, [b'x'; 40]);
    assert_eq!(end.status(), 0);
}

#[test]
fn input_passes_tiny_windows_and_packets_in_order() {
    for arguments in [&["window=1"][..], &["packet=1"], &["window=7", "packet=3"]] {
        let ssh = server(arguments);
        let bridge = bridge(&ssh);
        let fields = json!({ "username": "honest", "password": "p" });
        let mut client = auth_at(&bridge, ssh.addr(), &fields);
        client.wait_type("ready");
        let line = "0123456789".repeat(10);
        client.send_binary(format!("{line}\n").as_bytes());
        client.send_binary(b"quit\n");
        client.output_until(&format!("{line}\nquit\n"));
        assert_eq!(client.wait_type("exit")["status"], 3, "{arguments:?}");
    }
}
