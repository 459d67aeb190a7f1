//! One line of a `known_hosts` file. Knows nothing of the other lines.
//!
//! A line that cannot be read is skipped, with a warning; one that withdraws trust (`@revoked`) is
//! not, for what it withdraws would be trusted again: it counts for all that it may have meant.

use super::pattern::{self, Hosts};
use russh::keys::PublicKey;
use russh::keys::ssh_key::public::KeyData;

/// The byte-order mark that some editors put before UTF-8.
const BYTE_ORDER_MARK: &[u8] = b"\xef\xbb\xbf";

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
    pub(super) hosts: Hosts,
    /// `None`: every key. Only of [`Role::Revoked`].
    pub(super) key: Option<KeyData>,
}

/// Content of a line; blank lines and comments have neither part.
#[derive(Debug, Default)]
pub(super) struct Parsed {
    pub(super) line: Option<Line>,
    /// Fault of the line.
    pub(super) problem: Option<&'static str>,
}

/// Reads one line; its line break does not matter.
pub(super) fn parse(text: &[u8]) -> Parsed {
    let text = text.strip_prefix(BYTE_ORDER_MARK).unwrap_or(text);
    let fields: Vec<&[u8]> = text
        .split(u8::is_ascii_whitespace)
        .filter(|field| !field.is_empty())
        .take(MAX_FIELDS)
        .collect();
    match fields.first() {
        None | Some([b'#', ..]) => return Parsed::default(),
        Some(_) => {}
    }
    let (role, fields) = match role(&fields) {
        Ok(role) => role,
        Err(problem) => return skipped(problem),
    };
    match (read(fields), role) {
        (Ok((hosts, key)), _) => Parsed {
            line: Some(Line {
                role,
                hosts,
                key: Some(key),
            }),
            problem: carriage_return(text),
        },
        (Err(problem), Role::Revoked) => Parsed {
            line: Some(revocation(fields)),
            problem: Some(problem),
        },
        (Err(problem), Role::HostKey | Role::Authority) => skipped(problem),
    }
}

/// Two markers, names and key; what follows is the comment, whatever bytes it has.
const MAX_FIELDS: usize = 8;

fn skipped(problem: &'static str) -> Parsed {
    Parsed {
        line: None,
        problem: Some(problem),
    }
}

/// The role, and the fields after the markers.
fn role<'a, 'b>(fields: &'a [&'b [u8]]) -> Result<(Role, &'a [&'b [u8]]), &'static str> {
    let markers = fields.iter().take_while(|field| is_marker(field)).count();
    let (markers, rest) = fields.split_at_checked(markers).unwrap_or((fields, &[]));
    match markers {
        [] => Ok((Role::HostKey, rest)),
        [b"@cert-authority"] => Ok((Role::Authority, rest)),
        _ if markers.iter().any(|marker| revokes(marker)) => Ok((Role::Revoked, rest)),
        _ => Err("unknown marker"),
    }
}

fn is_marker(field: &[u8]) -> bool {
    field.first() == Some(&b'@') || revokes(field)
}

/// Returns whether a field is the marker `@revoked`, or meant to be.
fn revokes(field: &[u8]) -> bool {
    const START: &[u8] = b"@revo";
    let visible: Vec<u8> = field.iter().copied().filter(u8::is_ascii_graphic).collect();
    let mut parts = visible.windows(START.len());
    parts.any(|part| part.eq_ignore_ascii_case(START))
}

fn read(fields: &[&[u8]]) -> Result<(Hosts, KeyData), &'static str> {
    let hosts = fields.first().ok_or("no host names")?;
    let hosts = hosts_of(hosts).ok_or("host names that cannot be read")?;
    let (Some(algorithm), Some(base64)) = (fields.get(1), fields.get(2)) else {
        return Err("no key");
    };
    let key = key_of(algorithm, base64).ok_or("a key that cannot be read")?;
    Ok((hosts, key))
}

fn hosts_of(field: &[u8]) -> Option<Hosts> {
    pattern::parse(str::from_utf8(field).ok()?)
}

fn key_of(algorithm: &[u8], base64: &[u8]) -> Option<KeyData> {
    let (algorithm, base64) = (
        str::from_utf8(algorithm).ok()?,
        str::from_utf8(base64).ok()?,
    );
    let key = PublicKey::from_openssh(&format!("{algorithm} {base64}")).ok()?;
    Some(key.key_data().clone())
}

/// A line marked `@revoked` that cannot be read: the key that stands in it, wherever, or every key;
/// of the hosts it names, or of all.
fn revocation(fields: &[&[u8]]) -> Line {
    let mut pairs = fields.iter().zip(fields.iter().skip(1)).enumerate();
    let key = pairs.find_map(|(at, (algorithm, base64))| Some((at, key_of(algorithm, base64)?)));
    let hosts = match (fields.first(), &key) {
        // The names are missing.
        (None, _) | (_, Some((0, _))) => None,
        (Some(hosts), _) => hosts_of(hosts),
    };
    Line {
        role: Role::Revoked,
        hosts: hosts.unwrap_or(Hosts::Everyone),
        key: key.map(|(_, key)| key),
    }
}

/// Returns a warning for a carriage return inside the line: the text after it was perhaps meant as
/// a line of its own, but is read as the comment.
fn carriage_return(text: &[u8]) -> Option<&'static str> {
    text.trim_ascii_end()
        .contains(&b'\r')
        .then_some("a carriage return inside; what follows it counts as the comment")
}
