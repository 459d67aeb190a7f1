//! Bounds of a client's fields: values within them are accepted, and reach the server unchanged.
//! Bounds of `auth`, and values beyond them, are in `corpus`.

use super::assert_alive;
use super::common::{Fixture, Login, Received, SshScript};
use serde_json::{Value, json};

/// `auth` of a user with one more field.
fn auth(field: &str, value: Value) -> Value {
    let mut auth = json!({ "username": "u" });
    auth[field] = value;
    auth
}

fn text(length: usize) -> String {
    "x".repeat(length)
}

/// `length` bytes of UTF-8 in fewer characters.
fn wide(length: usize) -> String {
    format!("{}{}", "é".repeat(length / 2), "x".repeat(length % 2))
}

#[test]
fn credentials_at_their_bound_reach_the_server() {
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
}

/// A field within its bound that is no key is reported as an unusable key, not as a bad message.
#[test]
fn keys_within_their_bound_are_unusable_and_not_bad_messages() {
    let fixture = Fixture::new(&[]);
    for field in ["private_key", "certificate"] {
        let mut client = fixture.auth(&auth(field, text(16 * 1024).into()));
        let error = super::assert_fails(&mut client, 4401, field);
        assert_eq!(error["code"], "unusable-key", "{field}");
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
fn a_terminal_type_at_its_bound_reaches_the_server() {
    let fixture = Fixture::new(&[]);
    let term = |value: &str| Received::Terminal(value.to_owned(), [80, 24, 0, 0]);
    for value in [text(64), "!~".to_owned()] {
        fixture.ready_with(&auth("term", value.as_str().into()));
        fixture.ssh.wait_received(&term(&value));
    }
}

#[test]
fn a_command_at_its_bound_reaches_the_server() {
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
}

#[test]
fn an_environment_at_its_bound_reaches_the_server() {
    let fixture = Fixture::new(&[]);
    for env in [json!({ "_a9": "é\n", "B": "" }), json!({ "A": text(4095) })] {
        fixture.ready_with(&auth("env", env.clone()));
        for (name, value) in env.as_object().unwrap() {
            let value = value.as_str().unwrap().to_owned();
            fixture
                .ssh
                .wait_received(&Received::Env(name.clone(), value));
        }
    }
}

#[test]
fn ping_data_above_its_bound_is_cut() {
    let fixture = Fixture::new(&[]);
    let mut client = fixture.ready();
    for data in [String::new(), text(125), wide(125)] {
        client.send_json(&json!({ "type": "ping", "data": data }));
        assert_eq!(client.wait_type("pong")["data"], data.as_str());
    }
    client.send_json(&json!({ "type": "ping" }));
    assert_eq!(client.wait_type("pong")["data"], "");
    // Longer data is cut, and does not end the session.
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
fn messages_up_to_max_message_bytes_are_accepted() {
    let fixture = Fixture::new(&["websocket.read_limit=32KiB"]);
    let most = 32 * 1024;
    let mut client = fixture.ready();
    let head = r#"{"type":"ping","pad":""#;
    client.send_text(&format!("{head}{}\"}}", text(most - head.len() - 2)));
    client.wait_type("pong");
    client.send_binary(&vec![b'i'; most]);
    assert_alive(&mut client, "the largest input");
    assert_eq!(fixture.ssh.wait_input(most).len(), most);
}
