//! Frames that break RFC 6455, before and after `auth`, in both dialects.

use crate::common::raw::{Raw, frame};
use crate::common::{Options, Scene};

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

/// What is sent, and the close code; where the RFC leaves a choice, both are there.
fn rows() -> Vec<(String, Vec<u8>, &'static [u16])> {
    let mut rows: Vec<(String, Vec<u8>, &'static [u16])> = Vec::new();
    let mut add = |about: &str, bytes: Vec<u8>, codes| rows.push((about.to_owned(), bytes, codes));
    const FRAMING: &[u16] = &[1002];
    const UTF8: &[u16] = &[1007];
    const LARGE: &[u16] = &[1009];
    for (name, opcode) in [
        ("text", TEXT),
        ("binary", BINARY),
        ("close", CLOSE),
        ("ping", PING),
        ("pong", PONG),
    ] {
        add(
            &format!("{name} without a mask"),
            frame(opcode, None, b""),
            FRAMING,
        );
        for (bit, mask) in [
            ("RSV1", 0x40),
            ("RSV2", 0x20),
            ("RSV3", 0x10),
            ("all three", 0x70),
        ] {
            add(
                &format!("{name} with {bit}"),
                masked(opcode | mask, b""),
                FRAMING,
            );
        }
    }
    for opcode in [0x3, 0x4, 0x5, 0x6, 0x7, 0xb, 0xc, 0xd, 0xe, 0xf] {
        add(
            &format!("opcode {opcode:x}"),
            masked(0x80 | opcode, b""),
            FRAMING,
        );
    }
    for (name, opcode) in [("close", CLOSE), ("ping", PING), ("pong", PONG)] {
        let long = [0x03_u8, 0xe8]
            .into_iter()
            .chain([b'x'; 124])
            .collect::<Vec<u8>>();
        add(
            &format!("{name} of 126 bytes"),
            masked(opcode, &long),
            FRAMING,
        );
        add(
            &format!("{name} of 65,536 bytes"),
            announced(opcode, 65_536),
            &[1002, 1009],
        );
        add(
            &format!("{name} in fragments"),
            masked(opcode & 0x0f, b"\x03\xe8"),
            FRAMING,
        );
        let within = join(&[masked(0x01, b"{"), masked(opcode & 0x0f, b"")]);
        add(
            &format!("{name} in fragments within a text"),
            within,
            FRAMING,
        );
    }
    add("a continuation of nothing", masked(0x80, b"x"), FRAMING);
    add(
        "an unfinished continuation of nothing",
        masked(0x00, b"x"),
        FRAMING,
    );
    add(
        "a text within a text",
        join(&[masked(0x01, b"{"), masked(TEXT, b"{}")]),
        FRAMING,
    );
    add(
        "a binary within a text",
        join(&[masked(0x01, b"{"), masked(BINARY, b"x")]),
        FRAMING,
    );
    add(
        "a text within a binary",
        join(&[masked(0x02, b"x"), masked(0x01, b"{")]),
        FRAMING,
    );
    let after_end = join(&[masked(0x02, b"x"), masked(0x80, b"y"), masked(0x80, b"z")]);
    // Before `auth` the whole message comes first: it is a bad one.
    add("a continuation after the last", after_end, &[1002, 4400]);
    for length in [1 << 63, u64::MAX, (1 << 63) + 5] {
        add(
            &format!("a length of {length:#x}"),
            announced(BINARY, length),
            &[1002, 1009],
        );
    }
    for length in [MOST as u64 + 1, 1 << 31, 1 << 32, 1 << 40, i64::MAX as u64] {
        add(
            &format!("a length of {length}"),
            announced(BINARY, length),
            LARGE,
        );
    }
    add(
        "a byte above the limit",
        masked(TEXT, &vec![b' '; MOST + 1]),
        LARGE,
    );
    let pieces = join(&[masked(0x01, &vec![b' '; MOST]), masked(0x80, b" ")]);
    add("a byte above the limit, in fragments", pieces, LARGE);
    for (about, text) in [
        ("a lone continuation byte", &b"\x80"[..]),
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
    ] {
        add(&format!("text: {about}"), masked(TEXT, text), UTF8);
    }
    let split = join(&[masked(0x01, b"\xf0\x9f"), masked(0x80, b"\x28\x80")]);
    add("text: bad across fragments", split, UTF8);
    let split = join(&[
        masked(0x01, b"{}"),
        masked(0x00, b""),
        masked(0x80, b"\xe2\x82"),
    ]);
    add("text: cut short in the last fragment", split, UTF8);
    for code in [
        0_u16, 1, 999, 1004, 1005, 1006, 1015, 1016, 1100, 2999, 5000, 65_535,
    ] {
        add(
            &format!("close with {code}"),
            masked(CLOSE, &code.to_be_bytes()),
            FRAMING,
        );
    }
    add("close of one byte", masked(CLOSE, b"\x03"), FRAMING);
    for reason in [
        &b"\x03\xe8\xff"[..],
        b"\x03\xe8\xc0\xaf",
        b"\x03\xe8ab\xed\xa0\x80",
    ] {
        add(
            &format!("close with the reason {reason:x?}"),
            masked(CLOSE, reason),
            &[1007, 1002],
        );
    }
    rows
}

/// The close code of the server's last frame; after it nothing comes.
fn code(raw: &mut Raw) -> u16 {
    let (code, _) = raw.until_close();
    raw.tcp().shutdown(std::net::Shutdown::Write).unwrap();
    assert_eq!(raw.frame(), None);
    code
}

#[test]
fn violations_of_rfc_6455() {
    let limit = format!("websocket.read_limit={MOST}");
    let scene = Scene::new(&[&limit, "limits.max_connections_per_host=1000"]);
    let rows = rows();
    let mut wrong = Vec::new();
    for (about, bytes, codes) in &rows {
        let mut greeted = scene.raw();
        greeted.text();
        let mut ready = scene.raw();
        ready.send_frame(TEXT, br#"{"type":"auth","username":"u"}"#);
        while ready.text()["type"] != "ready" {}
        let (addr, path) = (scene.bridge.addr(), scene.path());
        let compatible = Raw::upgrade(addr, &path, &Options::compatible());
        for (when, mut raw) in [
            ("first", greeted),
            ("ready", ready),
            ("compatible", compatible),
        ] {
            raw.send(bytes);
            let got = code(&mut raw);
            if !codes.contains(&got) {
                wrong.push(format!("{about}, {when}: {got}"));
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
    assert_eq!(scene.ssh.input(), b"xy");
}
