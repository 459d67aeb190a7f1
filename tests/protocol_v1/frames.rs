//! Clients that break RFC 6455: 1002, 1007 and 1009.

use super::common::Fixture;
use super::common::raw::{Raw, frame};
use std::net::Shutdown;

const TEXT: u8 = 0x81;
const PING: u8 = 0x89;
const CLOSE: u8 = 0x88;

/// The connection ends with `code`; the last text before is an error, and names it.
fn assert_closed(raw: &mut Raw, code: u16, about: &str) {
    let mut word = None;
    let got = loop {
        let frame = raw
            .frame()
            .unwrap_or_else(|| panic!("{about}: no close frame"));
        if let Some((code, reason)) = frame.as_close() {
            assert!(!reason.is_empty(), "{about}");
            break code;
        }
        if frame.first == TEXT {
            let text: serde_json::Value = serde_json::from_slice(&frame.payload).unwrap();
            word = text["code"].as_str().map(str::to_owned);
        }
    };
    assert_eq!(got, code, "{about}");
    let words = [
        (1002, "websocket-protocol"),
        (1007, "not-utf8"),
        (1009, "too-large"),
    ];
    let expected = words
        .iter()
        .find(|(c, _)| *c == code)
        .map(|(_, word)| *word);
    assert_eq!(word.as_deref(), expected, "{about}");
    // A client that says no more is not waited for.
    raw.tcp().shutdown(Shutdown::Write).unwrap();
    assert_eq!(raw.frame(), None, "{about}");
}

/// Each list of frames, on a connection of its own, before `auth`.
fn assert_all_closed(code: u16, cases: &[(&str, Vec<u8>)]) {
    let fixture = Fixture::new(&["websocket.read_limit=32KiB"]);
    for (about, bytes) in cases {
        let mut raw = fixture.raw();
        raw.text();
        raw.send(bytes);
        assert_closed(&mut raw, code, about);
    }
}

fn masked(first: u8, payload: &[u8]) -> Vec<u8> {
    frame(first, Some([9, 8, 7, 6]), payload)
}

#[test]
fn broken_framing_is_1002() {
    let ping = br#"{"type":"ping"}"#;
    assert_all_closed(
        1002,
        &[
            ("not masked", frame(TEXT, None, ping)),
            ("a ping not masked", frame(PING, None, b"")),
            ("RSV1", masked(TEXT | 0x40, ping)),
            ("RSV2", masked(TEXT | 0x20, ping)),
            ("RSV3", masked(TEXT | 0x10, ping)),
            ("reserved data opcode", masked(0x83, ping)),
            ("reserved control opcode", masked(0x8b, b"")),
            ("a ping of 126 bytes", masked(PING, &[b'p'; 126])),
            ("a close of 126 bytes", masked(CLOSE, &[0x03; 126])),
            ("a ping in fragments", masked(0x09, b"half")),
            ("a continuation of nothing", masked(0x80, b"rest")),
            ("a fragment of nothing", masked(0x00, b"rest")),
            (
                "text within a text",
                [masked(0x01, b"{"), masked(TEXT, ping)].concat(),
            ),
            (
                "binary within a text",
                [masked(0x01, b"{"), masked(0x82, b"x")].concat(),
            ),
            ("a close of one byte", masked(CLOSE, &[3])),
        ],
    );
}

#[test]
fn text_that_is_not_utf_8_is_1007() {
    assert_all_closed(
        1007,
        &[
            ("a lone byte", masked(TEXT, b"\xff")),
            (
                "within a message",
                masked(TEXT, b"{\"type\":\"ping\",\"data\":\"\xc3\x28\"}"),
            ),
            ("a surrogate", masked(TEXT, b"\xed\xa0\x80")),
            ("overlong", masked(TEXT, b"\xc0\xaf")),
            ("cut short", masked(TEXT, b"{}\xf0\x9f\xa6")),
            (
                "cut short at the end of the last fragment",
                [masked(0x01, b"{}"), masked(0x80, b"\xf0\x9f")].concat(),
            ),
        ],
    );
}

#[test]
fn a_message_above_the_limit_is_1009() {
    let most = 32 * 1024;
    let mut announced = masked(0x82, &[0; 200]);
    // A header that announces 2^40 bytes: refused before they come.
    announced.splice(1..4, [0x80 | 127, 0, 0, 1, 0, 0, 0, 0, 0]);
    assert_all_closed(
        1009,
        &[
            ("one frame", masked(TEXT, &vec![b' '; most + 1])),
            (
                "fragments",
                [masked(0x01, &vec![b' '; most]), masked(0x80, b" ")].concat(),
            ),
            ("announced", announced),
        ],
    );
}

