//! Ends of sessions: by the remote process, by the loss of the connection, by the client.

use crate::common::{Client, DEADLINE, Event, account, poll};
use crate::{OpensshFixture, expect_error, with_password};
use serde_json::json;
use std::net::Shutdown;
use std::path::Path;

#[test]
fn exit_statuses_are_reported() {
    let fixture = OpensshFixture::start();
    for (command, status) in [
        ("exit 0", 0),
        ("exit 7", 7),
        ("exit 255", 255),
        ("no-such-command-here", 127),
    ] {
        let end = fixture.command(command).transcript();
        let exit = json!({
            "type": "exit", "status": status, "core_dumped": false, "message": "",
        });
        assert_eq!((end.texts, end.code), (vec![exit], 1000));
        assert_eq!(end.reason, format!("exit={status}"));
    }
}

#[test]
fn the_end_by_a_signal_is_reported() {
    let fixture = OpensshFixture::start();
    for (signal, told) in [("TERM", "TERM"), ("KILL", "KILL"), ("BUS", "unknown")] {
        let command = format!("ulimit -c 0; kill -{signal} $$");
        let end = fixture.command(&command).transcript();
        assert_eq!(end.reason, format!("signal={told}"));
        assert_eq!((end.texts.len(), end.code), (1, 1000), "{end:?}");
        let exit = end.one("exit");
        assert_eq!(exit["signal"], told);
        assert_eq!(exit.get("status"), None);
        assert_eq!(exit["core_dumped"], false);
    }
}

#[test]
fn a_killed_sshd_is_a_lost_connection() {
    let mut fixture = OpensshFixture::start();
    let mut client = fixture.command("echo READY; sleep 600");
    client.output_until("READY\r\n");
    fixture.sshd.kill();
    let error = expect_error(&mut client, "relay", "connection-lost", 4503);
    assert_eq!(error["retryable"], true);
}

#[test]
fn sshd_killed_under_load_is_a_lost_connection() {
    let mut fixture = OpensshFixture::start();
    let mut client = fixture.command("cat /dev/zero");
    assert!(matches!(client.recv(), Event::Output(_)));
    fixture.sshd.kill();
    let end = client.transcript();
    assert_eq!(end.code, 4503);
    assert_eq!(end.one("error")["code"], "connection-lost");
}

#[test]
fn sshd_killed_while_the_user_is_asked_is_a_lost_connection() {
    let mut fixture = OpensshFixture::with(&["PasswordAuthentication no"], &[]);
    let mut client = fixture.auth(&json!({ "username": account().user }));
    let prompt = client.wait_type("prompt");
    fixture.sshd.kill();
    client.answer(&prompt, &["whatever"]);
    expect_error(&mut client, "login", "connection-lost", 4503);
}

/// By SIGHUP, however the client leaves.
#[test]
fn the_process_ends_when_the_client_leaves() {
    type Leave = fn(&mut Client);
    let ways: [Leave; 3] = [
        |client| client.send_json(&json!({ "type": "close" })),
        |client| client.send(tungstenite::Message::Close(None)),
        |client| client.tcp().shutdown(Shutdown::Both).unwrap(),
    ];
    let fixture = OpensshFixture::start();
    for leave in ways {
        let mut client = fixture.command("echo \"pid=$$.\"; exec sleep 600");
        let text = client.output_until(".");
        let (pid, _) = text.strip_prefix("pid=").unwrap().split_once('.').unwrap();
        let process = Path::new("/proc").join(pid);
        assert!(process.join("stat").exists(), "{text}");
        leave(&mut client);
        poll(DEADLINE, || (!process.exists()).then_some(())).expect("it lives on");
    }
}

#[test]
fn a_server_that_gives_no_session_refuses_the_start() {
    let fixture = OpensshFixture::with(&["MaxSessions 0"], &[]);
    let mut client = fixture.auth(&with_password(json!({})));
    expect_error(&mut client, "shell", "start-refused", 4503);
}
