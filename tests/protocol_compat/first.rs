//! The first message, and input before the shell is up. Messages that are refused are in `corpus`.

use super::assert_closes;
use super::common::raw::Raw;
use super::common::{Client, Fixture, Login, Options, Received, SshScript};
use serde_json::json;

fn accepted(fixture: &Fixture, send: impl FnOnce(&mut Client), input: &[u8]) {
    let before = fixture.ssh.input().len();
    let mut client = fixture.compatible();
    send(&mut client);
    let all = fixture.ssh.wait_input(before + input.len());
    assert_eq!(&all[before..], input);
}

#[test]
fn text_or_binary_and_other_fields_are_ignored() {
    let fixture = Fixture::with(SshScript::login(Login::Password("p ä\n")), &[]);
    let first = json!({
        "username": "u ü", "password": "p ä\n", "host": 7, "action": "resize", "cols": 10,
        "private_key": [], "type": "auth", "term": null,
    });
    accepted(&fixture, |c| c.send_text(&format!("{first}!")), b"!");
    accepted(
        &fixture,
        |c| c.send_binary(format!(" {first}?").as_bytes()),
        b"?",
    );
    let login = Received::Password("u ü".to_owned(), "p ä\n".to_owned());
    fixture.ssh.wait_count(&login, 2);
    let terminal = Received::Terminal("xterm-256color".to_owned(), [80, 24, 0, 0]);
    fixture.ssh.wait_count(&terminal, 2);
    fixture.ssh.wait_count(&Received::Shell, 2);
}

#[test]
fn bytes_behind_the_object_are_input() {
    let fixture = Fixture::new(&[]);
    let first = br#"{"username":"u","password":"p"}"#;
    for input in [
        &b"\n"[..],
        b"\r",
        b" ls\n",
        b"ls -l\r\n\r\n",
        br#"{"action":"resize","cols":9,"rows":9}"#,
        b"}",
        b"\xff\x00\xfe binary",
        "ünï".as_bytes(),
    ] {
        let message = [first, input].concat();
        accepted(&fixture, |c| c.send_binary(&message), input);
    }
    assert!(!fixture.ssh.saw(|s| matches!(s, Received::Resize(_))));
}

#[test]
fn a_first_message_that_is_not_utf8_is_4400() {
    let fixture = Fixture::new(&[]);
    let mut client = fixture.compatible();
    client.send_binary(b"{\"username\":\"\xff\",\"password\":\"p\"}");
    assert_closes(&mut client, 4400, "not UTF-8");
    assert!(!fixture.ssh.received().contains(&Received::Connected));
}

/// Input typed ahead waits for the shell, complete and in order.
#[test]
fn early_input_is_kept() {
    let fixture = Fixture::new(&[]);
    let mut client = fixture.compatible();
    let first = json!({ "username": "u", "password": "p" });
    let mut typed: Vec<u8> = Vec::new();
    client.send_text(&format!("{first}behind\n"));
    typed.extend(b"behind\n");
    for number in 0..60 {
        let line = format!("echo {number}\n");
        client.send_text(&line);
        typed.extend(line.as_bytes());
        let line = format!("\x00binary {number}\n");
        client.send_binary(line.as_bytes());
        typed.extend(line.as_bytes());
    }
    assert!(typed.len() < 16 * 1024);
    assert_eq!(fixture.ssh.wait_input(typed.len()), typed);
}

/// Input that does not fit the buffer waits in TCP.
#[test]
fn early_input_beyond_the_buffer_is_not_lost() {
    let fixture = Fixture::new(&[]);
    let mut raw = Raw::upgrade(
        fixture.bridge.addr(),
        &fixture.path(),
        &Options::compatible(),
    );
    raw.send_frame(0x81, br#"{"username":"u","password":"p"}"#);
    let lines: Vec<u8> = (0..20_000)
        .flat_map(|n| format!("{n}\n").into_bytes())
        .collect();
    for chunk in lines.chunks(10_000) {
        raw.send_frame(0x82, chunk);
    }
    assert!(
        fixture.ssh.wait_input(lines.len()) == lines,
        "input is not what was typed"
    );
}

/// The same credentials again are text like any other.
#[test]
fn a_second_first_message_is_input() {
    let fixture = Fixture::new(&[]);
    let mut client = super::shell(&fixture);
    let again = r#"{"username":"u","password":"p"}"#;
    client.send_text(again);
    assert_eq!(fixture.ssh.wait_input(again.len()), again.as_bytes());
}
