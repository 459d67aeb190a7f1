//! Text before the version line and in place of it, and variants of that line.

use crate::common::{
    Bridge, DEADLINE, Event, HostileServer, Script, ScriptedSsh, SshScript, Sshd, Transcript,
    serve, serve_in_front_of,
};
use crate::{auth_at, bridge_to};
use serde_json::json;
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};

/// Bytes of a server that [`front`] passes on in pieces; its version line is among them.
const IN_PIECES: usize = 512;

/// Listens in front of `server` and sends `text` first, `piece` bytes at a time.
fn front(server: SocketAddr, text: &[u8], piece: usize) -> SocketAddr {
    let text = text.to_vec();
    serve_in_front_of(server, move |mut client| {
        for part in text.chunks(piece) {
            client.write_all(part).unwrap();
        }
        let mut passed = 0;
        move |bytes| {
            let size = if passed < IN_PIECES {
                piece
            } else {
                bytes.len()
            };
            passed += bytes.len();
            let mut parts = bytes.chunks(size);
            parts.try_for_each(|part| client.write_all(part))
        }
    })
}

/// The record of a session of a user without a password.
fn session(bridge: &Bridge, target: SocketAddr) -> Transcript {
    auth_at(bridge, target, &json!({ "username": "u" })).transcript()
}

/// Logs in at `target` and returns the texts of all banners.
fn banners(target: SocketAddr) -> Vec<String> {
    let bridge = bridge_to(&[target], &[]);
    let mut client = auth_at(&bridge, target, &json!({ "username": "u" }));
    let mut banners = Vec::new();
    loop {
        let message = match client.recv() {
            Event::Json(message) => message,
            other => panic!("{other:?} after {banners:?}"),
        };
        match message["type"].as_str().unwrap() {
            "banner" => banners.push(message["text"].as_str().unwrap().to_owned()),
            "ready" => return banners,
            _ => panic!("{message}"),
        }
    }
}

#[test]
fn lines_before_the_version_line_are_a_banner() {
    let ssh = ScriptedSsh::start(SshScript::default());
    let many: String = (0..1000)
        .map(|n| format!("line {n} of the rules\r\n"))
        .collect();
    let long = "x".repeat(8000) + "\r\n";
    let full = format!("{}\n", "y".repeat(1023)).repeat(63);
    for (text, wanted) in [
        (&b"one line\r\n"[..], "one line\n"),
        (many.as_bytes(), &many.replace('\r', "")),
        (long.as_bytes(), &long.replace('\r', "")),
        (full.as_bytes(), &full),
        (
            b"SSH- is for the staff\r\nSSH-users beware\nuse SSH-2.0 here\r\n",
            "SSH- is for the staff\nSSH-users beware\nuse SSH-2.0 here\n",
        ),
        (
            b"Acc\xe8s r\xe9serv\xe9\r\n",
            "Acc\u{e8}s r\u{e9}serv\u{e9}\n",
        ),
        (
            "Zugang f\u{fc}r \u{4eba}\r\n".as_bytes(),
            "Zugang f\u{fc}r \u{4eba}\n",
        ),
        (b"old\rline ends\r", "old\nline ends\n"),
        (b"a\0b\r\n", "a\0b\n"),
        (b"\r\n\r\n", "\n\n"),
        (b"", ""),
    ] {
        for piece in [1, 100, 1 << 20] {
            if piece == 1 && text.len() > 1000 {
                continue;
            }
            let got = banners(front(ssh.addr(), text, piece)).concat();
            assert_eq!(got, wanted, "{piece}: {}", text.escape_ascii());
        }
    }
}

#[test]
fn version_lines_of_real_equipment_are_accepted() {
    let longest: &'static str = format!("SSH-2.0-{}\r\n", "v".repeat(245)).leak();
    for version in [
        "SSH-2.0-x\n",
        "SSH-2.0-x\r",
        "SSH-2.0-x\r\r\n",
        "SSH-1.99-Cisco-1.25\r\n",
        "SSH-2.0-x with a comment \r\n",
        "SSH-2.0-nul\0\r\n",
        "SSH-2.0-\r\n",
        longest,
    ] {
        let version = Some(version);
        let script = SshScript {
            version,
            ..SshScript::default()
        };
        let ssh = ScriptedSsh::start(script);
        for piece in [1, 1 << 20] {
            let front = front(ssh.addr(), b"hi\r\n", piece);
            assert_eq!(banners(front), ["hi\n"], "{version:?}");
        }
        assert_eq!(banners(ssh.addr()), [""; 0], "{version:?}");
    }
}

