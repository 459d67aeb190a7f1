//! Properties of the parser: no file makes it panic, and no line but one with the key makes the key
//! known.

use super::*;
use proptest::prelude::*;

/// Returns `algorithm base64` of the key.
fn written() -> String {
    text(&key(1))
}

/// Returns the verdict of a file on the key.
fn verdict(file: &[u8], host: &str) -> HostKeyVerdict {
    KnownHosts::parse(file).record(host, 22).check(&key(1))
}

/// Valid and invalid host fields.
fn any_hosts() -> impl Strategy<Value = String> {
    prop_oneof![
        Just("host.example".to_owned()),
        Just("[host.example]:2222,192.0.2.1".to_owned()),
        "[a-z*?!,.\\[\\]:0-9]{0,20}",
        "\\|1\\|[A-Za-z0-9+/=]{0,30}\\|[A-Za-z0-9+/=]{0,30}",
        any::<String>(),
    ]
}

fn any_line() -> impl Strategy<Value = Vec<u8>> {
    let marker = prop_oneof![
        4 => Just(""), 1 => Just("@revoked "), 1 => Just("@cert-authority "), 1 => Just("@x "),
        1 => Just("\u{feff}@Revoked\t"), 1 => Just("@cert-authority @revoked "),
    ];
    let of_key = prop_oneof![
        Just(written()),
        Just("ssh-ed25519 AAAA".to_owned()),
        "(ssh-rsa|ssh-ed25519|x) [A-Za-z0-9+/=]{0,80}",
        any::<String>(),
    ];
    let line = (marker, any_hosts(), of_key)
        .prop_map(|(marker, hosts, key)| format!("{marker}{hosts} {key}").into_bytes());
    prop_oneof![
        4 => line,
        1 => prop::collection::vec(any::<u8>(), 0..100),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn a_comment_may_have_any_bytes(comment in prop::collection::vec(any::<u8>(), 0..60)) {
        let comment: Vec<u8> = comment.into_iter().filter(|b| *b != b'\n').collect();
        let line = [b"h ", written().as_bytes(), b" ", &comment].concat();
        prop_assert_eq!(verdict(&line, "h"), Known);
        let line = [b"@revoked ", &line[..]].concat();
        prop_assert_eq!(verdict(&line, "h"), Revoked { line: 1 });
    }

    /// Cut anywhere behind its names, or with any byte of its key removed.
    #[test]
    fn a_damaged_revocation_still_refuses(at in any::<prop::sample::Index>(), cut in any::<bool>()) {
        let (known, start) = (format!("h {}\n", written()), "@revoked h ");
        let mut line = format!("{start}{}", written());
        let at = start.len() + at.index(line.len() - start.len());
        if cut {
            line.truncate(at);
        } else {
            line.remove(at);
        }
        let verdict = verdict(format!("{known}{line}\n").as_bytes(), "h");
        prop_assert_eq!(verdict, Revoked { line: 2 }, "{}", line);
    }

    #[test]
    fn any_file_yields_a_verdict(
        lines in prop::collection::vec(any_line(), 0..8),
        host in any_hosts(),
        port in any::<u16>(),
    ) {
        let text = lines.join(&b'\n');
        let hosts = KnownHosts::parse(&text);
        for host in [host.as_str(), "host.example"] {
            let record = hosts.record(host, port);
            let _ = record.algorithms();
            if record.check(&key(1)) == Known {
                let own = written().into_bytes();
                prop_assert!(text.windows(own.len()).any(|w| w == own), "{host:?}");
            }
        }
    }
}
