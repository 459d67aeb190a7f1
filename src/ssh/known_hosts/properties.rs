//! Hostile files never panic, and no line but the key's own makes it known.

use super::index::KnownHosts;
use super::record::HostKeyVerdict;
use proptest::prelude::*;
use russh::keys::ssh_key::private::Ed25519Keypair;
use russh::keys::{PrivateKey, PublicKey};

fn key() -> PublicKey {
    let pair = Ed25519Keypair::from_seed(&[7; 32]);
    PrivateKey::from(pair).public_key().clone()
}

/// `algorithm base64`.
fn written() -> String {
    let line = key().to_openssh().unwrap_or_default();
    let mut fields = line.split(' ');
    let both = [fields.next(), fields.next()];
    both.map(Option::unwrap_or_default).join(" ")
}

/// Host fields, good and bad.
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
    fn any_file_is_answered(
        lines in prop::collection::vec(any_line(), 0..8),
        host in any_hosts(),
        port in any::<u16>(),
    ) {
        let text = lines.join(&b'\n');
        let hosts = KnownHosts::parse(&text);
        for host in [host.as_str(), "host.example"] {
            let verdict = hosts.record(host, port).check(&key());
            let _ = hosts.record(host, port).algorithms();
            if verdict == HostKeyVerdict::Known {
                let own = written().into_bytes();
                prop_assert!(text.windows(own.len()).any(|w| w == own), "{verdict:?}");
            }
        }
    }
}