/// A length with the highest bit set is against RFC 6455 section 5.2, and too large as well.
#[test]
fn an_absurd_length_ends_the_connection() {
    let fixture = Fixture::new(&[]);
    let mut raw = fixture.raw();
    raw.text();
    let header = [
        0x82,
        0x80 | 127,
        0xff,
        0xff,
        0xff,
        0xff,
        0xff,
        0xff,
        0xff,
        0xff,
        1,
        2,
        3,
        4,
    ];
    raw.send(&header);
    let (code, _) = raw.until_close();
    assert!([1002, 1009].contains(&code), "{code}");
}

/// A client that neither answers the close frame nor disconnects is dropped.
#[test]
fn the_closing_handshake_is_not_waited_for_forever() {
    let fixture = Fixture::new(&[]);
    let mut raw = fixture.raw();
    raw.text();
    raw.send(&frame(TEXT, None, b"{}"));
    assert_eq!(raw.until_close().0, 1002);
    assert_eq!(raw.frame(), None);
}

/// The same after `ready`: the shell goes too.
#[test]
fn a_violation_ends_the_shell() {
    let fixture = Fixture::new(&[]);
    let mut raw = fixture.raw();
    raw.send_frame(TEXT, br#"{"type":"auth","username":"u"}"#);
    while raw.text()["type"] != "ready" {}
    raw.send(&frame(0x82, None, b"not masked"));
    assert_closed(&mut raw, 1002, "after ready");
    fixture.ssh.wait_received(&super::common::Received::Gone);
    assert_eq!(fixture.ssh.input(), b"");
}

#[test]
fn fragments_make_one_message_and_control_may_stand_between() {
    let fixture = Fixture::new(&[]);
    let mut raw = fixture.raw();
    raw.text();
    let text = r#"{"type":"ping","data":"🦀 in pieces"}"#.as_bytes();
    // Cut within the character.
    let (head, tail) = text.split_at(text.iter().position(|b| *b == 0xf0).unwrap() + 2);
    raw.send_frame(0x01, head);
    raw.send_frame(PING, &[b'p'; 125]);
    raw.send_frame(0x00, b"");
    raw.send_frame(0x80, tail);
    let pong = raw.frame().unwrap();
    assert_eq!((pong.first, pong.payload), (0x8a, vec![b'p'; 125]));
    assert_eq!(raw.text()["data"], "🦀 in pieces");
    // One byte at a time.
    for byte in masked(TEXT, br#"{"type":"ping","data":"slow"}"#) {
        raw.send(&[byte]);
    }
    assert_eq!(raw.text()["data"], "slow");
    // A pong nobody asked for means nothing (RFC 6455 section 5.5.3).
    raw.send_frame(0x8a, b"unasked");
    raw.send_frame(TEXT, br#"{"type":"ping","data":"after"}"#);
    assert_eq!(raw.text()["data"], "after");
}

#[test]
fn a_close_frame_is_answered_and_ends_both_sides() {
    let fixture = Fixture::new(&[]);
    for payload in [
        &b""[..],
        b"\x03\xe8",
        b"\x03\xe8bye",
        b"\x03\xe9going away",
        b"\x0f\xa0own code",
    ] {
        let mut raw = fixture.raw();
        raw.send_frame(TEXT, br#"{"type":"auth","username":"u"}"#);
        while raw.text()["type"] != "ready" {}
        raw.send_frame(CLOSE, payload);
        let answer = raw.frame().expect("an answer to the close frame");
        let code = answer.as_close().expect("a close frame").0;
        let sent = payload.first_chunk().map(|code| u16::from_be_bytes(*code));
        assert_eq!(code, sent.unwrap_or(1005), "the code is echoed");
        assert_eq!(raw.frame(), None);
    }
    fixture.ssh.wait_count(&super::common::Received::Gone, 5);
}

/// Codes that may not stand in a frame (RFC 6455 section 7.4).
#[test]
fn a_close_frame_with_a_forbidden_code_is_1002() {
    let fixture = Fixture::new(&[]);
    for code in [0_u16, 999, 1004, 1005, 1006, 1015, 1016, 2999, 5000, 65_535] {
        let mut raw = fixture.raw();
        raw.text();
        raw.send_frame(CLOSE, &code.to_be_bytes());
        assert_eq!(raw.until_close().0, 1002, "{code}");
    }
}