/// Checks the error of a session with a server that sends `said`; returns a report if it is wrong.
fn expect(said: &'static [u8], code: &str, retryable: bool, words: &str) -> Option<String> {
    let hostile = HostileServer::start(Script::SayThenEnd(said));
    let bridge = bridge_to(&[hostile.addr()], &[]);
    let transcript = session(&bridge, hostile.addr());
    let error = transcript.one("error");
    let right = error["code"] == code
        && error["retryable"] == retryable
        && error["stage"] == "handshake"
        && error["message"].as_str().unwrap().contains(words);
    bridge.wait_stderr(words, DEADLINE);
    (!right).then(|| format!("{}: {transcript:#?}", said.escape_ascii()))
}

#[test]
fn text_in_place_of_a_version_line_is_reported() {
    let refused = "server-refused";
    let table: &[(&'static [u8], &str, bool, &str)] = &[
        (
            b"Exceeded MaxStartups\r\n",
            refused,
            true,
            "Exceeded MaxStartups",
        ),
        (
            b"Not allowed at this time\r\n",
            refused,
            true,
            "Not allowed at this time",
        ),
        (b"Server is full", refused, true, "Server is full"),
        (
            b"\x1b[31mlater\r\nplease\n",
            refused,
            true,
            "\\u{1b}[31mlater please",
        ),
        (b"occup\xe9\r\n", refused, true, "occup\u{e9}"),
        (b"", refused, true, "said nothing"),
        (
            b"HTTP/1.1 400 Bad Request\r\n\r\n",
            "not-ssh",
            false,
            "does not speak SSH",
        ),
        (
            b"220 mail.example ESMTP\r\n",
            "not-ssh",
            false,
            "does not speak SSH",
        ),
        (
            b"\x15\x03\x01\0\x02\x02\x46",
            "not-ssh",
            false,
            "does not speak SSH",
        ),
        (
            b"SSH-1.5-Cisco-1.25\n",
            "ssh-version",
            false,
            "SSH-1.5-Cisco-1.25",
        ),
        (
            b"SSH-2.0-caf\xe9\r\n",
            "not-utf8-from-server",
            false,
            "UTF-8",
        ),
    ];
    let wrong: Vec<_> = table
        .iter()
        .filter_map(|(said, code, retryable, words)| expect(said, code, *retryable, words))
        .collect();
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    let long = format!("SSH-2.0-{}\r\n", "v".repeat(300)).leak().as_bytes();
    assert_eq!(
        expect(long, "server-misbehaved", false, "longer than 255 bytes"),
        None
    );
}

#[test]
fn text_before_a_reset_is_reported() {
    let target = serve(|mut client| {
        client.write_all(b"Not allowed at this time\r\n").unwrap();
        // What is unread when the socket is closed makes it a reset.
        client.peek(&mut [0]).unwrap();
    });
    let bridge = bridge_to(&[target], &[]);
    let transcript = session(&bridge, target);
    let error = transcript.one("error");
    assert_eq!(error["code"], "server-refused", "{error}");
    let message = error["message"].as_str().unwrap();
    assert!(message.contains("Not allowed at this time"), "{message}");
}

#[test]
fn uniform_errors_hide_the_servers_text() {
    let hostile = HostileServer::start(Script::SayThenEnd(b"Exceeded MaxStartups\r\n"));
    let bridge = bridge_to(&[hostile.addr()], &["targets.uniform_errors=true"]);
    let transcript = session(&bridge, hostile.addr());
    let error = transcript.one("error");
    assert_eq!(error["code"], "unreachable", "{error}");
    assert!(
        !format!("{transcript:?}").contains("MaxStartups"),
        "{transcript:?}"
    );
    bridge.wait_stderr("Exceeded MaxStartups", DEADLINE);
}

/// A real sshd with too many connections that are not logged in.
#[test]
fn a_full_sshd_is_reported_as_a_refusal() {
    let sshd = Sshd::with(&["MaxStartups 1:100:1"]);
    let mut held = TcpStream::connect(sshd.addr()).unwrap();
    held.read_exact(&mut [0; 4]).unwrap();
    let bridge = bridge_to(&[sshd.addr()], &[]);
    let transcript = session(&bridge, sshd.addr());
    let error = transcript.one("error");
    assert_eq!(error["code"], "server-refused", "{error}");
    assert_eq!(error["retryable"], true, "{error}");
}

/// After the version line it is retryable.
#[test]
fn an_end_within_the_key_exchange_is_a_lost_connection() {
    for said in [&b"SSH-2.0-x\r\n"[..], b"SSH-2.0-x\r\n\0\0\x02"] {
        let hostile = HostileServer::start(Script::SayThenEnd(said));
        let bridge = bridge_to(&[hostile.addr()], &[]);
        let transcript = session(&bridge, hostile.addr());
        let error = transcript.one("error");
        assert_eq!(error["code"], "connection-lost", "{error}");
        assert_eq!(error["stage"], "handshake", "{error}");
        assert_eq!(error["retryable"], true, "{error}");
        let bridge = bridge_to(&[hostile.addr()], &["targets.uniform_errors=true"]);
        let transcript = session(&bridge, hostile.addr());
        assert_eq!(transcript.one("error")["code"], "unreachable");
    }
}
