//! After the first message: what is control, and what is typed. Sizes are in
//! `protocol_v1/lenient.rs`.

use super::common::{Event, Fixture, Received, Round};
use super::shell;
use serde_json::json;

#[test]
fn ping_is_control_and_has_no_answer() {
    let fixture = Fixture::new(&[]);
    let mut client = shell(&fixture);
    for text in [
        r#"{"action":"ping"}"#,
        r#"{"action":"ping","data":"x","cols":1}"#,
        " \n{\"data\":[1],\"action\":\"ping\"}\n",
    ] {
        client.send_text(text);
    }
    client.send_text("end");
    assert_eq!(fixture.ssh.wait_input(3), b"end");
    fixture.ssh.output(b"echo");
    assert_eq!(client.recv(), Event::Output(b"echo".to_vec()));
}

#[test]
fn every_other_text_is_typed_verbatim() {
    let fixture = Fixture::new(&[]);
    let mut client = shell(&fixture);
    let mut typed: Vec<u8> = Vec::new();
    for text in [
        "",
        "ls -l\n",
        "{",
        "{}",
        "{ echo a; }\n",
        "{\"action\":\"resize\",\"cols\":80,\"rows\":24",
        r#"{"action":"resize","cols":80,"rows":24}x"#,
        r#"{"action":"Resize","cols":80,"rows":24}"#,
        r#"{"action":"close"}"#,
        r#"{"action":null}"#,
        r#"{"action":["ping"]}"#,
        r#"{"type":"resize","cols":80,"rows":24}"#,
        r#"{"type":"ping"}"#,
        r#"{"type":"close"}"#,
        r#"[{"action":"ping"}]"#,
        r#""ping""#,
        "null",
        " 1 ",
        "\u{3}\u{1b}[A\0é🦀",
    ] {
        client.send_text(text);
        typed.extend(text.as_bytes());
    }
    assert_eq!(fixture.ssh.wait_input(typed.len()), typed);
}

#[test]
fn every_binary_message_is_input() {
    let fixture = Fixture::new(&[]);
    let mut client = shell(&fixture);
    let mut typed: Vec<u8> = Vec::new();
    let all: Vec<u8> = (0..=255).collect();
    for bytes in [
        br#"{"action":"resize","cols":80,"rows":24}"#.as_slice(),
        br#"{"action":"ping"}"#,
        b"",
        &all,
    ] {
        client.send_binary(bytes);
        typed.extend(bytes);
    }
    assert_eq!(fixture.ssh.wait_input(typed.len()), typed);
    assert!(!fixture.ssh.saw(|s| matches!(s, Received::Resize(_))));
}

/// A resize while the login is under way is the size the terminal starts with.
#[test]
fn a_resize_may_come_before_the_shell() {
    let fixture = Fixture::asking(vec![Round::of(&[])], &[]);
    let mut client = fixture.login_compatible("u", "p");
    client.send_json(&json!({ "action": "resize", "cols": 0, "rows": 24 }));
    client.send_json(&json!({ "action": "resize", "cols": 101, "rows": 41 }));
    client.send_text("end");
    fixture.ssh.wait_input(3);
    let size = [101, 41, 0, 0];
    let seen = fixture.ssh.received();
    let terminal = Received::Terminal("xterm-256color".to_owned(), size);
    assert!(
        seen.contains(&terminal) || seen.contains(&Received::Resize(size)),
        "{seen:?}"
    );
}

/// Nothing of it is lost, either.
#[test]
fn bulk_input_passes_without_acknowledgements() {
    let fixture = Fixture::new(&[]);
    let mut client = shell(&fixture);
    for _ in 0..50 {
        client.send_binary(&[b'i'; 20_000]);
    }
    assert_eq!(fixture.ssh.wait_input(1_000_000).len(), 1_000_000);
    fixture.ssh.output(b"the next thing");
    assert_eq!(client.recv(), Event::Output(b"the next thing".to_vec()));
}
