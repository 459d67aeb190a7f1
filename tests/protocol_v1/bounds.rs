//! Every bound of a client's field: at the limit it is taken, one above it is not.

use super::common::{Client, Event, Fixture, Login, Received, SshScript};
use super::{assert_alive, assert_bad};
use serde_json::{Value, json};

/// `auth` of a user with one more field.
fn auth(field: &str, value: Value) -> Value {
    let mut auth = json!({ "username": "u" });
    auth[field] = value;
    auth
}

fn assert_auth_bad(fixture: &Fixture, field: &str, value: Value) {
    let before = connections(fixture);
    let mut client = fixture.auth(&auth(field, value));
    assert_bad(&mut client, field);
    assert_eq!(connections(fixture), before, "{field}");
}

fn connections(fixture: &Fixture) -> usize {
    let seen = fixture.ssh.received();
    seen.iter().filter(|s| **s == Received::Connected).count()
}

fn text(length: usize) -> String {
    "x".repeat(length)
}

/// So many bytes of UTF-8 in fewer characters, written with escapes that take more.
fn wide(length: usize) -> String {
    format!("{}{}", "é".repeat(length / 2), "x".repeat(length % 2))
}

#[test]
fn username_and_password() {
    let fixture = Fixture::with(SshScript::login(Login::AnyPassword), &[]);
    for (user, password) in [
        ("u".to_owned(), " ".to_owned()),
        (text(256), text(1024)),
        (wide(256), wide(1024)),
        (
            "a b\"\\ü\u{202e}".to_owned(),
            "\u{7f}\n\t \"\\\u{85}".to_owned(),
        ),
    ] {
        fixture.ready_with(&json!({ "username": user, "password": password }));
        fixture
            .ssh
            .wait_received(&Received::Password(user, password));
    }
    for user in [text(257), wide(257), String::new()] {
        assert_auth_bad(&fixture, "username", user.into());
    }
    for control in ["a\0", "a\nb", "\u{1b}[m", "\u{7f}", "\u{85}"] {
        assert_auth_bad(&fixture, "username", control.into());
    }
    for password in [text(1025), wide(1025)] {
        assert_auth_bad(&fixture, "password", password.into());
    }
}

/// A field within its bound that is no key is reported as an unusable key, not as a bad message.
#[test]
fn keys_certificates_and_passphrases() {
    let fixture = Fixture::new(&[]);
    for field in ["private_key", "certificate"] {
        let mut client = fixture.auth(&auth(field, text(16 * 1024).into()));
        let error = super::assert_fails(&mut client, 4401, field);
        assert_eq!(error["code"], "unusable-key", "{field}");
        assert_auth_bad(&fixture, field, text(16 * 1024 + 1).into());
    }
    for (field, most) in [("passphrase", 1024), ("ticket", 4 * 1024)] {
        fixture.ready_with(&auth(field, text(most).into()));
        assert_auth_bad(&fixture, field, text(most + 1).into());
    }
}

/// A key of 16 KiB of line feeds is 32 KiB of JSON: still one message.
#[test]
fn the_largest_auth_fits_a_message() {
    let fixture = Fixture::new(&[]);
    let mut client = fixture.auth(&json!({
        "username": text(256),
        "password": text(1024),
        "private_key": "\n".repeat(16 * 1024),
        "passphrase": text(1024),
        "certificate": text(16 * 1024),
        "ticket": text(1024),
        "command": text(4 * 1024),
    }));
    // The key is none; the password is tried without it.
    client.wait_type("ready");
}

#[test]
fn terminal_type_and_size() {
    let fixture = Fixture::new(&[]);
    let term = |value: &str| Received::Terminal(value.to_owned(), [80, 24, 0, 0]);
    for value in [text(64), "!~".to_owned()] {
        fixture.ready_with(&auth("term", value.as_str().into()));
        fixture.ssh.wait_received(&term(&value));
    }
    for value in [
        text(65),
        "a b".to_owned(),
        "é".to_owned(),
        "a\u{7f}".to_owned(),
    ] {
        assert_auth_bad(&fixture, "term", value.into());
    }
    for (cols, rows) in [(1, 1), (1000, 1000), (1, 1000)] {
        fixture.ready_with(&json!({ "username": "u", "cols": cols, "rows": rows }));
        let size = [cols, rows, 0, 0];
        fixture
            .ssh
            .wait_received(&Received::Terminal("xterm-256color".to_owned(), size));
    }
}

#[test]
fn defaults_of_the_terminal() {
    let fixture = Fixture::new(&[]);
    fixture.ready();
    fixture.ssh.wait_received(&Received::Terminal(
        "xterm-256color".to_owned(),
        [80, 24, 0, 0],
    ));
    let seen = fixture.ssh.received();
    assert!(seen.contains(&Received::Shell), "{seen:?}");
    assert!(
        !seen.iter().any(|s| matches!(s, Received::Env(..))),
        "{seen:?}"
    );
}

