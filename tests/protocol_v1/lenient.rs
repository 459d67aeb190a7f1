//! Harmless mistakes: none of them ends a running session. The same sizes are tried in the
//! compatible dialect.

use super::common::{Client, Fixture, Received, Round};
use super::{assert_alive, assert_bad};
use serde_json::json;

/// Columns as they stand in a `resize`, and what becomes of them; no number of rows is left out.
const SIZES: &[(&str, Option<u32>)] = &[
    ("1", Some(1)),
    ("1000", Some(1000)),
    ("1001", Some(1000)),
    ("65616", Some(1000)),
    ("4294967376", Some(1000)),
    ("18446744073709551695", Some(1000)),
    ("1e400", Some(1000)),
    ("79.5", Some(79)),
    ("78.0", Some(78)),
    ("7.7e1", Some(77)),
    ("760E-1", Some(76)),
    ("\"75\"", Some(75)),
    ("\"74.9\"", Some(74)),
    ("0", None),
    ("-0", None),
    ("0.0", None),
    ("0.9", None),
    ("-1", None),
    ("-1e400", None),
    ("1e-400", None),
    ("null", None),
    ("true", None),
    ("\"\"", None),
    ("\"wide\"", None),
    ("\"NaN\"", None),
    ("\"\\ud800\"", None),
    ("[80]", None),
    ("{\"cols\":80}", None),
];

fn resizes(fixture: &Fixture) -> Vec<[u32; 4]> {
    let seen = fixture.ssh.received().into_iter();
    seen.filter_map(|seen| match seen {
        Received::Resize(size) => Some(size),
        _ => None,
    })
    .collect()
}

