//! Messages above `websocket.read_limit`: clients of older bridges paste up to 512 KiB at once.

use super::common::{Client, Fixture};
use serde_json::json;
use tungstenite::Message;
use tungstenite::protocol::frame::Frame;
use tungstenite::protocol::frame::coding::{Data, OpCode};

/// `websocket.read_limit` by default.
const LIMIT: usize = 64 * 1024;

/// Characters of every length, so that a cut at a wrong place shows.
fn text(bytes: usize) -> String {
    let characters = "aß€😀".repeat(bytes / 10);
    let rest = bytes - characters.len();
    characters + &"x".repeat(rest)
}

fn fragmented(client: &mut Client, opcode: Data, bytes: &[u8], size: usize) {
    let count = bytes.len().div_ceil(size);
    for (index, fragment) in bytes.chunks(size).enumerate() {
        let opcode = if index == 0 { opcode } else { Data::Continue };
        let last = index + 1 == count;
        let frame = Frame::message(fragment.to_vec(), OpCode::Data(opcode), last);
        client.send(Message::Frame(frame));
    }
}

/// All of it arrives, and the session lives on.
fn arrives(fixture: &Fixture, bytes: &[u8], send: impl FnOnce(&mut Client)) {
    let before = fixture.ssh.input().len();
    let mut client = fixture.login_compatible("u", "p");
    send(&mut client);
    client.send_text(r#"{"action":"resize","cols":9,"rows":9}"#);
    client.send_text("!");
    let all = fixture.ssh.wait_input(before + bytes.len() + 1);
    assert!(
        all[before..all.len() - 1] == *bytes,
        "{} bytes",
        bytes.len()
    );
    assert_eq!(all.last(), Some(&b'!'));
}

#[test]
fn large_messages_are_input_in_whole_in_text_binary_and_fragments() {
    let fixture = Fixture::new(&[]);
    for size in [LIMIT, LIMIT + 1, 100_000, 512 * 1024, 2 * 1024 * 1024] {
        let text = text(size);
        let bytes = text.as_bytes();
        arrives(&fixture, bytes, |client| client.send_text(&text));
        arrives(&fixture, bytes, |client| client.send_binary(bytes));
        for fragment in [1021, 70_001] {
            arrives(&fixture, bytes, |client| {
                fragmented(client, Data::Text, bytes, fragment)
            });
            arrives(&fixture, bytes, |client| {
                fragmented(client, Data::Binary, bytes, fragment)
            });
        }
    }
}

/// Credentials and a paste in one message.
#[test]
fn a_large_first_message_logs_in_and_is_input() {
    let fixture = Fixture::new(&[]);
    let paste = text(512 * 1024);
    let first = json!({ "username": "u", "password": "p" }).to_string();
    let mut client = fixture.compatible();
    client.send_text(&format!("{first}{paste}"));
    assert!(fixture.ssh.wait_input(paste.len()) == paste.as_bytes());
}

/// Control text is looked for in messages up to the limit alone.
#[test]
fn a_large_message_is_never_control() {
    let fixture = Fixture::new(&[]);
    let padding = " ".repeat(LIMIT);
    let resize = format!(r#"{{"action":"resize","cols":99,"rows":9}}{padding}"#);
    arrives(&fixture, resize.as_bytes(), |client| {
        client.send_text(&resize)
    });
}
