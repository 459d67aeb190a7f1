//! Ends of sessions: by the remote process, by the loss of the connection, by the client.

use crate::common::{Client, DEADLINE, Event, account, poll};
use crate::{OpensshFixture, expect_error};
use serde_json::{Value, json};
use std::net::Shutdown;
use std::path::Path;

/// All events up to the close frame; output is kept in the client.
fn to_the_end(client: &mut Client) -> (Vec<Value>, u16, String) {
    let mut texts = Vec::new();
    loop {
        match client.recv() {
            Event::Json(value) => texts.push(value),
            Event::Output(bytes) => {
                assert_eq!(texts, Vec::<Value>::new(), "output after the last text");
                client.output.extend(bytes);
            }
            Event::Close(code, reason) => return (texts, code, reason),
            Event::Reset => panic!("no close frame, after {texts:?}"),
        }
    }
}

#[test]
fn exit_statuses_are_reported() {
    let fixture = OpensshFixture::start();
    for status in [0, 7, 255] {
        let mut client = fixture.command(&format!("exit {status}"));
        let exit = json!({
            "type": "exit", "status": status, "core_dumped": false, "message": "",
        });
        let reason = format!("exit={status}");
        assert_eq!(to_the_end(&mut client), (vec![exit], 1000, reason));
    }
}

#[test]
fn the_end_by_a_signal_is_reported() {
    let fixture = OpensshFixture::start();
    for (signal, told) in [("TERM", "TERM"), ("KILL", "KILL"), ("BUS", "unknown")] {
        let mut client = fixture.command(&format!("ulimit -c 0; kill -{signal} $$"));
        let (texts, code, reason) = to_the_end(&mut client);
        assert_eq!((code, reason), (1000, format!("signal={told}")));
        assert_eq!(texts.len(), 1, "{texts:?}");
        assert_eq!(texts[0]["type"], "exit");
        assert_eq!(texts[0]["signal"], told);
        assert_eq!(texts[0].get("status"), None);
        assert_eq!(texts[0]["core_dumped"], false);
    }
}

#[test]
fn the_compatible_dialect_reports_the_exit_in_the_close_frame() {
    let fixture = OpensshFixture::start();
    for (input, told) in [
        ("exit\r", "exit=0"),
        ("exit 7\r", "exit=7"),
        ("kill -KILL $$\r", "signal=KILL"),
    ] {
        let mut client = fixture.compatible();
        client.login_compatible(account().user, &account().password);
        client.send_text(input);
        let end = to_the_end(&mut client);
        assert_eq!(end, (vec![], 1000, told.to_owned()));
    }
}

#[test]
fn all_output_comes_before_the_end() {
    let fixture = OpensshFixture::start();
    let mut client = fixture.command("stty -opost; seq 1 100000; exit 3");
    let (texts, code, _) = to_the_end(&mut client);
    assert_eq!((texts[0]["status"].as_u64(), code), (Some(3), 1000));
    let expected: String = (1..=100_000).map(|n| format!("{n}\n")).collect();
    assert!(client.output == expected.as_bytes(), "output is not whole");
}

#[test]
fn a_command_that_does_not_exist_exits_with_127() {
    let fixture = OpensshFixture::start();
    let mut client = fixture.command("no-such-command-here");
    assert_eq!(client.until_close(), (1000, "exit=127".to_owned()));
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
fn a_killed_sshd_is_a_lost_connection_in_the_compatible_dialect() {
    let mut fixture = OpensshFixture::start();
    let mut client = fixture.compatible();
    client.login_compatible(account().user, &account().password);
    client.send_text("echo REA\"\"DY\r");
    client.output_until("READY");
    fixture.sshd.kill();
    let (texts, code, _) = to_the_end(&mut client);
    assert_eq!((texts, code), (vec![], 4503));
}

#[test]
fn sshd_killed_under_load_is_a_lost_connection() {
    let mut fixture = OpensshFixture::start();
    let mut client = fixture.command("cat /dev/zero");
    assert!(matches!(client.recv(), Event::Output(_)));
    fixture.sshd.kill();
    let (texts, code, _) = to_the_end(&mut client);
    assert_eq!(code, 4503);
    assert_eq!(texts[0]["code"], "connection-lost");
}

#[test]
fn sshd_killed_while_the_user_is_asked_is_a_lost_connection() {
    let mut fixture = OpensshFixture::with(&["PasswordAuthentication no"], &[]);
    let mut client = fixture.v1();
    client.auth_v1(&json!({ "username": account().user }));
    let id = client.wait_type("prompt")["id"].clone();
    fixture.sshd.kill();
    client.send_json(&json!({ "type": "answer", "id": id, "answers": ["whatever"] }));
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
    let mut client = fixture.v1();
    client.auth_v1(&crate::with_password(json!({})));
    expect_error(&mut client, "shell", "start-refused", 4503);
}
