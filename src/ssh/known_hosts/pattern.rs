//! Host names of a line, and the match of a host against them. Names are converted to their
//! canonical form ([`canonical_host`]), so that a file may use any spelling.

use crate::net::canonical_host;
use hmac::{Hmac, KeyInit as _, Mac as _};
use russh::keys::ssh_key::known_hosts::HostPatterns;
use sha1::Sha1;

/// Length of a SHA-1 hash, and of a salt, in bytes.
const HASH: usize = 20;

/// Hosts of a line.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Hosts {
    /// Plain names.
    Names(Vec<String>),
    /// Patterns, with wildcards or negations among them.
    Patterns(Vec<String>),
    Hashed(HashedName),
    /// All hosts (`*`).
    All,
}

/// HMAC-SHA1 of a name under a salt.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct HashedName {
    salt: [u8; HASH],
    hash: [u8; HASH],
}

impl HashedName {
    pub(super) fn matches(&self, name: &str) -> bool {
        // HMAC takes keys of any length, so this never fails.
        Hmac::<Sha1>::new_from_slice(&self.salt).is_ok_and(|mut mac| {
            mac.update(name.as_bytes());
            mac.verify_slice(&self.hash).is_ok()
        })
    }
}

/// Parses the field of host names; `None` if it cannot be read.
pub(super) fn parse(field: &str) -> Option<Hosts> {
    if field.contains(char::is_control) {
        return None;
    }
    match field.parse().ok()? {
        HostPatterns::HashedName { salt, hash } => {
            let salt = salt.try_into().ok()?;
            Some(Hosts::Hashed(HashedName { salt, hash }))
        }
        HostPatterns::Patterns(patterns) => {
            let canonical = patterns.iter().map(|pattern| canonical_pattern(pattern));
            Some(match &patterns[..] {
                [only] if only == "*" => Hosts::All,
                all if all.iter().all(|pattern| is_plain(pattern)) => {
                    Hosts::Names(canonical.collect())
                }
                _ => Hosts::Patterns(canonical.collect()),
            })
        }
    }
}

/// Returns the host as a known_hosts line spells it: canonical, as `[host]:port` unless the port is
/// 22.
pub(super) fn known_hosts_name(host: &str, port: u16) -> String {
    let host = canonical_host(host);
    if port == 22 {
        host
    } else {
        format!("[{host}]:{port}")
    }
}

fn canonical_name(name: &str) -> String {
    let bracketed = name
        .strip_prefix('[')
        .and_then(|rest| rest.split_once("]:"));
    match bracketed {
        Some((host, port)) => format!("[{}]:{port}", canonical_host(host)),
        None => canonical_host(name),
    }
}

fn canonical_pattern(pattern: &str) -> String {
    match pattern.strip_prefix('!') {
        Some(negated) if is_plain(negated) => format!("!{}", canonical_name(negated)),
        None if is_plain(pattern) => canonical_name(pattern),
        // A part of a name has no canonical form, but its case is insignificant as well.
        _ => pattern.to_ascii_lowercase(),
    }
}

/// Returns whether `pattern` is a plain name.
fn is_plain(pattern: &str) -> bool {
    !pattern.starts_with('!') && !pattern.contains(['*', '?'])
}

/// Returns whether any pattern matches and none that begins with `!` does.
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

/// Matches `*` with any run of characters and `?` with any single one. On a mismatch only the last
/// `*` needs to take one more, so the time is at most the product of the lengths.
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
    fn a_hostile_pattern_is_matched_in_bounded_time() {
        let pattern = "*a".repeat(500) + "b";
        assert!(!glob(&pattern, &"a".repeat(2000)));
    }

    #[test]
    fn a_negation_has_precedence_in_any_position() {
        let list = |text: &str| text.split(',').map(str::to_owned).collect::<Vec<_>>();
        assert!(patterns_match(&list("*.a,!x.a"), "y.a"));
        assert!(!patterns_match(&list("*.a,!x.a"), "x.a"));
        assert!(!patterns_match(&list("!x.a,*.a"), "x.a"));
        assert!(!patterns_match(&list("!x.a"), "y.a"));
    }

    #[test]
    fn names_are_converted_to_their_canonical_form() {
        for (field, name) in [
            ("Host.Example.", "host.example"),
            ("[HOST.example.]:2222", "[host.example]:2222"),
            ("2001:DB8:0:0::0:1", "2001:db8::1"),
            ("[2001:DB8::0001]:23", "[2001:db8::1]:23"),
            ("[2001:db8::1]", "2001:db8::1"),
            ("::ffff:192.0.2.1", "192.0.2.1"),
            ("[::FFFF:c000:201]:23", "[192.0.2.1]:23"),
            ("64:ff9b::192.0.2.1", "192.0.2.1"),
        ] {
            assert_eq!(parse(field), Some(Hosts::Names(vec![name.to_owned()])));
            let Some(Hosts::Patterns(both)) = parse(&format!("*.x,!{field}")) else {
                panic!("{field}");
            };
            assert_eq!(both, ["*.x".to_owned(), format!("!{name}")]);
        }
    }

    #[test]
    fn invalid_host_names_are_not_parsed() {
        for field in [
            "",
            "|1|",
            "|1|xx|yy",
            "|1|AAAA|AAAA",
            "a\0b",
            "a\u{7f}",
            "\u{85}a",
        ] {
            assert_eq!(parse(field), None, "{field:?}");
        }
        assert_eq!(parse("*"), Some(Hosts::All));
    }

    #[test]
    fn names_carry_the_port_unless_it_is_22() {
        assert_eq!(known_hosts_name("Host", 22), "host");
        assert_eq!(known_hosts_name("Host", 2222), "[host]:2222");
        assert_eq!(known_hosts_name("::1", 22), "::1");
        assert_eq!(known_hosts_name("::1", 222), "[::1]:222");
        assert_eq!(known_hosts_name("HOST.Example.", 22), "host.example");
        assert_eq!(known_hosts_name("::ffff:192.0.2.1", 22), "192.0.2.1");
    }
}