/// Sends them all, whatever `key` is called in the dialect, and looks at what came out. Each is
/// waited for: of several at once only the last may come.
fn try_sizes(fixture: &Fixture, client: &mut Client, key: &str) {
    let mut expected = Vec::new();
    let mut send = |text: String, size: Option<[u32; 4]>| {
        client.send_text(&text);
        if let Some(size) = size {
            fixture.ssh.wait_received(&Received::Resize(size));
            expected.push(size);
        }
    };
    for (other, (cells, read)) in (100..).zip(SIZES) {
        send(
            format!(r#"{{"{key}":"resize","cols":{cells},"rows":{other}}}"#),
            read.map(|cols| [cols, other, 0, 0]),
        );
        send(
            format!(r#"{{"rows":{cells},"cols":{other},"{key}":"resize"}}"#),
            read.map(|rows| [other, rows, 0, 0]),
        );
    }
    for nothing in [
        "",
        r#","cols":80"#,
        r#","rows":24"#,
        r#","Cols":80,"Rows":24"#,
    ] {
        send(format!(r#"{{"{key}":"resize"{nothing}}}"#), None);
    }
    // Twice: the last. Pixels: unknown, if they are none.
    for (fields, size) in [
        (r#""cols":0,"cols":81,"rows":24"#, [81, 24, 0, 0]),
        (
            r#""cols":82,"rows":24,"width_px":-1,"height_px":"x""#,
            [82, 24, 0, 0],
        ),
        (
            r#""cols":83,"rows":24,"width_px":4294967296,"height_px":9.9"#,
            [83, 24, 0, 9],
        ),
        (
            r#""cols":84,"rows":24,"width_px":null,"height_px":[]"#,
            [84, 24, 0, 0],
        ),
        (r#""cols":85,"rows":24,"x":"\ud800""#, [85, 24, 0, 0]),
        (
            r#""cols":86,"rows":24,"width_px":4294967295,"height_px":2"#,
            [86, 24, u32::MAX, 2],
        ),
    ] {
        send(format!(r#"{{"{key}":"resize",{fields}}}"#), Some(size));
    }
    client.send_binary(b"end");
    // Nothing of it was typed, and the shell is there.
    assert_eq!(fixture.ssh.wait_input(3), b"end");
    assert_eq!(resizes(fixture), expected);
}

#[test]
fn no_resize_ends_a_session() {
    let fixture = Fixture::new(&[]);
    let mut client = fixture.ready();
    try_sizes(&fixture, &mut client, "type");
    assert_alive(&mut client, "sizes");
}

#[test]
fn no_resize_ends_a_session_of_the_compatible_dialect() {
    let fixture = Fixture::new(&[]);
    let mut client = fixture.login_compatible("u", "p");
    fixture.ssh.wait_received(&Received::Shell);
    fixture.ssh.output(b"$ ");
    client.output_until("$ ");
    try_sizes(&fixture, &mut client, "action");
    fixture.ssh.output(b"alive");
    client.output_until("alive");
}

/// As above, in `auth`: each for itself, by its default where it is none.
#[test]
fn auth_with_any_size_gets_a_terminal() {
    let fixture = Fixture::new(&["limits.max_connections_per_host=100"]);
    for (number, (cells, read)) in SIZES.iter().enumerate() {
        let mut client = fixture.v1();
        client.wait_type("hello");
        let user = "u".repeat(number + 1);
        client.send_text(&format!(
            r#"{{"type":"auth","username":"{user}","cols":{cells},"rows":{cells}}}"#
        ));
        client.wait_type("ready");
        let size = [read.unwrap_or(80), read.unwrap_or(24), 0, 0];
        let seen = fixture.ssh.received().into_iter();
        let terminals = seen.filter_map(|seen| match seen {
            Received::Terminal(_, size) => Some(size),
            _ => None,
        });
        let terminals: Vec<_> = terminals.collect();
        assert_eq!(terminals.last(), Some(&size), "{cells}");
    }
}

#[test]
fn other_harmless_mistakes_do_not_end_the_session() {
    let fixture = Fixture::new(&[]);
    let mut client = fixture.ready_with(&json!({ "username": "u", "flow_window": 1024 }));
    for text in [
        r#"{"type":"signal","name":"STOP"}"#,
        r#"{"type":"signal","name":"WINCH"}"#,
        r#"{"type":"signal","name":""}"#,
        r#"{"type":"ack","bytes":0.0}"#,
        r#"{"type":"ack","bytes":0e0}"#,
        r#"{"type":"eof","x":"\ud800"}"#,
        r#"{"type":"eof"}"#,
    ] {
        client.send_text(text);
        assert_alive(&mut client, text);
    }
    for (name, signal) in [("SIGINT", "INT"), ("term", "TERM"), ("SigHup", "HUP")] {
        client.send_json(&json!({ "type": "signal", "name": name }));
        fixture
            .ssh
            .wait_received(&Received::Signal(signal.to_owned()));
    }
    let seen = fixture.ssh.received();
    let signals = seen.iter().filter(|s| matches!(s, Received::Signal(_)));
    assert_eq!(signals.count(), 3, "{seen:?}");
    // And some that do: what the client says of itself is wrong.
    for text in [
        r#"{"type":"ack","bytes":1}"#,
        r#"{"type":"ack","bytes":-1}"#,
        r#"{"type":"signal"}"#,
        r#"{"type":"answer","id":1,"answers":[]}"#,
    ] {
        let mut client = fixture.ready_with(&json!({ "username": "u", "flow_window": 1024 }));
        client.send_text(text);
        assert_bad(&mut client, text);
    }
}

/// A second click on a form's button, before and after the shell is there.
#[test]
fn a_repeated_answer_does_not_end_the_session() {
    let rounds = vec![
        Round::of(&[("Code: ", true)]),
        Round::of(&[("More: ", true)]),
    ];
    let fixture = Fixture::asking(rounds, &[]);
    let mut client = fixture.auth(&json!({ "username": "u" }));
    let first = client.wait_type("prompt");
    client.answer(&first, &["one"]);
    client.answer(&first, &["again"]);
    let second = client.wait_type("prompt");
    client.answer(&first, &["again"]);
    client.answer(&second, &["two"]);
    client.wait_type("ready");
    for prompt in [&first, &second] {
        client.answer(prompt, &["late"]);
        client.answer_host_key(prompt, true);
    }
    assert_alive(&mut client, "late answers");
    assert_eq!(fixture.ssh.answers(), [["one"], ["two"]]);
}

/// Forms send all their fields. What is empty in them was not given: nothing is tried with it.
#[test]
fn empty_credentials_are_treated_as_absent() {
    let fixture = Fixture::new(&[]);
    let empty = json!({
        "username": "u", "password": "", "private_key": " \n", "passphrase": "",
        "certificate": "\r\n", "ticket": "", "term": "", "command": "", "env": {},
    });
    fixture.ready_with(&empty);
    fixture.ready();
    let _compatible = fixture.login_compatible("u", "");
    fixture.ssh.wait_count(&Received::Shell, 3);
    let given = |s: &Received| {
        matches!(
            s,
            Received::Password(..) | Received::Exec(_) | Received::Env(..)
        )
    };
    assert!(!fixture.ssh.saw(given), "{:?}", fixture.ssh.received());
    let terminal = Received::Terminal("xterm-256color".to_owned(), [80, 24, 0, 0]);
    assert_eq!(fixture.ssh.count(&terminal), 3);
}
