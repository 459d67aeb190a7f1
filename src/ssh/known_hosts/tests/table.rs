//! Table of small files and the verdict of each on a key.

use super::*;

/// Names of the keys in the files: two of Ed25519, one of ECDSA, one of RSA.
const LETTERS: [&str; 4] = ["A", "B", "C", "D"];
const A: usize = 0;
const B: usize = 1;
const C: usize = 2;
const D: usize = 3;

/// File; host, port and key; verdict.
type Row = (&'static str, &'static str, u16, usize, HostKeyVerdict);

/// Hashed names have tests of their own.
const ROWS: &[Row] = &[
    // Names.
    ("h A", "h", 22, A, Known),
    ("H.Example A", "h.eXAMPLE", 22, A, Known),
    ("h A", "g", 22, A, Unknown),
    ("h A", "hh", 22, A, Unknown),
    ("g,h,i A", "h", 22, A, Known),
    ("g,h,i A", "i", 22, A, Known),
    ("h A", "h", 22, B, Changed { line: 1 }),
    ("h A", "h", 22, C, Changed { line: 1 }),
    ("h D", "h", 22, D, Known),
    ("h D", "h", 22, A, Changed { line: 1 }),
    ("g B\nh A", "h", 22, B, Changed { line: 2 }),
    ("h A\nh B", "h", 22, B, Known),
    ("h A\nh B", "h", 22, D, Changed { line: 1 }),
    ("h D\nh A", "h", 22, B, Changed { line: 2 }),
    // Ports.
    ("[h]:2222 A", "h", 2222, A, Known),
    ("[h]:2222 A", "h", 22, A, Unknown),
    ("h A", "h", 2222, A, Unknown),
    ("[h]:22 A", "h", 22, A, Unknown),
    ("[h]:2222 A\nh B", "h", 2222, B, Changed { line: 1 }),
    ("h:2222 A", "h", 2222, A, Unknown),
    // Addresses.
    ("10.0.0.1 A", "10.0.0.1", 22, A, Known),
    ("::1 A", "::1", 22, A, Known),
    ("[::1]:23 A", "::1", 23, A, Known),
    ("FE80::1 A", "fe80::1", 22, A, Known),
    ("*.x,2001:DB8::0001 A", "2001:db8::1", 22, A, Known),
    ("[::1]:23 A", "::1", 23, B, Changed { line: 1 }),
    // Wildcards and negation.
    ("* A", "anything", 22, A, Known),
    ("*.lab A", "x.y.lab", 22, A, Known),
    ("*.lab A", "lab", 22, A, Unknown),
    ("?.lab A", "x.lab", 22, A, Known),
    ("?.lab A", "xx.lab", 22, A, Unknown),
    ("*.lab,!no.lab A", "no.lab", 22, A, Unknown),
    ("!no.lab,*.lab A", "no.lab", 22, A, Unknown),
    ("!no.lab A", "yes.lab", 22, A, Unknown),
    ("*.lab A", "x.lab", 2222, A, Unknown),
    ("[*.lab]:* A", "x.lab", 2222, A, Known),
    ("*.lab A\nx.lab B", "x.lab", 22, C, Changed { line: 1 }),
    ("*.lab D\nx.lab B", "x.lab", 22, C, Changed { line: 1 }),
    // Markers.
    ("@revoked h A", "h", 22, A, Revoked { line: 1 }),
    ("@revoked * A", "h", 2222, A, Revoked { line: 1 }),
    ("h A\n@revoked h A", "h", 22, A, Revoked { line: 2 }),
    ("@revoked h A\nh A", "h", 22, A, Revoked { line: 1 }),
    ("@revoked h A", "h", 22, B, Unknown),
    ("@revoked g A\nh A", "h", 22, A, Known),
    ("@cert-authority h A", "h", 22, A, Unknown),
    ("@cert-authority h A\nh B", "h", 22, B, Known),
    (
        "@cert-authority h A\n@revoked h A",
        "h",
        22,
        A,
        Revoked { line: 2 },
    ),
    ("@unheard-of h A", "h", 22, A, Unknown),
    // What is between and around.
    ("h A\r\ng B\r\n", "g", 22, B, Known),
    ("# h A\nh B", "h", 22, A, Changed { line: 2 }),
    ("#h A", "h", 22, A, Unknown),
    ("\n\n  \n\th  A  words and more", "h", 22, A, Known),
    ("h\tA", "h", 22, A, Known),
    ("h", "h", 22, A, Unknown),
    ("h ssh-ed25519", "h", 22, A, Unknown),
    ("h ssh-ed25519 AAAA", "h", 22, A, Unknown),
    ("h ssh-ed25519 AAAA\nh A", "h", 22, A, Known),
    ("A", "h", 22, A, Unknown),
    (",h A", "h", 22, A, Known),
    ("|1|bad|hash A\nh A", "h", 22, A, Known),
];

