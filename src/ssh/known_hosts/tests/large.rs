//! Large files: a look-up on a shard is short, whatever the file contains.

use super::*;
use russh::keys::PrivateKey;
use russh::keys::ssh_key::private::Ed25519Keypair;
use std::fmt::Write;

fn key(number: u32) -> String {
    let mut seed = [0; 32];
    seed[..4].copy_from_slice(&number.to_le_bytes());
    let pair = Ed25519Keypair::from_seed(&seed);
    text(&without_comment(PrivateKey::from(pair).public_key()))
}

fn hashed(lines: usize) -> String {
    let mut file = String::new();
    let key = key(0);
    for line in 0..lines {
        // Twenty bytes each; the salt differs.
        let _ = writeln!(file, "|1|{line:026}A=|AAAAAAAAAAAAAAAAAAAAAAAAAAA= {key}");
    }
    file
}

fn parsed(file: &str) -> KnownHosts {
    let known = KnownHosts::parse(file.as_bytes());
    assert_eq!(known.warnings(), (&[][..], 0));
    known
}

#[test]
fn files_with_many_hashes_or_patterns_are_searched_on_workers() {
    let key = key(0);
    let plain = (0..20_000)
        .map(|n| format!("h{n} {key}\n"))
        .collect::<String>();
    let revoked = (0..2000)
        .map(|n| format!("@revoked * {}\n", super::large::key(n)))
        .collect::<String>();
    let wildcards = |n| {
        (0..n)
            .map(|n| format!("*.{n}.example {key}\n"))
            .collect::<String>()
    };
    let one_long = format!("*{} {key}\n", "a*".repeat(4000));
    for (file, quick) in [
        (String::new(), true),
        (plain, true),
        (revoked, true),
        (hashed(1000), true),
        (hashed(2000), false),
        (wildcards(100), true),
        (wildcards(1000), false),
        (one_long, false),
    ] {
        assert_eq!(
            parsed(&file).is_quick(),
            quick,
            "{}",
            &file[..file.len().min(60)]
        );
    }
}

/// The record holds no copy of the list, and a key is found by binary search.
#[test]
fn a_key_is_found_in_a_long_list_of_revoked_keys() {
    let mut file = format!("h {}\n", key(1_000_000));
    for number in 0..20_000 {
        let _ = writeln!(file, "@revoked * {}", key(number));
    }
    let known = parsed(&file);
    let record = known.record("h", 22);
    let of = |number| PublicKey::from_openssh(&key(number)).unwrap();
    assert_eq!(record.check(&of(1_000_000)), Known);
    assert_eq!(record.check(&of(0)), Revoked { line: 2 });
    assert_eq!(record.check(&of(19_999)), Revoked { line: 20_001 });
    assert_eq!(record.check(&of(20_000)), Changed { line: 1 });
    assert_eq!(record.algorithms(), [Algorithm::Ed25519]);
}

/// Adding a key does not copy the file.
#[test]
fn added_keys_are_found_beside_those_of_the_file() {
    let known = parsed(&hashed(100));
    let of = |number| PublicKey::from_openssh(&key(number)).unwrap();
    let more = known
        .with("New.Example.", 2222, &of(1))
        .with("h", 22, &of(2));
    assert_eq!(more.record("new.example", 2222).check(&of(1)), Known);
    assert_eq!(
        more.record("new.example", 2222).check(&of(2)),
        Changed { line: 101 }
    );
    assert_eq!(more.record("h", 22).check(&of(1)), Changed { line: 102 });
    assert_eq!(more.record("h", 2222).check(&of(1)), Unknown);
    assert_eq!((known.lines(), more.lines()), (100, 102));
}
