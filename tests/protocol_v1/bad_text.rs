//! Text that is no message: 4400, whatever is wrong with it. First messages are in `corpus`, too.

use super::common::{Client, Event, Fixture, Received};
use super::{assert_alive, assert_bad};
use serde_json::json;

/// Sends each text on a connection of its own, in front of `auth` or after `ready`.
fn assert_all_bad<'a>(fixture: &Fixture, ready: bool, texts: impl IntoIterator<Item = &'a str>) {
    for text in texts {
        let mut client = if ready {
            fixture.ready()
        } else {
            greeted(fixture)
        };
        client.send_text(text);
        let error = assert_bad(&mut client, text);
        let stage = if ready { "relay" } else { "auth" };
        assert_eq!(error["stage"], stage, "{text}");
        assert!(!error.to_string().contains("hunter2"), "{error}");
    }
}

fn greeted(fixture: &Fixture) -> Client {
    let mut client = fixture.v1();
    client.wait_type("hello");
    client
}

#[test]
fn text_that_is_not_a_known_message_is_4400() {
    let fixture = Fixture::new(&[]);
    let shapes = [
        "",
        " ",
        "hunter2",
        "{",
        "null",
        "1",
        "\"ping\"",
        "[]",
        r#"["ping"]"#,
        r#"[{"type":"ping"}]"#,
        "{}",
        r#"{"type":null}"#,
        r#"{"type":1}"#,
        r#"{"type":["ping"]}"#,
        r#"{"Type":"ping"}"#,
        r#"{"type":"ping","type":"ping"}"#,
        r#"{"type":"ping"}{"type":"ping"}"#,
        r#"{"type":"ping"} hunter2"#,
        r#"{"type":"ping",}"#,
        r#"{'type':'ping'}"#,
        r#"{"type":"ping","x":hunter2}"#,
        r#"{"type":"ping","data":"\ud800"}"#,
        "{\"type\":\"ping\",\"x\":\"a\nb\"}",
        "\u{feff}{\"type\":\"ping\"}",
    ];
    let types = [
        r#"{"type":""}"#,
        r#"{"type":"PING"}"#,
        r#"{"type":"ping "}"#,
        r#"{"type":"reattach"}"#,
        r#"{"type":"hello"}"#,
        r#"{"type":"pong"}"#,
        r#"{"type":"hunter2"}"#,
    ];
    for ready in [false, true] {
        assert_all_bad(&fixture, ready, shapes.into_iter().chain(types));
    }
}

/// For a user of websocat who has typed a command, or sent `auth` with `-b`.
#[test]
fn errors_for_typed_text_and_a_binary_auth_say_what_to_do() {
    let fixture = Fixture::new(&[]);
    let mut typed = fixture.ready();
    typed.send_text("uname -a");
    let error = assert_bad(&mut typed, "typed");
    let message = error["message"].as_str().unwrap();
    assert!(
        message.contains("terminal input is a binary message"),
        "{message}"
    );
    assert!(
        message.contains("websocat: -b --text-prefix @"),
        "{message}"
    );
    let mut binary = greeted(&fixture);
    binary.send_binary(br#"{"type":"auth","username":"u","password":"p"}"#);
    let error = binary.wait_type("error");
    let message = error["message"].as_str().unwrap();
    assert!(message.contains("only the text messages auth"), "{message}");
}

#[test]
fn duplicate_and_mistyped_fields_of_auth_are_4400() {
    let fixture = Fixture::new(&[]);
    let mut fields = vec![
        r#""password":"hunter2","password":"hunter2""#.to_owned(),
        r#""env":{"A":1}"#.to_owned(),
        r#""env":{"A":null}"#.to_owned(),
        r#""env":[["A","b"]]"#.to_owned(),
        r#""env":{"A":"x","A":"y"}"#.to_owned(),
    ];
    for field in [
        "private_key",
        "passphrase",
        "certificate",
        "ticket",
        "term",
        "command",
    ] {
        fields.extend(["1", "true", "[]", "{}"].map(|value| format!(r#""{field}":{value}"#)));
    }
    let windows = [
        "\"1024\"", "1024.0", "1.024e3", "1024.5", "-1024", "true", "[1024]", "1e400",
    ];
    fields.extend(windows.map(|value| format!(r#""flow_window":{value}"#)));
    let texts = fields
        .iter()
        .map(|fields| format!(r#"{{"type":"auth","username":"u",{fields}}}"#));
    let texts: Vec<String> = texts.collect();
    assert_all_bad(&fixture, false, texts.iter().map(String::as_str));
    assert!(!fixture.ssh.received().contains(&Received::Connected));
}

#[test]
fn duplicate_missing_and_mistyped_fields_of_other_messages_are_4400() {
    let fixture = Fixture::new(&[]);
    let texts = [
        r#"{"type":"signal"}"#,
        r#"{"type":"signal","name":null}"#,
        r#"{"type":"signal","name":2}"#,
        r#"{"type":"ack"}"#,
        r#"{"type":"ack","bytes":null}"#,
        r#"{"type":"ack","bytes":"0"}"#,
        r#"{"type":"ack","bytes":"0.0"}"#,
        r#"{"type":"ack","bytes":-1}"#,
        r#"{"type":"ack","bytes":18446744073709551616}"#,
        r#"{"type":"ack","bytes":0,"bytes":0}"#,
        r#"{"type":"ping","data":1}"#,
        r#"{"type":"ping","data":"a","data":"a"}"#,
        r#"{"type":"answer"}"#,
        r#"{"type":"answer","id":1}"#,
        r#"{"type":"answer","answers":[]}"#,
        r#"{"type":"answer","id":1,"answers":"hunter2"}"#,
        r#"{"type":"answer","id":1,"answers":[1]}"#,
        r#"{"type":"answer","id":1,"answers":[null]}"#,
        r#"{"type":"answer","id":4294967296,"answers":[]}"#,
        r#"{"type":"answer","id":-1,"answers":[]}"#,
        r#"{"type":"host_key_answer"}"#,
        r#"{"type":"host_key_answer","id":1}"#,
        r#"{"type":"host_key_answer","accept":true}"#,
        r#"{"type":"host_key_answer","id":1,"accept":1}"#,
        r#"{"type":"host_key_answer","id":1,"accept":"true"}"#,
        r#"{"type":"host_key_answer","id":4294967296,"accept":true}"#,
        // Answers without a prompt.
        r#"{"type":"answer","id":1,"answers":[]}"#,
        r#"{"type":"host_key_answer","id":1,"accept":true}"#,
    ];
    assert_all_bad(&fixture, true, texts);
}

/// Nesting costs the server no stack.
#[test]
fn deep_nesting_is_harmless() {
    let fixture = Fixture::new(&[]);
    let mut client = fixture.ready();
    let deep = "[".repeat(60_000);
    client.send_text(&format!(r#"{{"type":"ping","x":{deep}"#));
    assert_bad(&mut client, "deep and unfinished");
    let mut client = fixture.ready();
    let deep = format!("{}{}", "[".repeat(30_000), "]".repeat(30_000));
    client.send_text(&format!(r#"{{"type":"ping","x":{deep}}}"#));
    match client.recv() {
        Event::Json(value) if value["type"] == "pong" => assert_alive(&mut client, "deep"),
        Event::Json(value) => assert_eq!(value["code"], "bad-message", "{value}"),
        other => panic!("{other:?}"),
    }
    // The server still runs.
    fixture.ready().send_json(&json!({ "type": "close" }));
}
