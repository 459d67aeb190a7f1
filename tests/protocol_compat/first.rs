//! The first message, and input before the shell is up.

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
    assert!(
        !fixture
            .ssh
            .received()
            .iter()
            .any(|s| matches!(s, Received::Resize(_)))
    );
}

#[test]
fn bounds_of_name_and_password() {
    // Who does not ask for a password is not shown one.
    let longest: &'static str = "p".repeat(1024).leak();
    let fixture = Fixture::with(SshScript::login(Login::Password(longest)), &[]);
    let user = "u".repeat(256);
    let first = json!({ "username": user, "password": longest });
    accepted(&fixture, |c| c.send_text(&format!("{first}x")), b"x");
    fixture
        .ssh
        .wait_received(&Received::Password(user, longest.to_owned()));
    // An empty one is none.
    let fixture = Fixture::new(&[]);
    let first = json!({ "username": "u", "password": "" });
    accepted(&fixture, |c| c.send_text(&format!("{first}x")), b"x");
    let connected = |s: &&Received| **s == Received::Connected;
    for (user, password) in [
        ("u".repeat(257), "p".to_owned()),
        (String::new(), "p".to_owned()),
        ("u\n".to_owned(), "p".to_owned()),
        ("u".to_owned(), "p".repeat(1025)),
    ] {
        let mut client = fixture.compatible();
        client.login_compatible(&user, &password);
        assert_closes(&mut client, 4400, "out of bounds");
    }
    assert_eq!(fixture.ssh.received().iter().filter(connected).count(), 1);
}

#[test]
fn anything_else_first_is_4400() {
    let fixture = Fixture::new(&[]);
    for text in [
        "",
        "ls\n",
        "hunter2",
        "null",
        "[]",
        r#"["u","p"]"#,
        "{}",
        "{",
        r#"{"username":"u"}"#,
        r#"{"password":"p"}"#,
        r#"{"username":"u","password":null}"#,
        r#"{"username":1,"password":"p"}"#,
        r#"{"username":"u","password":["p"]}"#,
        r#"{"Username":"u","Password":"p"}"#,
        r#"{"username":"u","username":"u","password":"p"}"#,
        r#"{"username":"u","password":"hunter2""#,
        r#"{"action":"ping"}"#,
        r#"{"action":"resize","cols":80,"rows":24}"#,
        r#"x{"username":"u","password":"p"}"#,
    ] {
        for binary in [false, true] {
            let mut client = fixture.compatible();
            if binary {
                client.send_binary(text.as_bytes());
            } else {
                client.send_text(text);
            }
            let reason = assert_closes(&mut client, 4400, text);
            assert!(
                !reason.is_empty() && !reason.contains("hunter2"),
                "{reason}"
            );
        }
    }
    let mut client = fixture.compatible();
    client.send_binary(b"{\"username\":\"\xff\",\"password\":\"p\"}");
    assert_closes(&mut client, 4400, "not UTF-8");
    assert!(!fixture.ssh.received().contains(&Received::Connected));
}

/// Input typed ahead waits for the shell: all of it, in order.
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

/// More than is kept is not lost either: TCP holds it back.
#[test]
fn more_early_input_than_is_kept_waits_outside() {
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

/// The same credentials again are what any other text is.
#[test]
fn a_second_first_message_is_input() {
    let fixture = Fixture::new(&[]);
    let mut client = super::shell(&fixture);
    let again = r#"{"username":"u","password":"p"}"#;
    client.send_text(again);
    assert_eq!(fixture.ssh.wait_input(again.len()), again.as_bytes());
}

#[test]
fn who_says_nothing_is_4408() {
    let fixture = Fixture::new(&["session.auth_timeout=200ms"]);
    let mut client = fixture.compatible();
    assert_closes(&mut client, 4408, "silent");
}