/// Returns the keys of the letters.
fn keys() -> Vec<PublicKey> {
    let dir = tempfile::tempdir().unwrap();
    let kinds = ["ed25519", "ed25519", "ecdsa", "rsa"];
    let made = LETTERS.iter().zip(kinds).map(|(letter, kind)| {
        let file = dir.path().join(letter);
        let file = file.to_str().unwrap();
        ssh_keygen(&["-q", "-N", "", "-C", "", "-t", kind, "-f", file]);
        let text = fs::read_to_string(format!("{file}.pub")).unwrap();
        PublicKey::from_openssh(text.trim()).unwrap()
    });
    made.collect()
}

/// Parses `file` with keys in place of their letters.
fn parsed(file: &str, keys: &[PublicKey]) -> KnownHosts {
    let words = file.split_inclusive(['\n', ' ', '\t']).map(|word| {
        let letter = LETTERS.iter().position(|letter| *letter == word.trim_end());
        let key = letter.map(|at| word.replace(LETTERS[at], &text(&keys[at])));
        key.unwrap_or_else(|| word.to_owned())
    });
    KnownHosts::parse(words.collect::<String>().as_bytes())
}

#[test]
fn each_file_has_its_verdict() {
    let keys = keys();
    for (file, host, port, key, expected) in ROWS {
        let record = parsed(file, &keys).record(host, *port);
        assert_eq!(
            record.check(&keys[*key]),
            *expected,
            "{file:?} {host} {port}"
        );
    }
    assert!(ROWS.len() >= 40, "{} rows", ROWS.len());
}

#[test]
fn algorithms_are_listed_once_in_the_order_of_the_file() {
    let keys = keys();
    let (rsa, curve) = (Algorithm::Rsa { hash: None }, EcdsaCurve::NistP256);
    for (file, expected) in [
        ("h D\nh A\ng C\nh B", &[rsa, Algorithm::Ed25519][..]),
        (
            "h* C\nh A",
            &[Algorithm::Ecdsa { curve }, Algorithm::Ed25519],
        ),
        ("[h]:2222 A", &[]),
        ("@cert-authority h A\n@revoked h B", &[]),
    ] {
        let algorithms = parsed(file, &keys).record("h", 22).algorithms();
        assert_eq!(algorithms, expected, "{file:?}");
    }
}

/// A is the authority, B the certified key.
#[test]
fn each_file_has_its_authorities() {
    let keys = keys();
    for (file, host, port, is_authority, revoked) in [
        ("@cert-authority h A", "h", 22, true, None),
        ("@cert-authority *.lab A", "x.lab", 22, true, None),
        ("@cert-authority *.lab,!x.lab A", "x.lab", 22, false, None),
        ("@cert-authority h A", "h", 2222, false, None),
        ("@cert-authority [h]:2222 A", "h", 2222, true, None),
        // A host key is not an authority.
        ("h A", "h", 22, false, None),
        ("@cert-authority h A\n@revoked * A", "h", 22, true, Some(2)),
        ("@revoked h B\n@cert-authority h A", "h", 22, true, Some(1)),
        ("@cert-authority h A\n@revoked g A", "h", 22, true, None),
    ] {
        let record = parsed(file, &keys).record(host, port);
        let key = |at: usize| keys[at].key_data();
        assert_eq!(record.is_authority(key(A)), is_authority, "{file}");
        assert_eq!(record.has_authority(), is_authority, "{file}");
        assert!(!record.is_authority(key(C)), "{file}");
        let first = record.revoked(key(A)).or(record.revoked(key(B)));
        assert_eq!(first, revoked, "{file}");
    }
}
