//! Frames that break RFC 6455, before and after `auth`, in both dialects.

use crate::common::raw::{Raw, frame};
use crate::common::{Fixture, Options, Received};
use serde_json::Value;

const TEXT: u8 = 0x81;
const BINARY: u8 = 0x82;
const CLOSE: u8 = 0x88;
const PING: u8 = 0x89;
const PONG: u8 = 0x8a;

/// `websocket.read_limit`.
const MOST: usize = 32 * 1024;

fn masked(first: u8, payload: &[u8]) -> Vec<u8> {
    frame(first, Some([9, 8, 7, 6]), payload)
}

/// A masked frame's head with this length in eight bytes, and nothing behind it.
fn announced(first: u8, length: u64) -> Vec<u8> {
    let mut head = vec![first, 0x80 | 127];
    head.extend(length.to_be_bytes());
    head.extend([9, 8, 7, 6]);
    head
}

fn join(frames: &[Vec<u8>]) -> Vec<u8> {
    frames.concat()
}

/// Bytes to send, and the close code; two codes where the RFC leaves a choice.
type Row = (String, Vec<u8>, &'static [u16]);

const FRAMING: &[u16] = &[1002];
const UTF8: &[u16] = &[1007];
const LARGE: &[u16] = &[1009];

fn row(about: impl Into<String>, bytes: Vec<u8>, codes: &'static [u16]) -> Row {
    (about.into(), bytes, codes)
}

/// Masks, reserved bits and reserved opcodes.
fn heads() -> Vec<Row> {
    let mut rows = Vec::new();
    for (name, opcode) in [
        ("text", TEXT),
        ("binary", BINARY),
        ("close", CLOSE),
        ("ping", PING),
        ("pong", PONG),
    ] {
        let bare = frame(opcode, None, b"");
        rows.push(row(format!("{name} without a mask"), bare, FRAMING));
        for (bit, mask) in [
            ("RSV1", 0x40),
            ("RSV2", 0x20),
            ("RSV3", 0x10),
            ("all", 0x70),
        ] {
            let bytes = masked(opcode | mask, b"");
            rows.push(row(format!("{name} with {bit}"), bytes, FRAMING));
        }
    }
    for opcode in [0x3, 0x4, 0x5, 0x6, 0x7, 0xb, 0xc, 0xd, 0xe, 0xf] {
        let bytes = masked(0x80 | opcode, b"");
        rows.push(row(format!("opcode {opcode:x}"), bytes, FRAMING));
    }
    rows
}

/// Control frames that are too long or in fragments, and continuations of nothing.
fn fragments() -> Vec<Row> {
    let mut rows = Vec::new();
    for (name, opcode) in [("close", CLOSE), ("ping", PING), ("pong", PONG)] {
        let long = [&[0x03, 0xe8][..], &[b'x'; 124]].concat();
        let long = masked(opcode, &long);
        rows.push(row(format!("{name} of 126 bytes"), long, FRAMING));
        for length in [0, 125, 126, 65_536, i64::MAX as u64, 1 << 63] {
            let long = announced(opcode, length);
            rows.push(row(
                format!("{name} of {length} bytes, in eight"),
                long,
                FRAMING,
            ));
        }
        let part = masked(opcode & 0x0f, b"\x03\xe8");
        rows.push(row(format!("{name} in fragments"), part, FRAMING));
        let within = join(&[masked(0x01, b"{"), masked(opcode & 0x0f, b"")]);
        rows.push(row(
            format!("{name} in fragments within a text"),
            within,
            FRAMING,
        ));
    }
    let within = |first, then| join(&[masked(first, b"{"), masked(then, b"{}")]);
    let after = join(&[masked(0x02, b"x"), masked(0x80, b"y"), masked(0x80, b"z")]);
    rows.extend([
        row("a continuation of nothing", masked(0x80, b"x"), FRAMING),
        row("one that goes on", masked(0x00, b"x"), FRAMING),
        row("a text within a text", within(0x01, TEXT), FRAMING),
        row("a binary within a text", within(0x01, BINARY), FRAMING),
        row("a text within a binary", within(0x02, 0x01), FRAMING),
        // Before `auth` the whole message comes first: it is a bad one.
        row("a continuation after the last", after, &[1002, 4400]),
    ]);
    rows
}

fn lengths() -> Vec<Row> {
    let mut rows = Vec::new();
    for length in [1 << 63, u64::MAX, (1 << 63) + 5] {
        for (kind, first) in [("text", TEXT), ("binary", BINARY), ("fragment", 0x02)] {
            let bytes = announced(first, length);
            rows.push(row(format!("{kind} of {length:#x} bytes"), bytes, FRAMING));
        }
    }
    // The shortest form is a must.
    for length in [0, 1, 125, 126, 65_535] {
        let bytes = announced(BINARY, length);
        let codes = if length > MOST as u64 { LARGE } else { FRAMING };
        rows.push(row(format!("{length} in eight bytes"), bytes, codes));
    }
    for length in [0_u8, 1, 125] {
        let bytes = vec![TEXT, 0x80 | 126, 0, length, 9, 8, 7, 6];
        rows.push(row(format!("{length} in two bytes"), bytes, FRAMING));
    }
    // The header alone is refused, whatever the payload is.
    for (about, first, second) in [
        ("no mask", BINARY, 126),
        ("RSV1", 0xc2, 0xfe),
        ("opcode 3", 0x83, 0xfe),
        ("a continuation of nothing", 0x80, 0xfe),
    ] {
        let bytes = vec![first, second, 0x40, 0];
        rows.push(row(format!("{about}, before its payload"), bytes, FRAMING));
    }
    for length in [MOST as u64 + 1, 1 << 31, 1 << 32, 1 << 40, i64::MAX as u64] {
        let bytes = announced(BINARY, length);
        rows.push(row(format!("a length of {length}"), bytes, LARGE));
    }
    let whole = masked(TEXT, &vec![b' '; MOST + 1]);
    let pieces = join(&[masked(0x01, &vec![b' '; MOST]), masked(0x80, b" ")]);
    rows.push(row("a byte above the limit", whole, LARGE));
    rows.push(row("a byte above the limit, in fragments", pieces, LARGE));
    rows
}

fn not_utf8() -> Vec<Row> {
    let texts: [(&str, &[u8]); 10] = [
        ("a lone continuation byte", b"\x80"),
        ("a byte that never is", b"\xff"),
        ("an overlong slash", b"\xc0\xaf"),
        ("an overlong NUL", b"\xc0\x80"),
        ("three bytes overlong", b"\xe0\x80\xaf"),
        ("a surrogate", b"\xed\xa0\x80"),
        ("above U+10FFFF", b"\xf4\x90\x80\x80"),
        ("five bytes", b"\xf8\x88\x80\x80\x80"),
        ("cut short", b"{}\xf0\x9f\xa6"),
        (
            "within a message",
            b"{\"type\":\"ping\",\"data\":\"\xc3\x28\"}",
        ),
    ];
    let whole = texts.map(|(about, text)| row(format!("text: {about}"), masked(TEXT, text), UTF8));
    let mut rows = Vec::from(whole);
    let bad = join(&[masked(0x01, b"\xf0\x9f"), masked(0x80, b"\x28\x80")]);
    rows.push(row("text: bad across fragments", bad, UTF8));
    let last = masked(0x80, b"\xe2\x82");
    let cut = join(&[masked(0x01, b"{}"), masked(0x00, b""), last]);
    rows.push(row("text: cut short in the last fragment", cut, UTF8));
    rows
}

/// Start of the names of whole close frames whose code may not stand there (RFC 6455 section 7.4).
const FORBIDDEN: &str = "close with the code";

fn closes() -> Vec<Row> {
    let codes = [
        0_u16, 1, 999, 1004, 1005, 1006, 1015, 1016, 1100, 2999, 5000, 65_535,
    ];
    let with = |code: u16| masked(CLOSE, &code.to_be_bytes());
    let codes = codes.map(|code| row(format!("{FORBIDDEN} {code}"), with(code), FRAMING));
    let mut rows = Vec::from(codes);
    rows.push(row("close of one byte", masked(CLOSE, b"\x03"), FRAMING));
    for reason in [
        &b"\x03\xe8\xff"[..],
        b"\x03\xe8\xc0\xaf",
        b"\x03\xe8ab\xed\xa0\x80",
    ] {
        let about = format!("close with the reason {reason:x?}");
        rows.push(row(about, masked(CLOSE, reason), &[1007, 1002]));
    }
    rows
}

/// Words for the close codes in the `error` before.
const WORDS: [(u16, &str); 4] = [
    (1002, "websocket-protocol"),
    (1007, "not-utf8"),
    (1009, "too-large"),
    (4400, "bad-message"),
];

/// The close code of the server's last frame, and the word before; after it nothing comes.
fn end(raw: &mut Raw, about: &str) -> (u16, Value) {
    let mut word = Value::Null;
    let (code, reason) = loop {
        let frame = raw.frame().expect("a close frame before the end");
        if let Some(close) = frame.as_close() {
            break close;
        }
        let text: Value = serde_json::from_slice(&frame.payload).unwrap();
        word = text["code"].clone();
    };
    assert!(!reason.is_empty(), "{about}");
    // A client that says no more is not waited for.
    raw.tcp().shutdown(std::net::Shutdown::Write).unwrap();
    assert_eq!(raw.frame(), None, "{about}");
    (code, word)
}

#[test]
fn violations_of_rfc_6455_close_with_their_code() {
    let limit = format!("websocket.read_limit={MOST}");
    let fixture = Fixture::new(&[&limit, "limits.max_connections_per_host=1000"]);
    let all = [heads(), fragments(), lengths(), not_utf8(), closes()];
    let rows: Vec<Row> = all.into_iter().flatten().collect();
    let mut wrong = Vec::new();
    for (about, bytes, codes) in &rows {
        let mut greeted = fixture.raw();
        greeted.text();
        let ready = fixture.raw_ready();
        let (addr, path) = (fixture.bridge.addr(), fixture.path());
        let compatible = Raw::upgrade(addr, &path, &Options::compatible());
        for (when, mut raw) in [
            ("first", greeted),
            ("ready", ready),
            ("compatible", compatible),
        ] {
            // There a message has no limit: it is taken in pieces (`protocol_compat`).
            if when == "compatible" && *codes == LARGE {
                continue;
            }
            raw.send(bytes);
            let (got, word) = end(&mut raw, about);
            // The compatible dialect has no texts, and an answer to a close frame follows none.
            let silent = when == "compatible" || about.starts_with(FORBIDDEN);
            let expected = WORDS.iter().find(|row| row.0 == got && !silent);
            let right = word.as_str() == expected.map(|row| row.1);
            if !codes.contains(&got) || !right {
                wrong.push(format!("{about}, {when}: {got} {word}"));
            }
        }
    }
    assert!(
        wrong.is_empty(),
        "{} of {}:\n{}",
        wrong.len(),
        rows.len(),
        wrong.join("\n")
    );
    println!("{} violations, each at three moments", rows.len());
    // The shells go too.
    fixture.ssh.wait_count(&Received::Gone, rows.len());
    assert_eq!(fixture.ssh.input(), b"xy");
}