#[test]
fn command() {
    let fixture = Fixture::new(&[]);
    for command in [
        text(8 * 1024),
        " ".to_owned(),
        "printf 'é\\n'\n\u{1b}".to_owned(),
    ] {
        fixture.ready_with(&auth("command", command.as_str().into()));
        fixture.ssh.wait_received(&Received::Exec(command));
    }
    assert!(!fixture.ssh.received().contains(&Received::Shell));
    assert_auth_bad(&fixture, "command", text(8 * 1024 + 1).into());
    assert_auth_bad(&fixture, "command", "a\0b".into());
}

#[test]
fn environment() {
    let fixture = Fixture::new(&[]);
    let of = |count: usize, bytes: usize| -> Value {
        // Names of three bytes; the first value takes what is left.
        let mut env = serde_json::Map::new();
        for index in 0..count {
            let value = if index == 0 {
                text(bytes - 3 * count)
            } else {
                String::new()
            };
            env.insert(format!("A{index:02}"), value.into());
        }
        env.into()
    };
    for env in [
        of(32, 4096),
        of(1, 4096),
        json!({}),
        json!({ "_a9": "é\n", "B": "" }),
    ] {
        fixture.ready_with(&auth("env", env.clone()));
        for (name, value) in env.as_object().unwrap() {
            let value = value.as_str().unwrap().to_owned();
            fixture
                .ssh
                .wait_received(&Received::Env(name.clone(), value));
        }
    }
    for env in [
        of(33, 200),
        of(32, 4097),
        of(1, 4097),
        json!({ "": "x" }),
        json!({ "9a": "x" }),
        json!({ "a-b": "x" }),
        json!({ "a=b": "x" }),
        json!({ "é": "x" }),
        json!({ "A": "x\u{0}" }),
    ] {
        assert_auth_bad(&fixture, "env", env);
    }
}

#[test]
fn flow_window() {
    let fixture = Fixture::new(&[]);
    for window in [1024, u64::MAX] {
        fixture.ready_with(&auth("flow_window", window.into()));
    }
    for window in [0, 1, 1023] {
        assert_auth_bad(&fixture, "flow_window", window.into());
    }
}

#[test]
fn resize() {
    let fixture = Fixture::new(&[]);
    let mut client = fixture.ready();
    for size in [[1, 1, 0, 0], [1000, 1000, u32::MAX, u32::MAX], [7, 9, 1, 2]] {
        let [cols, rows, width, height] = size;
        client.send_json(&json!({
            "type": "resize", "cols": cols, "rows": rows, "width_px": width, "height_px": height,
        }));
        fixture.ssh.wait_received(&Received::Resize(size));
    }
    client.send_json(&json!({ "type": "resize", "cols": 5, "rows": 6 }));
    fixture.ssh.wait_received(&Received::Resize([5, 6, 0, 0]));
}

#[test]
fn ping_data() {
    let fixture = Fixture::new(&[]);
    let mut client = fixture.ready();
    for data in [String::new(), text(125), wide(125)] {
        client.send_json(&json!({ "type": "ping", "data": data }));
        assert_eq!(client.wait_type("pong")["data"], data.as_str());
    }
    client.send_json(&json!({ "type": "ping" }));
    assert_eq!(client.wait_type("pong")["data"], "");
    // What is too long is cut, and ends nothing.
    for (data, cut) in [
        (text(126), 125),
        (text(60_000), 125),
        ("\u{1f980}".repeat(40), 124),
    ] {
        client.send_json(&json!({ "type": "ping", "data": data }));
        assert_eq!(client.wait_type("pong")["data"], &data[..cut]);
    }
}

/// `hello.max_message_bytes` holds for text, and for binary as well.
#[test]
fn a_whole_message() {
    let fixture = Fixture::new(&["websocket.read_limit=32KiB"]);
    let most = 32 * 1024;
    let padded = |length: usize| {
        let head = r#"{"type":"ping","pad":""#;
        format!("{head}{}\"}}", text(length - head.len() - 2))
    };
    let mut client = fixture.ready();
    client.send_text(&padded(most));
    client.wait_type("pong");
    client.send_binary(&vec![b'i'; most]);
    assert_alive(&mut client, "the largest input");
    assert_eq!(fixture.ssh.wait_input(most).len(), most);
    client.send_text(&padded(most + 1));
    assert_too_large(&mut client);
    let mut client = fixture.ready();
    client.send_binary(&vec![b'i'; most + 1]);
    assert_too_large(&mut client);
    assert_eq!(fixture.ssh.input().len(), most);
}

fn assert_too_large(client: &mut Client) {
    loop {
        match client.recv() {
            Event::Close(code, _) => return assert_eq!(code, 1009),
            Event::Json(value) => assert!(
                value["code"] == "too-large" || value["type"] == "input_ack",
                "{value}"
            ),
            other => panic!("{other:?}"),
        }
    }
}
