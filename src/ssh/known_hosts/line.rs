//! Parser of one line of a `known_hosts` file.
//!
//! A line that cannot be read is skipped, with a warning. A `@revoked` line fails closed instead:
//! it revokes every key that it may have meant.

use super::pattern::{self, Hosts};
use russh::keys::PublicKey;
use russh::keys::ssh_key::public::KeyData;

/// Byte-order mark that some editors put before UTF-8.
const BYTE_ORDER_MARK: &[u8] = b"\xef\xbb\xbf";

/// Meaning of a line's key.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Role {
    /// A key of the host.
    HostKey,
    /// `@revoked`: a key that is refused.
    Revoked,
    /// `@cert-authority`: a key that signs host certificates.
    Authority,
}

/// An entry.
#[derive(Debug)]
pub(super) struct Line {
    pub(super) role: Role,
    pub(super) hosts: Hosts,
    /// `None` for every key, with [`Role::Revoked`] only.
    pub(super) key: Option<KeyData>,
}

/// Fields of a line: markers, names and key. What follows is the comment, of any bytes.
const MAX_FIELDS: usize = 8;

/// Parses one line, with or without its line break. Returns its entry, unless it is blank, a
/// comment or skipped, and what is wrong with it.
pub(super) fn parse(text: &[u8]) -> (Option<Line>, Option<&'static str>) {
    let text = text.strip_prefix(BYTE_ORDER_MARK).unwrap_or(text);
    let fields: Vec<&[u8]> = text
        .split(u8::is_ascii_whitespace)
        .filter(|field| !field.is_empty())
        .take(MAX_FIELDS)
        .collect();
    if let None | Some([b'#', ..]) = fields.first() {
        return (None, None);
    }
    let (role, fields) = match role(&fields) {
        Ok(role) => role,
        Err(problem) => return (None, Some(problem)),
    };
    match (read(fields), role) {
        (Ok((hosts, key)), _) => {
            let key = Some(key);
            (Some(Line { role, hosts, key }), carriage_return(text))
        }
        (Err(problem), Role::Revoked) => (Some(revocation(fields)), Some(problem)),
        (Err(problem), Role::HostKey | Role::Authority) => (None, Some(problem)),
    }
}

/// Returns the role, and the fields after the markers.
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

/// Returns whether a field is the marker `@revoked`, or a misspelling of it.
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
    let line = [algorithm, b" ", base64].concat();
    let key = PublicKey::from_openssh(str::from_utf8(&line).ok()?).ok()?;
    Some(key.key_data().clone())
}

/// Returns the entry for a `@revoked` line that cannot be read: the key anywhere in it, or else
/// every key; of the hosts in it, or else of all.
fn revocation(fields: &[&[u8]]) -> Line {
    let mut pairs = fields.iter().zip(fields.iter().skip(1)).enumerate();
    let key = pairs.find_map(|(at, (algorithm, base64))| Some((at, key_of(algorithm, base64)?)));
    let hosts = match (fields.first(), &key) {
        // The host names are missing.
        (None, _) | (_, Some((0, _))) => None,
        (Some(hosts), _) => hosts_of(hosts),
    };
    Line {
        role: Role::Revoked,
        hosts: hosts.unwrap_or(Hosts::All),
        key: key.map(|(_, key)| key),
    }
}

/// Returns a warning for a carriage return inside the line: the text after it may have been meant
/// as a line, but is read as the comment.
fn carriage_return(text: &[u8]) -> Option<&'static str> {
    text.trim_ascii_end()
        .contains(&b'\r')
        .then_some("a carriage return inside; what follows it counts as the comment")
}
