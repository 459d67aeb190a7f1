//! Client address behind proxies: a walk back along the hops that they name.
//!
//! The walk starts at the peer of the connection. As long as a hop is a trusted proxy, the hop that
//! it names is the next one; the first that is not trusted is the client. Elements left of it were
//! written by the client, or by a proxy of the client's choice, and are not parsed. The walk ends
//! where an element is no address (`unknown`, `_name`, garbage, nothing), and the last trusted hop
//! counts as the client: an unknown address is neither guessed nor believed. Pure: no socket, no
//! clock, no setting of its own.

use crate::config::ClientIpHeader;
use crate::net::Net;
use hyper::HeaderMap;
use hyper::header::HeaderValue;
use std::net::{IpAddr, Ipv4Addr};

/// Maximum number of hops, more than real chains of proxies have. The walk ends there.
const MAX_HOPS: usize = 16;

/// Longest spelling of one hop: an IPv6 address in brackets and a port with a name.
const MAX_NODE: usize = 80;

/// Returns the client's address, IPv4 not mapped. `peer` is the peer of the connection, or the one
/// that the PROXY protocol named in its place; `header` is the only header that is read.
pub fn client_ip(
    headers: &HeaderMap,
    peer: IpAddr,
    proxies: &[Net],
    header: ClientIpHeader,
) -> IpAddr {
    let trusted = |ip: IpAddr| proxies.iter().any(|net| net.contains(ip));
    let peer = peer.to_canonical();
    if !trusted(peer) {
        return peer;
    }
    let mut lines = lines_backwards(headers, header.as_str());
    match header {
        ClientIpHeader::XForwardedFor => {
            let hops = lines.flat_map(|line| line.rsplit(|byte| *byte == b',').map(node_bytes));
            walk(peer, hops, trusted)
        }
        ClientIpHeader::Forwarded => {
            let hops = lines.flat_map(|line| elements_backwards(&String::from_utf8_lossy(line)));
            walk(peer, hops, trusted)
        }
        ClientIpHeader::XRealIp => {
            // Not a list: of two, one may be the client's.
            let only = lines.next().filter(|_| lines.next().is_none());
            walk(peer, only.map(node_bytes).into_iter(), trusted)
        }
    }
}

/// Walks along `hops`, nearest first; `None` is a hop without an address.
fn walk(
    peer: IpAddr,
    hops: impl Iterator<Item = Option<IpAddr>>,
    trusted: impl Fn(IpAddr) -> bool,
) -> IpAddr {
    let mut last = peer;
    for hop in hops.take(MAX_HOPS) {
        let Some(ip) = hop else {
            break;
        };
        last = ip;
        if !trusted(ip) {
            break;
        }
    }
    last
}

/// Returns the lines of a header, last first: several are one list (RFC 9110 section 5.3). They are
/// bytes: what a client has put to the left of a hop must not make the hop unreadable (but for a
/// quote that is left open in `Forwarded`).
fn lines_backwards<'a>(headers: &'a HeaderMap, name: &'a str) -> impl Iterator<Item = &'a [u8]> {
    let lines = headers.get_all(name).into_iter().rev();
    lines.map(HeaderValue::as_bytes)
}

/// Parses one hop; one that is not UTF-8 has no address.
fn node_bytes(bytes: &[u8]) -> Option<IpAddr> {
    node(std::str::from_utf8(bytes).ok()?)
}

/// Parses one hop: an address, alone or with a port; IPv6 with a port is in brackets.
fn node(text: &str) -> Option<IpAddr> {
    let text = text.trim_matches([' ', '\t']);
    if text.len() > MAX_NODE {
        return None;
    }
    if let Some(rest) = text.strip_prefix('[') {
        let (address, port) = rest.split_once(']')?;
        let address: std::net::Ipv6Addr = address.parse().ok()?;
        let plain = port.is_empty() || is_port(port.strip_prefix(':')?);
        return plain.then(|| IpAddr::V6(address).to_canonical());
    }
    if let Ok(address) = text.parse::<IpAddr>() {
        return Some(address.to_canonical());
    }
    let (address, port) = text.split_once(':')?;
    let address: Ipv4Addr = address.parse().ok()?;
    is_port(port).then_some(IpAddr::V4(address))
}

/// Returns whether this is a port: digits, or a name in their place (RFC 7239 section 6).
fn is_port(text: &str) -> bool {
    match text.strip_prefix('_') {
        Some(name) => name
            .bytes()
            .all(|b| b.is_ascii_alphanumeric() || b"._-".contains(&b)),
        None => (1..=5).contains(&text.len()) && text.bytes().all(|b| b.is_ascii_digit()),
    }
}

/// Parses the hops of one `Forwarded` line (RFC 7239 section 4), nearest first. A line with an open
/// quote names no hop: the ends of its elements are unknown.
fn elements_backwards(line: &str) -> Vec<Option<IpAddr>> {
    match split_unquoted(line, ',') {
        Some(elements) => elements.into_iter().rev().map(element).collect(),
        None => vec![None],
    }
}

/// Parses the one `for` of an element and skips the other parameters.
fn element(text: &str) -> Option<IpAddr> {
    let mut found = None;
    for pair in split_unquoted(text, ';')? {
        let pair = pair.trim_matches([' ', '\t']);
        if pair.is_empty() {
            continue;
        }
        let (name, value) = pair.split_once('=')?;
        let value = unquoted(value)?;
        if name.eq_ignore_ascii_case("for") && found.replace(node(&value)?).is_some() {
            return None;
        }
    }
    found
}

/// Parses a token or a quoted string. RFC 7239 requires quotes around colons and brackets; many
/// proxies leave them out, and the text is unambiguous without them.
fn unquoted(text: &str) -> Option<String> {
    let Some(rest) = text.strip_prefix('"') else {
        let plain = |b: u8| b.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~:[]".contains(&b);
        return (!text.is_empty() && text.bytes().all(plain)).then(|| text.to_owned());
    };
    let mut content = String::new();
    let mut rest = rest.chars();
    loop {
        match rest.next()? {
            '"' => return rest.as_str().is_empty().then_some(content),
            '\\' => content.push(rest.next()?),
            other => content.push(other),
        }
    }
}

/// Splits at separators outside of quoted strings; `None` if one of those does not end.
fn split_unquoted(text: &str, separator: char) -> Option<Vec<&str>> {
    let mut parts = Vec::new();
    let (mut start, mut quoted) = (0, false);
    let mut chars = text.char_indices();
    while let Some((at, c)) = chars.next() {
        match c {
            '"' => quoted = !quoted,
            '\\' if quoted => {
                chars.next()?;
            }
            c if c == separator && !quoted => {
                parts.push(text.get(start..at)?);
                start = at + c.len_utf8();
            }
            _ => {}
        }
    }
    parts.push(text.get(start..)?);
    (!quoted).then_some(parts)
}

#[cfg(test)]
mod tests;
