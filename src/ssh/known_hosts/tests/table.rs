//! Many small files, and what each says of a key.

use super::*;

/// A file and what it says, in rows. In the file `A` to `D` stand for keys: two of
/// Ed25519, one of ECDSA, one of RSA. Hashed names have tests of their own.
#[test]
fn files_and_what_they_say() {
    let bench = Bench::new();
    let keys = [
        bench.key("A", "ed25519"),
        bench.key("B", "ed25519"),
        bench.key("C", "ecdsa"),
        bench.key("D", "rsa"),
    ];
    let [a, b, c, d] = &keys;
    let changed = |line| Changed { line };
    let revoked = |line| Revoked { line };
    let rows = [
        // Names.
        ("h A", "h", 22, a, Known),
        ("H.Example A", "h.eXAMPLE", 22, a, Known),
        ("h A", "g", 22, a, Unknown),
        ("h A", "hh", 22, a, Unknown),
        ("g,h,i A", "h", 22, a, Known),
        ("g,h,i A", "i", 22, a, Known),
        ("h A", "h", 22, b, changed(1)),
        ("h A", "h", 22, c, changed(1)),
        ("h D", "h", 22, d, Known),
        ("h D", "h", 22, a, changed(1)),
        ("g B\nh A", "h", 22, b, changed(2)),
        ("h A\nh B", "h", 22, b, Known),
        ("h A\nh B", "h", 22, d, changed(1)),
        ("h D\nh A", "h", 22, b, changed(2)),
        // Ports.
        ("[h]:2222 A", "h", 2222, a, Known),
        ("[h]:2222 A", "h", 22, a, Unknown),
        ("h A", "h", 2222, a, Unknown),
        ("[h]:22 A", "h", 22, a, Unknown),
        ("[h]:2222 A\nh B", "h", 2222, b, changed(1)),
        ("h:2222 A", "h", 2222, a, Unknown),
        // Addresses.
        ("10.0.0.1 A", "10.0.0.1", 22, a, Known),
        ("::1 A", "::1", 22, a, Known),
        ("[::1]:23 A", "::1", 23, a, Known),
        ("FE80::1 A", "fe80::1", 22, a, Known),
        // Wildcards and negation.
        ("* A", "anything", 22, a, Known),
        ("*.lab A", "x.y.lab", 22, a, Known),
        ("*.lab A", "lab", 22, a, Unknown),
        ("?.lab A", "x.lab", 22, a, Known),
        ("?.lab A", "xx.lab", 22, a, Unknown),
        ("*.lab,!no.lab A", "no.lab", 22, a, Unknown),
        ("!no.lab,*.lab A", "no.lab", 22, a, Unknown),
        ("!no.lab A", "yes.lab", 22, a, Unknown),
        ("*.lab A", "x.lab", 2222, a, Unknown),
        ("[*.lab]:* A", "x.lab", 2222, a, Known),
        ("*.lab A\nx.lab B", "x.lab", 22, c, changed(1)),
        // Markers.
        ("@revoked h A", "h", 22, a, revoked(1)),
        ("@revoked * A", "h", 2222, a, revoked(1)),
        ("h A\n@revoked h A", "h", 22, a, revoked(2)),
        ("@revoked h A\nh A", "h", 22, a, revoked(1)),
        ("@revoked h A", "h", 22, b, Unknown),
        ("@revoked g A\nh A", "h", 22, a, Known),
        ("@cert-authority h A", "h", 22, a, Unknown),
        ("@cert-authority h A\nh B", "h", 22, b, Known),
        ("@cert-authority h A\n@revoked h A", "h", 22, a, revoked(2)),
        ("@unheard-of h A", "h", 22, a, Unknown),
        // What is between and around.
        ("h A\r\ng B\r\n", "g", 22, b, Known),
        ("# h A\nh B", "h", 22, a, changed(2)),
        ("#h A", "h", 22, a, Unknown),
        ("\n\n  \n\th  A  words and more", "h", 22, a, Known),
        ("h\tA", "h", 22, a, Known),
        ("h", "h", 22, a, Unknown),
        ("h ssh-ed25519", "h", 22, a, Unknown),
        ("h ssh-ed25519 AAAA", "h", 22, a, Unknown),
        ("h ssh-ed25519 AAAA\nh A", "h", 22, a, Known),
        ("A", "h", 22, a, Unknown),
        (",h A", "h", 22, a, Known),
        ("|1|bad|hash A\nh A", "h", 22, a, Known),
    ];
    for (file, host, port, key, expected) in rows {
        let mut text = file.to_owned();
        for (letter, key) in ["A", "B", "C", "D"].iter().zip(&keys) {
            let words: Vec<String> = text
                .split_inclusive(['\n', ' ', '\t'])
                .map(|word| match word.trim_end() {
                    bare if bare == *letter => word.replace(letter, &super::text(&shown(key))),
                    _ => word.to_owned(),
                })
                .collect();
            text = words.concat();
        }
        let known = KnownHosts::parse(text.as_bytes());
        assert_eq!(
            known.check(host, port, &shown(key)),
            expected,
            "{file:?} {host} {port}"
        );
    }
    assert!(rows.len() >= 40, "{} rows", rows.len());
}

#[test]
fn authorities() {
    let bench = Bench::new();
    let [ca, other, host] = ["ca", "other", "host"].map(|name| bench.key(name, "ed25519"));
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
        // Its key as a host's is not its word for one.
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
        let verdict = known.check_authority(name, port, ca.key_data(), host.key_data());
        assert_eq!(verdict, expected, "{file}");
        let stranger = known.check_authority(name, port, other.key_data(), host.key_data());
        assert_ne!(stranger, AuthorityVerdict::Known, "{file}");
        let has = file.contains("@cert-authority") && expected != AuthorityVerdict::Unknown;
        assert_eq!(known.has_authority(name, port), has, "{file}");
    }
}
