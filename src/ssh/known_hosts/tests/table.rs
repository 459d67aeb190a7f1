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

/// Returns `file` with keys in place of their letters.
fn written(file: &str, keys: &[PublicKey]) -> String {
    let words = file.split_inclusive(['\n', ' ', '\t']).map(|word| {
        let letter = LETTERS.iter().position(|letter| *letter == word.trim_end());
        let key = letter.map(|at| word.replace(LETTERS[at], &text(&without_comment(&keys[at]))));
        key.unwrap_or_else(|| word.to_owned())
    });
    words.collect()
}

#[test]
fn each_file_has_its_verdict() {
    let dir = HostsDir::new();
    let kinds = ["ed25519", "ed25519", "ecdsa", "rsa"];
    let keys: Vec<PublicKey> = LETTERS
        .iter()
        .zip(kinds)
        .map(|(letter, kind)| dir.key(letter, kind))
        .collect();
    for (file, host, port, key, expected) in ROWS {
        let known = KnownHosts::parse(written(file, &keys).as_bytes());
        let verdict = known
            .record(host, *port)
            .check(&without_comment(&keys[*key]));
        assert_eq!(verdict, *expected, "{file:?} {host} {port}");
    }
    assert!(ROWS.len() >= 40, "{} rows", ROWS.len());
}

#[test]
fn each_file_has_its_verdict_on_an_authority() {
    let dir = HostsDir::new();
    let [ca, other, host] = ["ca", "other", "host"].map(|name| dir.key(name, "ed25519"));
    let (ca_text, host_text) = (text(&ca), text(&host));
    for (file, name, port, expected) in [
        (
            "@cert-authority h CA".to_owned(),
            "h",
            22,
            AuthorityVerdict::Known,
        ),
        (
            "@cert-authority *.lab CA".to_owned(),
            "x.lab",
            22,
            AuthorityVerdict::Known,
        ),
        (
            "@cert-authority *.lab,!x.lab CA".to_owned(),
            "x.lab",
            22,
            AuthorityVerdict::Unknown,
        ),
        (
            "@cert-authority h CA".to_owned(),
            "h",
            2222,
            AuthorityVerdict::Unknown,
        ),
        (
            "@cert-authority [h]:2222 CA".to_owned(),
            "h",
            2222,
            AuthorityVerdict::Known,
        ),
        // A host key is not an authority.
        ("h CA".to_owned(), "h", 22, AuthorityVerdict::Unknown),
        (
            "@cert-authority h CA\n@revoked * CA".to_owned(),
            "h",
            22,
            AuthorityVerdict::Revoked { line: 2 },
        ),
        (
            "@revoked h HOST\n@cert-authority h CA".to_owned(),
            "h",
            22,
            AuthorityVerdict::Revoked { line: 1 },
        ),
        (
            "@cert-authority h CA\n@revoked g CA".to_owned(),
            "h",
            22,
            AuthorityVerdict::Known,
        ),
    ] {
        let text = file.replace("CA", &ca_text).replace("HOST", &host_text);
        let known = KnownHosts::parse(text.as_bytes());
        let verdict = known
            .record(name, port)
            .check_authority(ca.key_data(), host.key_data());
        assert_eq!(verdict, expected, "{file}");
        let unknown = known
            .record(name, port)
            .check_authority(other.key_data(), host.key_data());
        assert_ne!(unknown, AuthorityVerdict::Known, "{file}");
        let has = file.contains("@cert-authority") && expected != AuthorityVerdict::Unknown;
        assert_eq!(known.record(name, port).has_authority(), has, "{file}");
    }
}
