//! One line of a `known_hosts` file: its parts, and whether a host is meant.
//! Knows nothing of the other lines.

use hmac::{Hmac, Mac};
use russh::keys::PublicKey;
use russh::keys::ssh_key::known_hosts::{HostPatterns, Marker};
use russh::keys::ssh_key::public::KeyData;
use sha1::Sha1;

/// What a line says of its key.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Role {
    /// The host has it.
    HostKey,
    /// `@revoked`: whoever shows it is not the host.
    Revoked,
    /// `@cert-authority`: it signs host certificates.
    Authority,
}

/// A line that says something.
#[derive(Debug)]
pub(super) struct Line {
    pub(super) role: Role,
    pub(super) hosts: HostPatterns,
    pub(super) key: KeyData,
}

/// Reads one line; `None` for blank lines and comments.
///
/// # Errors
/// What is wrong with it.
pub(super) fn parse(line: &[u8]) -> Result<Option<Line>, &'static str> {
    let line = str::from_utf8(line).map_err(|_| "not UTF-8")?;
    let mut fields = line.split_ascii_whitespace();
    let Some(first) = fields.next() else {
        return Ok(None);
    };
    if first.starts_with('#') {
        return Ok(None);
    }
    let (role, hosts) = if first.starts_with('@') {
        let role = match first.parse() {
            Ok(Marker::Revoked) => Role::Revoked,
            Ok(Marker::CertAuthority) => Role::Authority,
            Err(_) => return Err("unknown marker"),
        };
        (role, fields.next().ok_or("no host names")?)
    } else {
        (Role::HostKey, first)
    };
    let hosts = fold_case(hosts)
        .parse()
        .map_err(|_| "host names that cannot be read")?;
    let (Some(algorithm), Some(base64)) = (fields.next(), fields.next()) else {
        return Err("no key");
    };
    let key = PublicKey::from_openssh(&format!("{algorithm} {base64}"))
        .map_err(|_| "a key that cannot be read")?;
    Ok(Some(Line {
        role,
        hosts,
        key: key.key_data().clone(),
    }))
}

/// Names are compared in lower case; the base64 of hashes is not a name.
fn fold_case(hosts: &str) -> String {
    if hosts.starts_with('|') {
        hosts.to_owned()
    } else {
        hosts.to_ascii_lowercase()
    }
}

/// `host` as lines name it: in lower case, in brackets with the port unless
/// that is 22.
pub(super) fn name_on_record(host: &str, port: u16) -> String {
    let host = host.to_ascii_lowercase();
    if port == 22 {
        host
    } else {
        format!("[{host}]:{port}")
    }
}

/// Whether `pattern` is a name and nothing else.
pub(super) fn is_plain(pattern: &str) -> bool {
    !pattern.starts_with('!') && !pattern.contains(['*', '?'])
}

/// Whether any pattern matches and none that begins with `!` does.
pub(super) fn patterns_match(patterns: &[String], name: &str) -> bool {
    let mut matched = false;
    for pattern in patterns {
        match pattern.strip_prefix('!') {
            Some(pattern) if glob(pattern, name) => return false,
            Some(_) => {}
            None => matched |= glob(pattern, name),
        }
    }
    matched
}

/// Whether `hash` is the HMAC-SHA1 of `name` under `salt`.
pub(super) fn hash_matches(salt: &[u8], hash: &[u8; 20], name: &str) -> bool {
    // HMAC takes keys of any length, so this never fails.
    Hmac::<Sha1>::new_from_slice(salt).is_ok_and(|mut mac| {
        mac.update(name.as_bytes());
        mac.verify_slice(hash).is_ok()
    })
}

/// `*` is any run of characters, `?` any single one. On a mismatch only the
/// last `*` needs to take one more, so the time is at most the product of the
/// lengths, whatever the pattern.
fn glob(pattern: &str, name: &str) -> bool {
    let (mut pattern, mut name) = (pattern.as_bytes(), name.as_bytes());
    let mut retry = None;
    loop {
        match (pattern, name) {
            ([b'*', rest @ ..], _) => {
                retry = Some((rest, name));
                pattern = rest;
            }
            ([p, rest @ ..], [n, left @ ..]) if p == n || *p == b'?' => {
                (pattern, name) = (rest, left);
            }
            ([], []) => return true,
            _ => match retry {
                Some((after_star, [_, left @ ..])) => {
                    retry = Some((after_star, left));
                    (pattern, name) = (after_star, left);
                }
                _ => return false,
            },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn glob_table() {
        for (pattern, name, expected) in [
            ("a", "a", true),
            ("a", "b", false),
            ("a", "", false),
            ("", "a", false),
            ("*", "", true),
            ("*", "anything", true),
            ("*.example.com", "www.example.com", true),
            ("*.example.com", "example.com", false),
            ("*.example.com", "www.example.com.evil", false),
            ("*.example.com", "[www.example.com]:2222", false),
            ("[*.example.com]:22?2", "[www.example.com]:2222", true),
            ("10.0.?.1", "10.0.7.1", true),
            ("10.0.?.1", "10.0.77.1", false),
            ("a*b*c", "aXbXbXc", true),
            ("a*b*c", "aXbXbX", false),
            ("?*", "", false),
        ] {
            assert_eq!(glob(pattern, name), expected, "{pattern} {name}");
        }
    }

    #[test]
    fn a_hostile_pattern_takes_no_time() {
        let pattern = "*a".repeat(500) + "b";
        assert!(!glob(&pattern, &"a".repeat(2000)));
    }

    #[test]
    fn a_negation_wins_wherever_it_stands() {
        let list = |text: &str| text.split(',').map(str::to_owned).collect::<Vec<_>>();
        assert!(patterns_match(&list("*.a,!x.a"), "y.a"));
        assert!(!patterns_match(&list("*.a,!x.a"), "x.a"));
        assert!(!patterns_match(&list("!x.a,*.a"), "x.a"));
        assert!(!patterns_match(&list("!x.a"), "y.a"));
    }

    #[test]
    fn names_carry_the_port_unless_it_is_22() {
        assert_eq!(name_on_record("Host", 22), "host");
        assert_eq!(name_on_record("Host", 2222), "[host]:2222");
        assert_eq!(name_on_record("::1", 22), "::1");
        assert_eq!(name_on_record("::1", 222), "[::1]:222");
    }
}
