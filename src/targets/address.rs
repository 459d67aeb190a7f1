//! Requested target: the path segments after `/ws/`, decoded and checked.
//!
//! An address has one spelling: old forms of IPv4 addresses (`127.1`, `0x7f.1`, `2130706433`),
//! which resolvers parse as the address, are refused. Does not apply the policy or look up names.

use crate::net::canonical_host;
use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use thiserror::Error;

/// Maximum length of a DNS name, without the trailing dot (RFC 1035 section 2.3.4).
const MAX_NAME: usize = 253;
/// Maximum length of a label.
const MAX_LABEL: usize = 63;
/// Maximum length of the name of a configured target.
const MAX_TARGET_NAME: usize = 64;

/// Requested target.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum TargetRequest {
    /// `/ws/{host}/{port}`.
    Host {
        /// DNS name in lower case (a trailing dot is kept), or address in its canonical spelling,
        /// without brackets.
        host: String,
        /// Port, from 1 to 65535.
        port: u16,
    },
    /// `/ws/{name}`: target with a name in the configuration.
    Named(String),
}

/// Reason for which a path is no target. Contains nothing of the path.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum AddressError {
    /// The path has neither one nor two segments.
    #[error("the path must be /ws/<name> or /ws/<host>/<port>")]
    Shape,
    /// The percent-encoding is invalid, or the result is not UTF-8.
    #[error("the path is not properly percent-encoded")]
    Encoding,
    /// The first of two segments is no host.
    #[error("the host must be a DNS name, an IPv4 address or an IPv6 address in brackets")]
    Host,
    /// The name ends in a number, so that resolvers would parse it as an IPv4 address.
    #[error(
        "a host that ends in a number must be an IPv4 address: four decimal numbers, without \
         leading zeros and without a final dot"
    )]
    Number,
    /// The second of two segments is no port.
    #[error("the port must be a number from 1 to 65535")]
    Port,
    /// The only segment is no name of a target.
    #[error("a target's name is 1 to 64 letters, digits, '.', '_' and '-'")]
    Name,
}

impl fmt::Display for TargetRequest {
    /// Writes the same text for all spellings of a host, without control characters.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (host, port) = match self {
            Self::Host { host, port } => (canonical_host(host), port),
            Self::Named(name) => return f.write_str(name),
        };
        if host.contains(':') {
            write!(f, "[{host}]:{port}")
        } else {
            write!(f, "{host}:{port}")
        }
    }
}

impl TargetRequest {
    /// Parses the segments after `/ws/`, percent-encoded as in the request; decodes them, once.
    ///
    /// # Errors
    /// [`AddressError`] names the part that is wrong.
    pub fn from_segments(segments: &[&str]) -> Result<Self, AddressError> {
        match segments {
            [name] => {
                let name = percent_decode(name)?;
                if is_target_name(&name) {
                    Ok(Self::Named(name))
                } else {
                    Err(AddressError::Name)
                }
            }
            [host, port] => {
                let host = Host::parse_bracketed(&percent_decode(host)?)?;
                let port = parse_port(&percent_decode(port)?).ok_or(AddressError::Port)?;
                Ok(Self::Host {
                    host: host.to_string(),
                    port,
                })
            }
            _ => Err(AddressError::Shape),
        }
    }
}

/// Valid host: an address, or a name that can be looked up.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Host {
    Ip(IpAddr),
    /// DNS name in lower case, with or without a trailing dot.
    Name(String),
}

impl Host {
    /// Parses a host with IPv6 in brackets, as in URLs and in rules.
    pub(super) fn parse_bracketed(text: &str) -> Result<Self, AddressError> {
        match text.strip_prefix('[').and_then(|t| t.strip_suffix(']')) {
            Some(inner) => parse_ipv6(inner).map(|ip| Self::Ip(ip.into())),
            None if text.contains(':') => Err(AddressError::Host),
            None => Self::parse(text),
        }
    }

    /// Parses a host with IPv6 without brackets, as [`TargetRequest::Host`] holds it.
    pub(super) fn parse(text: &str) -> Result<Self, AddressError> {
        if text.contains(':') {
            return parse_ipv6(text).map(|ip| Self::Ip(ip.into()));
        }
        if let Ok(ip) = text.parse::<Ipv4Addr>() {
            return Ok(Self::Ip(ip.into()));
        }
        if !is_dns_name(text) {
            return Err(AddressError::Host);
        }
        let name = text.to_ascii_lowercase();
        if ends_in_number(&name) {
            return Err(AddressError::Number);
        }
        Ok(Self::Name(name))
    }
}

impl std::fmt::Display for Host {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Ip(ip) => ip.fmt(f),
            Self::Name(name) => f.write_str(name),
        }
    }
}

/// Parses an IPv6 address. Zone identifiers (`%eth0`) are refused: they name an interface of this
/// machine.
fn parse_ipv6(text: &str) -> Result<Ipv6Addr, AddressError> {
    text.parse().map_err(|_| AddressError::Host)
}

/// Returns whether `text` is a host name of letters, digits, `-` and `_`; a trailing dot is
/// allowed. A leading `-` is not: another program could parse such a name as an option.
fn is_dns_name(text: &str) -> bool {
    let name = text.strip_suffix('.').unwrap_or(text);
    let label_ok = |label: &str| {
        (1..=MAX_LABEL).contains(&label.len())
            && label
                .bytes()
                .all(|b| b.is_ascii_alphanumeric() || b == b'-' || b == b'_')
    };
    name.len() <= MAX_NAME && !name.starts_with('-') && name.split('.').all(label_ok)
}

/// Returns whether resolvers may parse `name`, which is in lower case, as an IPv4 address: its last
/// label is a number, in decimal, octal or hexadecimal ("ends in a number", WHATWG URL section
/// 3.5).
fn ends_in_number(name: &str) -> bool {
    let name = name.strip_suffix('.').unwrap_or(name);
    let last = name.rsplit('.').next().unwrap_or_default();
    let hex = last.strip_prefix("0x");
    last.bytes().all(|b| b.is_ascii_digit())
        || hex.is_some_and(|digits| digits.bytes().all(|b| b.is_ascii_hexdigit()))
}

/// Returns whether `text` may be the name of a target. `.` and `..` may not: clients and proxies
/// remove them from paths, so that such a target could not be reached.
pub(super) fn is_target_name(text: &str) -> bool {
    (1..=MAX_TARGET_NAME).contains(&text.len())
        && text != "."
        && text != ".."
        && text
            .bytes()
            .all(|b| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'_' | b'-'))
}

/// Parses a port from 1 to 65535, in decimal digits. Leading zeros are refused, so that a port has
/// one spelling.
pub(super) fn parse_port(text: &str) -> Option<u16> {
    let plain = text.bytes().all(|b| b.is_ascii_digit()) && !text.starts_with('0');
    plain.then(|| text.parse().ok()).flatten()
}

fn percent_decode(text: &str) -> Result<String, AddressError> {
    let mut bytes = text.bytes();
    let mut decoded = Vec::with_capacity(text.len());
    while let Some(byte) = bytes.next() {
        if byte != b'%' {
            decoded.push(byte);
            continue;
        }
        let mut digit = || {
            let hex = char::from(bytes.next()?).to_digit(16)?;
            u8::try_from(hex).ok()
        };
        let (Some(high), Some(low)) = (digit(), digit()) else {
            return Err(AddressError::Encoding);
        };
        decoded.push(high << 4 | low);
    }
    String::from_utf8(decoded).map_err(|_| AddressError::Encoding)
}
