#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a failed assertion is a failed test"
)]

use super::*;

/// Text and version line.
type Wanted<'a> = Result<(&'a str, &'a [u8]), NoVersion>;

/// Text, version line and the bytes behind it, pushed in pieces of `size`.
fn read(bytes: &[u8], size: usize) -> Result<(String, Vec<u8>, Vec<u8>), NoVersion> {
    let mut identification = Identification::default();
    let mut at = 0;
    let mut version = None;
    while version.is_none() && at < bytes.len() {
        let end = bytes.len().min(at + size);
        let (used, found) = identification.push(&bytes[at..end])?;
        at += used;
        version = found;
    }
    assert_eq!(identification.is_found(), version.is_some());
    let rest = &bytes[at..];
    let rest = &rest[Identification::rest_of_line_end(rest)..];
    Ok((
        identification.take_text().0,
        version.unwrap_or_default(),
        rest.to_vec(),
    ))
}

/// In one piece, byte by byte, and in between.
fn check(bytes: &[u8], wanted: &Wanted<'_>) {
    for size in [1, 2, 3, 7, bytes.len()] {
        let packet = [bytes, b"\0\0\x02\x7cpacket"].concat();
        let got = read(&packet, size);
        match wanted {
            Ok((text, version)) => {
                let (got_text, got_version, rest) = got.unwrap();
                let escaped = bytes.escape_ascii();
                assert_eq!(got_text, *text, "{size}: {escaped}");
                assert_eq!(
                    got_version,
                    [*version, b"\r\n"].concat(),
                    "{size}: {escaped}"
                );
                assert_eq!(rest, b"\0\0\x02\x7cpacket", "{size}: {escaped}");
            }
            Err(problem) => assert_eq!(got.as_ref(), Err(problem), "{size}"),
        }
    }
}

#[test]
fn version_lines_are_found_however_they_end() {
    for end in ["\r\n", "\n", "\r", "\r\r\n", "\n\r\n"] {
        check(
            format!("SSH-2.0-OpenSSH_10.0{end}").as_bytes(),
            &Ok(("", b"SSH-2.0-OpenSSH_10.0")),
        );
    }
    let longest = format!("SSH-2.0-{}", "x".repeat(MAX_VERSION - 8));
    let too_long = format!("{longest}x\r\n");
    let table: &[(&[u8], Wanted<'_>)] = &[
        (b"SSH-1.99-Cisco-1.25\n", Ok(("", b"SSH-1.99-Cisco-1.25"))),
        (b"SSH-2.0-\r\n", Ok(("", b"SSH-2.0-"))),
        (b"SSH-2.0-a b c \r\n", Ok(("", b"SSH-2.0-a b c "))),
        (b"SSH-2.0-nul\0\r\n", Ok(("", b"SSH-2.0-nul\0"))),
        (too_long.as_bytes(), Err(NoVersion::TooLong)),
        (b"SSH-2.0-caf\xe9\r\n", Err(NoVersion::NotUtf8)),
        (
            b"SSH-1.5-Cisco-1.25\r\n",
            Err(NoVersion::OtherVersion("SSH-1.5-Cisco-1.25".to_owned())),
        ),
    ];
    for (bytes, wanted) in table {
        check(bytes, wanted);
    }
    check(
        format!("{longest}\r\n").as_bytes(),
        &Ok(("", longest.as_bytes())),
    );
}

#[test]
fn text_before_the_version_line_is_kept_line_by_line() {
    let many = "Welcome to the machine.\r\n".repeat(1000);
    let lines = many.replace('\r', "");
    let long = "x".repeat(10_000);
    let version: &[u8] = b"SSH-2.0-x";
    for (text, wanted) in [
        (many.as_bytes(), lines.as_str()),
        (format!("{long}\n").as_bytes(), format!("{long}\n").as_str()),
        (b"Use of SSH- is logged\r\n", "Use of SSH- is logged\n"),
        (
            b"SSH- is logged\r\nSSH-Server 3\n",
            "SSH- is logged\nSSH-Server 3\n",
        ),
        (b" SSH-2.0-no\r\n", " SSH-2.0-no\n"),
        (b"old\rmac\r", "old\nmac\n"),
        (b"\r\n\n\r\n", "\n\n\n"),
        (b"caf\xe9\r\ncaf\xc3\xa9\n", "caf\u{e9}\ncaf\u{e9}\n"),
        (b"nul\0l\n", "nul\0l\n"),
    ] {
        check(&[text, version, b"\r\n"].concat(), &Ok((wanted, version)));
    }
}

#[test]
fn text_before_the_version_line_is_bounded() {
    let mut identification = Identification::default();
    let line = [b'x'; 1023];
    let mut taken = 0;
    let problem = loop {
        match identification.push(&[line.as_slice(), b"\n"].concat()) {
            Ok((used, None)) => taken += used,
            Ok((_, Some(version))) => unreachable!("{version:?}"),
            Err(problem) => break problem,
        }
    };
    assert_eq!(problem, NoVersion::TooMuchText);
    assert_eq!(taken, MAX_TEXT);
    assert_eq!(identification.problem(), Some(&problem));
}

#[test]
fn binary_data_is_recognised_within_a_kilobyte() {
    let mut identification = Identification::default();
    let junk: Vec<u8> = (0..=255_u8).cycle().take(1000).collect();
    assert_eq!(identification.push(&junk), Err(NoVersion::Binary));
}

#[test]
fn a_refusal_text_is_told_from_greetings_of_other_protocols() {
    let refusal = |bytes: &[u8]| {
        let mut identification = Identification::default();
        identification.push(bytes).unwrap();
        identification.refusal_text()
    };
    for (said, wanted) in [
        (&b"Exceeded MaxStartups\r\n"[..], "Exceeded MaxStartups"),
        (b"Not allowed at this time\r\n", "Not allowed at this time"),
        (b"Not allowed at this time", "Not allowed at this time"),
        (b"Server full.\r\n\r\nTry later.", "Server full. Try later."),
        (
            b"zu viele Verbindungen, sp\xe4ter",
            "zu viele Verbindungen, sp\u{e4}ter",
        ),
        (b"2026 sessions are open\n", "2026 sessions are open"),
        (b"", ""),
    ] {
        assert_eq!(refusal(said).as_deref(), Some(wanted));
    }
    for said in [
        &b"HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n"[..],
        b"220 mail.example ESMTP\r\n",
        b"220-FTP\r\n",
        b"* OK IMAP4rev1 ready\r\n",
        b"+OK POP3\r\n",
        b"RFB 003.008\n",
        b"<stream:error/>",
        b"\x15\x03\x03\0\x02\x02\x28",
    ] {
        assert_eq!(refusal(said), None, "{}", said.escape_ascii());
    }
}
