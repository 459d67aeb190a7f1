//! Search of the bridge's memory for parts of private keys after their sessions, in each form in
//! which the keys were in memory.

use crate::common::fixture::path_to;
use crate::common::{Admin, Bridge, Client, KeyPair, Options, Sshd, account, fixture};
use russh::keys::PrivateKey;
use russh::keys::ssh_key::Mpint;
use russh::keys::ssh_key::private::KeypairData;
use serde_json::json;
use std::fs::File;
use std::os::unix::fs::FileExt as _;

const PASSPHRASE: &str = "canary-passphrase-Tq95mn-Lw31xv";

/// Every readable byte of the process, mapping by mapping, with the mapping's line.
fn memory(pid: u32) -> Vec<(String, Vec<u8>)> {
    let maps = std::fs::read_to_string(format!("/proc/{pid}/maps")).unwrap();
    let memory = File::open(format!("/proc/{pid}/mem")).unwrap();
    let mut found = Vec::new();
    for line in maps.lines().filter(|line| line.contains(" rw")) {
        let (start, rest) = line.split_once('-').unwrap();
        let end = rest.split_once(' ').unwrap().0;
        let number = |text| u64::from_str_radix(text, 16).unwrap();
        let (start, end) = (number(start), number(end));
        let mut bytes = vec![0; usize::try_from(end - start).unwrap()];
        // Some mappings of the kernel's cannot be read.
        if memory.read_exact_at(&mut bytes, start).is_ok() {
            found.push((line.to_owned(), bytes));
        }
    }
    assert!(!found.is_empty());
    found
}

/// Returns the bytes that must not be there, by name: parts of the text that was sent, and of the
/// numbers in it, in both byte orders.
fn traces(text: &str) -> Vec<(String, Vec<u8>)> {
    let mut traces = Vec::new();
    let lines: Vec<&str> = text.lines().filter(|l| !l.starts_with("-----")).collect();
    // The first lines hold the public key.
    for (index, line) in lines.iter().enumerate().skip(lines.len() / 2) {
        if line.len() >= 32 {
            traces.push((format!("line {index} of the text"), line[..32].into()));
        }
    }
    if let Ok(key) = PrivateKey::from_openssh(text) {
        let key = if key.is_encrypted() {
            key.decrypt(PASSPHRASE).unwrap()
        } else {
            key
        };
        let numbers: Vec<(&str, Vec<u8>)> = match key.key_data() {
            KeypairData::Ed25519(pair) => vec![("seed", pair.private.as_ref().to_vec())],
            KeypairData::Ecdsa(pair) => vec![("scalar", pair.private_key_bytes().to_vec())],
            KeypairData::Rsa(pair) => {
                let private = pair.private();
                let numbers = [("d", private.d()), ("p", private.p()), ("q", private.q())];
                let bytes = |(name, number): (_, &Mpint)| {
                    (name, number.as_positive_bytes().unwrap().to_vec())
                };
                numbers.map(bytes).into()
            }
            _ => panic!("another kind of key"),
        };
        for (name, mut number) in numbers {
            // The middle: ends are where allocators write.
            let part = |number: &[u8]| {
                let from = number.len() / 2 - 12;
                number[from..from + 24].to_vec()
            };
            traces.push((name.to_owned(), part(&number)));
            number.reverse();
            traces.push((format!("{name}, reversed"), part(&number)));
        }
    }
    traces
}

fn found(memory: &[(String, Vec<u8>)], trace: &[u8]) -> Vec<String> {
    let mut matches = Vec::new();
    for (mapping, bytes) in memory {
        for at in memchr::memmem::find_iter(bytes, trace) {
            let around = &bytes[at.saturating_sub(48)..(at + 64).min(bytes.len())];
            matches.push(format!("{mapping} +{at:x}: {}", around.escape_ascii()));
        }
    }
    matches
}

#[test]
fn nothing_of_a_private_key_is_left_when_its_session_is_over() {
    let sshd = Sshd::start();
    let bridge = fixture::bridge_to(&[sshd.addr()], &["server.shards=1"]);
    let keys = [
        (&["-t", "ed25519"][..], ""),
        (&["-t", "ed25519", "-a", "4"], PASSPHRASE),
        (&["-t", "ecdsa"], ""),
        (&["-t", "rsa", "-b", "2048"], ""),
        (&["-t", "rsa", "-b", "2048"], PASSPHRASE),
        (&["-t", "rsa", "-b", "2048", "-m", "PEM"], ""),
        (&["-t", "rsa", "-b", "2048", "-m", "PKCS8"], PASSPHRASE),
    ];
    let mut all = Vec::new();
    // Many of RSA: most of the memory that a library frees unwiped is overwritten by chance.
    let rsa = std::iter::repeat_n(keys[4], 8);
    for (args, passphrase) in keys.into_iter().chain(rsa) {
        let key = KeyPair::generate(args, passphrase);
        sshd.authorise(&key);
        session(&bridge, &sshd, &key, passphrase);
        for (name, trace) in traces(&key.private_pem()) {
            all.push((format!("{args:?} {passphrase:?}, {name}"), trace));
        }
    }
    all.push(("passphrase".to_owned(), PASSPHRASE.into()));
    Admin::of(&bridge).wait_empty();
    let memory = memory(bridge.pid());
    let mut left = Vec::new();
    for (name, trace) in &all {
        for found in found(&memory, trace) {
            left.push(format!("{name} in {found}"));
        }
    }
    assert!(left.is_empty(), "{} copies: {left:#?}", left.len());
    // Checks the search.
    let known = [&b"ssh.max_kdf_rounds"[..], b"PATH="];
    assert!(known.iter().any(|text| !found(&memory, text).is_empty()));
}

fn session(bridge: &Bridge, sshd: &Sshd, key: &KeyPair, passphrase: &str) {
    let mut client = Client::connect(bridge.addr(), &path_to(sshd.addr()), &Options::v1());
    client.auth_v1(&json!({
        "username": account().user,
        "private_key": key.private_pem(),
        "passphrase": passphrase,
        "command": "true",
    }));
    client.wait_type("exit");
    client.until_close();
}
