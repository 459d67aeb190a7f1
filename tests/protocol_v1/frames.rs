//! Frames that keep to RFC 6455 in unusual ways, and the closing handshake. Those that break it are
//! in `corpus`.

use super::common::raw::frame;
use super::common::{Fixture, Received};

const TEXT: u8 = 0x81;
const PING: u8 = 0x89;
const CLOSE: u8 = 0x88;

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

#[test]
fn fragments_with_control_frames_between_make_one_message() {
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
    for byte in frame(
        TEXT,
        Some([9, 8, 7, 6]),
        br#"{"type":"ping","data":"slow"}"#,
    ) {
        raw.send(&[byte]);
    }
    assert_eq!(raw.text()["data"], "slow");
    // An unsolicited pong has no effect (RFC 6455 section 5.5.3).
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
        let mut raw = fixture.raw_ready();
        raw.send_frame(CLOSE, payload);
        let answer = raw.frame().expect("an answer to the close frame");
        let code = answer.as_close().expect("a close frame").0;
        let sent = payload.first_chunk().map(|code| u16::from_be_bytes(*code));
        assert_eq!(code, sent.unwrap_or(1005), "the code is echoed");
        assert_eq!(raw.frame(), None);
    }
    fixture.ssh.wait_count(&Received::Gone, 5);
}
