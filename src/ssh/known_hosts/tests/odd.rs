//! Unusual and damaged lines.

use super::*;

/// Returns `file` with a key in place of `KEY`, another one in place of `OTHER`, and the base64 of
/// the first in place of `BLOB`.
fn written(file: &[u8]) -> Vec<u8> {
    let mut written = file.to_vec();
    let (key, other) = (text(&key(1)), text(&key(2)));
    let blob = key.trim_start_matches("ssh-ed25519 ");
    for (word, text) in [("KEY", &*key), ("OTHER", &other), ("BLOB", blob)] {
        while let Some(at) = written
            .windows(word.len())
            .position(|w| w == word.as_bytes())
        {
            written.splice(at..at + word.len(), text.bytes());
        }
    }
    written
}

fn verdict(file: &[u8], host: &str) -> (HostKeyVerdict, Vec<usize>) {
    let known = KnownHosts::parse(&written(file));
    let (warnings, _) = known.warnings();
    let lines = warnings.iter().map(|w| w.line).collect();
    (known.record(host, 22).check(&key(1)), lines)
}

#[test]
fn a_line_counts_whatever_is_around_it() {
    let long = [b"h KEY ".to_vec(), vec![b'x'; 1 << 20]].concat();
    let names = (0..20_000).map(|n| format!("n{n},"));
    let many = format!("{}h KEY", names.collect::<String>());
    for file in [
        &b"h KEY comment"[..],
        b"h KEY caf\xe9",
        b"h KEY \xff\xfe\x00\x80",
        b"h KEY \0",
        b"h KEY a\0b",
        b"h KEY\r\n",
        b"h KEY\r\r\n",
        b"\xef\xbb\xbfh KEY\n",
        b"# a\n\xef\xbb\xbfh KEY\n",
        b"\xef\xbb\xbf# a\r\nh KEY\r\n",
        b"h\tKEY\n",
        b"\t h \t KEY \t\n",
        b"h KEY # no comment within a comment",
        b"\xe9t\xe9 KEY\nh KEY\n",
        b"# \xff\xfe\nh KEY\n",
        b"\0\nh KEY\n",
        b"h ssh-foo AAAA\nh KEY\n",
        b"h sk-ssh-foo@example.org AAAA\nh KEY\n",
        b"h 1024 35 12345678901234567890\nh KEY\n",
        b"h,\xff OTHER\nh KEY\n",
        b"@cert-authority\th\tOTHER\nh KEY",
        b"  @cert-authority   h   OTHER\nh KEY",
        b"@CERT-AUTHORITY h OTHER\nh KEY",
        b"@ cert-authority h OTHER\nh KEY",
        b"@marker\nh KEY",
        b"H. KEY",
        b"\"h\" OTHER\nh KEY",
        &long,
        many.as_bytes(),
    ] {
        let start = file[..file.len().min(100)].escape_ascii();
        assert_eq!(verdict(file, "h").0, Known, "{start}");
    }
}

#[test]
fn skipped_lines_are_reported() {
    for (file, lines) in [
        (&b"h KEY caf\xe9\n"[..], &[][..]),
        (
            b"# c\n\n  Host.Example,10.0.0.1 KEY\n[::1]:22\tKEY\r\n",
            &[],
        ),
        (
            b"*.lab,!no.lab KEY\n@revoked * KEY\n@cert-authority h KEY\n",
            &[],
        ),
        (b"h\n", &[1]),
        (b"\n# c\nh ssh-ed25519\n", &[3]),
        (b"h\xe9 KEY\n", &[1]),
        (b"h\0 KEY\n", &[1]),
        (b"h ssh-ed25519 AAAA\0\n", &[1]),
        (b"h ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIN\n", &[1]),
        (b"h ssh-rsa BLOB\n", &[1]),
        (b"h ssh-foo AAAA\n", &[1]),
        (b"@unheard\n", &[1]),
        (b"h 1024 35 1234567890\n", &[1]),
        (b"|1|AAAA|AAAA KEY\n", &[1]),
        (b"@x h KEY\n", &[1]),
        (b"@CERT-AUTHORITY h KEY\n", &[1]),
        (b"@cert-authority @cert-authority h KEY\n", &[1]),
        (b"@cert-authority h\nh KEY\n@cert-authority\n", &[1, 3]),
        // Two lines in one: the second is only a comment.
        (b"h KEY\rg OTHER\nh KEY\n", &[1]),
    ] {
        assert_eq!(verdict(file, "h").1, lines, "{}", file.escape_ascii());
    }
    let bad = b"x\n".repeat(5000);
    let known = KnownHosts::parse(&bad);
    let (named, all) = known.warnings();
    assert_eq!((named.len(), all), (100, 5000));
}

