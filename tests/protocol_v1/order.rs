//! Order of messages: accepted and refused ones in each state.

use super::common::{Event, Fixture, Login, Received, Round, SshScript, Start, random_bytes, text};
use super::{assert_alive, assert_bad};
use serde_json::json;

const BEFORE_READY: &[&str] = &[
    r#"{"type":"answer","id":1,"answers":[]}"#,
    r#"{"type":"host_key_answer","id":1,"accept":true}"#,
    r#"{"type":"signal","name":"INT"}"#,
    r#"{"type":"eof"}"#,
];

#[test]
fn only_auth_ping_and_close_are_accepted_before_auth() {
    let fixture = Fixture::new(&[]);
    let more = [
        r#"{"type":"resize","cols":80,"rows":24}"#,
        r#"{"type":"ack","bytes":0}"#,
        r#"{"type":"hold"}"#,
        r#"{"type":"release"}"#,
        r#"{"type":"reattach"}"#,
    ];
    for text in BEFORE_READY.iter().chain(&more) {
        let mut client = fixture.v1();
        client.wait_type("hello");
        client.send_text(text);
        let error = assert_bad(&mut client, text);
        assert_eq!(error["stage"], "auth", "{text}");
    }
    let mut client = fixture.v1();
    client.wait_type("hello");
    client.send_binary(b"input");
    assert_bad(&mut client, "input before auth");
    let mut client = fixture.v1();
    client.wait_type("hello");
    assert_alive(&mut client, "ping before auth");
    client.send_json(&json!({ "type": "close" }));
    assert_eq!(client.recv(), Event::Close(1000, String::new()));
    assert!(!fixture.ssh.received().contains(&Received::Connected));
}

#[test]
fn auth_is_accepted_once() {
    let fixture = Fixture::new(&[]);
    let mut client = fixture.ready();
    client.send_json(&json!({ "type": "auth", "username": "u" }));
    assert_bad(&mut client, "second auth");
    // Nor while the first is under way.
    let fixture = Fixture::with(SshScript::login(Login::Silent), &[]);
    let mut client = fixture.auth(&json!({ "username": "u" }));
    fixture.ssh.wait_received(&Received::Connected);
    client.send_json(&json!({ "type": "auth", "username": "u" }));
    assert_bad(&mut client, "second auth while logging in");
    fixture.ssh.wait_received(&Received::Gone);
}

#[test]
fn a_bad_auth_can_not_be_followed_by_a_good_one() {
    let fixture = Fixture::new(&[]);
    let mut client = fixture.v1();
    client.wait_type("hello");
    client.send_json(&json!({ "type": "auth", "username": "" }));
    client.send_json(&json!({ "type": "auth", "username": "u" }));
    assert_bad(&mut client, "empty name");
    assert!(!fixture.ssh.received().contains(&Received::Connected));
}

#[test]
fn messages_that_need_a_shell_are_refused_before_ready() {
    let fixture = Fixture::with(SshScript::start(Start::Silent), &[]);
    for text in BEFORE_READY {
        let mut client = fixture.auth(&json!({ "username": "u" }));
        client.send_text(text);
        assert_bad(&mut client, text);
    }
    let mut client = fixture.auth(&json!({ "username": "u" }));
    client.send_binary(b"input");
    assert_bad(&mut client, "input before ready");
}

/// A terminal may be resized while it is opened: it starts, or ends up, with the latest size.
#[test]
fn a_resize_before_ready_is_kept() {
    let fixture = Fixture::asking(vec![Round::of(&[("Code:", true)])], &[]);
    let mut client = fixture.auth(&json!({ "username": "u", "cols": 90, "rows": 30 }));
    let prompt = client.wait_type("prompt");
    client.send_json(&json!({ "type": "resize", "cols": 100, "rows": 40 }));
    client.send_json(&json!({
        "type": "resize", "cols": 120, "rows": 50, "width_px": 960, "height_px": 800,
    }));
    for kind in ["hold", "release"] {
        client.send_json(&json!({ "type": kind }));
    }
    client.send_json(&json!({ "type": "ack", "bytes": 0 }));
    client.answer(&prompt, &["x"]);
    client.wait_type("ready");
    let size = [120, 50, 960, 800];
    let terminal = Received::Terminal("xterm-256color".to_owned(), size);
    fixture.ssh.wait_received(&terminal);
}

#[test]
fn closing_while_connecting_ends_both_sides() {
    for script in [
        SshScript::login(Login::Silent),
        SshScript::login(Login::Interactive(vec![Round::of(&[("Code:", true)])])),
        SshScript::start(Start::Silent),
    ] {
        let fixture = Fixture::with(script, &[]);
        let mut client = fixture.auth(&json!({ "username": "u" }));
        fixture.ssh.wait_received(&Received::Connected);
        client.send_json(&json!({ "type": "close" }));
        assert_eq!(client.until_close(), (1000, String::new()));
        fixture.ssh.wait_received(&Received::Gone);
    }
}

/// `exit` or `error` is the last text, and what was sent with or after `close` is not looked at.
#[test]
fn nothing_follows_a_close() {
    let fixture = Fixture::new(&[]);
    let mut client = fixture.ready();
    client.send_binary(b"typed before");
    client.send_json(&json!({ "type": "close" }));
    for _ in 0..3 {
        // The server may be gone already.
        let _ = client.try_send(text(&json!({ "type": "nonsense" })));
    }
    assert_eq!(client.recv(), Event::Close(1000, String::new()));
    assert_eq!(client.recv(), Event::Reset);
    // Input before it was passed on.
    fixture.ssh.wait_received(&Received::Gone);
    assert_eq!(fixture.ssh.input(), b"typed before");
}

/// However little the SSH server's window takes at once: more than one packet waits, or the last.
#[test]
fn input_before_a_close_reaches_the_server() {
    for size in [6_000, 20_000] {
        let script = SshScript {
            window: 4096,
            ..SshScript::default()
        };
        let fixture = Fixture::with(script, &[]);
        let mut client = fixture.ready();
        let input = random_bytes(size);
        client.send_binary(&input);
        client.send_json(&json!({ "type": "close" }));
        assert!(fixture.ssh.wait_input(size) == input, "{size} bytes");
        assert_eq!(client.until_close().0, 1000);
    }
}
