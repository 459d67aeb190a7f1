//! Large files: a look-up on a shard is short, whatever the file contains.

use super::*;

fn hashed(lines: usize) -> String {
    let key = text(&key(0));
    // Twenty bytes each; the salt differs.
    let line = |line| format!("|1|{line:026}A=|AAAAAAAAAAAAAAAAAAAAAAAAAAA= {key}\n");
    (0..lines).map(line).collect()
}

/// Returns `@revoked` lines for the keys of these numbers.
fn revoked(count: u32) -> String {
    (0..count)
        .map(|number| format!("@revoked * {}\n", text(&key(number))))
        .collect()
}

fn parsed(file: &str) -> KnownHosts {
    let known = KnownHosts::parse(file.as_bytes());
    assert_eq!(known.warnings(), (&[][..], 0));
    known
}

#[test]
fn files_with_many_hashes_or_patterns_are_searched_on_workers() {
    let key = text(&key(0));
    let names = |start: &str, count| {
        let line = |n| format!("{start}{n} {key}\n");
        (0..count).map(line).collect::<String>()
    };
    let one_long = format!("*{} {key}\n", "a*".repeat(4000));
    for (file, quick) in [
        (String::new(), true),
        (names("h", 20_000), true),
        (revoked(2000), true),
        (hashed(1000), true),
        (hashed(2000), false),
        (names("*.example", 100), true),
        (names("*.example", 1000), false),
        (one_long, false),
    ] {
        let start = file.get(..60).unwrap_or_default();
        assert_eq!(parsed(&file).is_quick(), quick, "{start}");
    }
}

/// The record holds no copy of the list, and a key is found by binary search.
#[test]
fn a_key_is_found_in_a_long_list_of_revoked_keys() {
    let file = format!("h {}\n{}", text(&key(1_000_000)), revoked(20_000));
    let record = parsed(&file).record("h", 22);
    for (number, expected) in [
        (1_000_000, Known),
        (0, Revoked { line: 2 }),
        (19_999, Revoked { line: 20_001 }),
        (20_000, Changed { line: 1 }),
    ] {
        assert_eq!(record.check(&key(number)), expected, "{number}");
    }
    assert_eq!(record.algorithms(), [Algorithm::Ed25519]);
}

/// Adding a key does not copy the file.
#[test]
fn added_keys_are_found_beside_those_of_the_file() {
    let known = parsed(&hashed(100));
    let more = known.with("New.Example.", 2222, &key(1));
    let more = more.with("h", 22, &key(2));
    for (host, port, number, expected) in [
        ("new.example", 2222, 1, Known),
        ("new.example", 2222, 2, Changed { line: 101 }),
        ("h", 22, 1, Changed { line: 102 }),
        ("h", 2222, 1, Unknown),
    ] {
        let verdict = more.record(host, port).check(&key(number));
        assert_eq!(verdict, expected, "{host} {port}");
    }
    assert_eq!((known.lines(), more.lines()), (100, 102));
}