#[test]
fn a_revocation_that_cannot_be_read_refuses_every_key_it_may_mean() {
    for (line, refused) in [
        // Read as it was meant.
        (&b"@revoked h KEY"[..], &["h"][..]),
        (b"@revoked\th\tKEY caf\xe9", &["h"]),
        (b"\xef\xbb\xbf@revoked h KEY", &["h"]),
        (b"@revoked h OTHER", &[]),
        // The key cannot be read: any is refused, of these hosts.
        (b"@revoked h", &["h"]),
        (b"@revoked h,g", &["h", "g"]),
        (b"@revoked h ssh-ed25519", &["h"]),
        (b"@revoked h ssh-ed25519 AAAA", &["h"]),
        (b"@revoked h ssh-foo AAAA", &["h"]),
        (b"@revoked h ssh-ed25519 \xff\xff", &["h"]),
        (b"@revoked [h]:22", &[]),
        (b"@revoked *", &["h", "g", "elsewhere"]),
        (b"@revoked *.lab,!x.lab ssh-ed25519 A", &["a.lab"]),
        // The names cannot be read: of all hosts, the key if it can be read.
        (b"@revoked KEY", &["h", "g", "elsewhere"]),
        (b"@revoked |1|AAAA|AAAA KEY", &["h", "elsewhere"]),
        (b"@revoked h\xe9 KEY", &["h", "elsewhere"]),
        (b"@revoked h\0 KEY", &["h", "elsewhere"]),
        (b"@revoked h\xe9 OTHER", &[]),
        (b"@revoked |1|AAAA|AAAA OTHER", &[]),
        (b"@revoked |1|AAAA|AAAA ssh-ed25519", &["h", "elsewhere"]),
        (b"@revoked", &["h", "elsewhere"]),
        (b"@revoked \xff\xff", &["h", "elsewhere"]),
        // The marker is misspelled.
        (b"@REVOKED h KEY", &["h"]),
        (b"@Revoked h KEY", &["h"]),
        (b"@revoke h KEY", &["h"]),
        (b"@revoked: h KEY", &["h"]),
        (b"@revoked\0 h KEY", &["h"]),
        (b"\xc2\xa0@revoked h KEY", &["h"]),
        (b"\0@revoked h KEY", &["h"]),
        (b"\"@revoked h KEY", &["h"]),
        (b"@cert-authority @revoked h KEY", &["h"]),
        (b"@revoked @revoked h KEY", &["h"]),
        // Not a revocation.
        (b"# @revoked h KEY", &[]),
        (b"revoked.example KEY @revoked", &[]),
    ] {
        let file = [&b"h KEY\ng KEY\n"[..], line, b"\n"].concat();
        for host in ["h", "g", "elsewhere", "a.lab", "x.lab"] {
            let (verdict, _) = verdict(&file, host);
            let is_refused = verdict == Revoked { line: 3 };
            let expected = refused.contains(&host) || refused.contains(&"elsewhere");
            let line = line.escape_ascii();
            assert_eq!(is_refused, expected, "{line} {host}: {verdict:?}");
        }
    }
}

#[test]
fn a_revocation_that_cannot_be_read_is_reported_as_such() {
    let known = KnownHosts::parse(&written(b"h\n@revoked h\n@revoked h KEY\n"));
    let (warnings, _) = known.warnings();
    let seen: Vec<_> = warnings.iter().map(|w| (w.line, w.revokes)).collect();
    assert_eq!(seen, [(1, false), (2, true)]);
    // Also behind many others.
    let many = [b"h\n".repeat(1000), b"@revoked h\n".to_vec()].concat();
    let known = KnownHosts::parse(&many);
    let mut warnings = known.warnings().0.iter();
    assert!(warnings.any(|w| w.line == 1001 && w.revokes));
}

#[test]
fn a_revocation_that_cannot_be_read_refuses_authorities_and_certified_keys() {
    let file = written(b"@cert-authority h OTHER\n@revoked h ssh-ed25519 A\n");
    let record = KnownHosts::parse(&file).record("h", 22);
    for (what, key) in [("authority", key(2)), ("certified", key(3))] {
        assert_eq!(record.revoked(key.key_data()), Some(2), "{what}");
    }
}

/// Otherwise every host in it would be unknown, and `accept-new` would accept any key.
#[test]
fn a_file_that_is_not_text_is_an_error() {
    let dir = HostsDir::new();
    let text = String::from_utf8(written(b"h KEY\n@revoked * OTHER\n")).unwrap();
    let utf16 =
        |order: fn(u16) -> [u8; 2]| text.encode_utf16().flat_map(order).collect::<Vec<u8>>();
    let (little, big) = (utf16(u16::to_le_bytes), utf16(u16::to_be_bytes));
    for file in [
        [&b"\xff\xfe"[..], &little].concat(),
        [&b"\xfe\xff"[..], &big].concat(),
        little,
        big,
        text.replace('\n', "\r").into_bytes(),
    ] {
        fs::write(dir.path(), &file).unwrap();
        let failed = Store::start(&dir.path()).unwrap_err().to_string();
        let is_named = failed.contains("save it as UTF-8") || failed.contains("convert them");
        assert!(is_named, "{failed}");
    }
    for file in ["", "\n", "\r\n", "\r", "h", text.trim_end(), &text] {
        fs::write(dir.path(), file).unwrap();
        assert!(KnownHosts::load(&dir.path()).is_ok(), "{file:?}");
    }
}
