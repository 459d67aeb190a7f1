//! The first message, and input before the shell is up.

use super::assert_closes;
use super::common::raw::Raw;
use super::common::{Client, Login, Options, Scene, Seen, SshScript};
use serde_json::json;

fn accepted(scene: &Scene, send: impl FnOnce(&mut Client), input: &[u8]) {
    let before = scene.ssh.input().len();
    let mut client = scene.compatible();
    send(&mut client);
    let all = scene.ssh.wait_input(before + input.len());
    assert_eq!(&all[before..], input);
}

#[test]
fn text_or_binary_and_other_fields_are_ignored() {
    let scene = Scene::with(SshScript::login(Login::Password("p ä\n")), &[]);
    let first = json!({
        "username": "u ü", "password": "p ä\n", "host": 7, "action": "resize", "cols": 10,
        "private_key": [], "type": "auth", "term": null,
    });
    accepted(&scene, |c| c.send_text(&format!("{first}!")), b"!");
    accepted(
        &scene,
        |c| c.send_binary(format!(" {first}?").as_bytes()),
        b"?",
    );
    let login = Seen::Password("u ü".to_owned(), "p ä\n".to_owned());
    scene.ssh.wait_count(&login, 2);
    let terminal = Seen::Terminal("xterm-256color".to_owned(), [80, 24, 0, 0]);
    scene.ssh.wait_count(&terminal, 2);
    scene.ssh.wait_count(&Seen::Shell, 2);
}

#[test]
fn bytes_behind_the_object_are_input() {
    let scene = Scene::new(&[]);
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
        accepted(&scene, |c| c.send_binary(&message), input);
    }
    assert!(
        !scene
            .ssh
            .seen()
            .iter()
            .any(|s| matches!(s, Seen::Resize(_)))
    );
}

#[test]
fn bounds_of_name_and_password() {
    // Who does not ask for a password is not shown one.
    let longest: &'static str = "p".repeat(1024).leak();
    let scene = Scene::with(SshScript::login(Login::Password(longest)), &[]);
    let user = "u".repeat(256);
    let first = json!({ "username": user, "password": longest });
    accepted(&scene, |c| c.send_text(&format!("{first}x")), b"x");
    scene
        .ssh
        .wait_seen(&Seen::Password(user, longest.to_owned()));
    // An empty one is none.
    let scene = Scene::new(&[]);
    let first = json!({ "username": "u", "password": "" });
    accepted(&scene, |c| c.send_text(&format!("{first}x")), b"x");
    let connected = |s: &&Seen| **s == Seen::Connected;
    for (user, password) in [
        ("u".repeat(257), "p".to_owned()),
        (String::new(), "p".to_owned()),
        ("u\n".to_owned(), "p".to_owned()),
        ("u".to_owned(), "p".repeat(1025)),
    ] {
        let mut client = scene.compatible();
        client.login_compatible(&user, &password);
        assert_closes(&mut client, 4400, "out of bounds");
    }
    assert_eq!(scene.ssh.seen().iter().filter(connected).count(), 1);
}

#[test]
fn anything_else_first_is_4400() {
    let scene = Scene::new(&[]);
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
            let mut client = scene.compatible();
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
    let mut client = scene.compatible();
    client.send_binary(b"{\"username\":\"\xff\",\"password\":\"p\"}");
    assert_closes(&mut client, 4400, "not UTF-8");
    assert!(!scene.ssh.seen().contains(&Seen::Connected));
}

/// Input typed ahead waits for the shell: all of it, in order.
#[test]
fn early_input_is_kept() {
    let scene = Scene::new(&[]);
    let mut client = scene.compatible();
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
    assert_eq!(scene.ssh.wait_input(typed.len()), typed);
}

/// More than is kept is not lost either: TCP holds it back.
#[test]
fn more_early_input_than_is_kept_waits_outside() {
    let scene = Scene::new(&[]);
    let mut raw = Raw::upgrade(scene.bridge.addr(), &scene.path(), &Options::compatible());
    raw.send_frame(0x81, br#"{"username":"u","password":"p"}"#);
    let lines: Vec<u8> = (0..20_000)
        .flat_map(|n| format!("{n}\n").into_bytes())
        .collect();
    for chunk in lines.chunks(10_000) {
        raw.send_frame(0x82, chunk);
    }
    assert!(
        scene.ssh.wait_input(lines.len()) == lines,
        "input is not what was typed"
    );
}

/// The same credentials again are what any other text is.
#[test]
fn a_second_first_message_is_input() {
    let scene = Scene::new(&[]);
    let mut client = super::shell(&scene);
    let again = r#"{"username":"u","password":"p"}"#;
    client.send_text(again);
    assert_eq!(scene.ssh.wait_input(again.len()), again.as_bytes());
}

#[test]
fn who_says_nothing_is_4408() {
    let scene = Scene::new(&["session.auth_timeout=200ms"]);
    let mut client = scene.compatible();
    assert_closes(&mut client, 4408, "silent");
}
