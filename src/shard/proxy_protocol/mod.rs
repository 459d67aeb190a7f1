//! The PROXY protocol, versions 1 and 2, receiving side
//! (haproxy.org/download/3.0/doc/proxy-protocol.txt): the address of a proxy's client. Pure: bytes
//! in, an address out. Extensions of version 2 are passed over.
//!
//! Not a library, because the crates there are accept more than the specification allows (signs and
//! leading zeros in ports) or less (a LOCAL header, whose address family is to be ignored).

#[cfg(test)]
mod tests;

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::str::{self, FromStr};

/// Longest header of version 1, its CRLF included.
const MAX_V1: usize = 107;

/// Longest header of version 2 that is accepted. The protocol allows 64 KiB of extensions; proxies
/// send a few hundred bytes.
const MAX_V2: usize = 4096;

const V1: &[u8] = b"PROXY ";
const V2: &[u8; 12] = b"\r\n\r\n\0\r\nQUIT\n";

/// A complete header.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Header {
    /// Address of the client; `None` where the proxy connects for itself or does not know: then the
    /// peer is the client.
    pub(super) client: Option<SocketAddr>,
    /// Length in bytes; the client's own bytes follow.
    pub(super) length: usize,
}

/// Fault of the bytes at the place of a header.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(super) enum HeaderError {
    #[error("no PROXY protocol header")]
    Missing,
    #[error("the PROXY protocol header is too long")]
    TooLong,
    #[error("the PROXY protocol header is malformed")]
    Malformed,
}

/// Parses the header at the beginning of `bytes`; `None` if more bytes are needed. Never asks for
/// more once `MAX_V2` bytes are there.
pub(super) fn parse(bytes: &[u8]) -> Result<Option<Header>, HeaderError> {
    if begins(bytes, V2) {
        parse_v2(bytes)
    } else if begins(bytes, V1) {
        parse_v1(bytes)
    } else {
        Err(HeaderError::Missing)
    }
}

/// Returns true if `bytes` begin with `prefix`, or are a beginning of it.
fn begins(bytes: &[u8], prefix: &[u8]) -> bool {
    bytes.starts_with(prefix) || prefix.starts_with(bytes)
}

fn parse_v1(bytes: &[u8]) -> Result<Option<Header>, HeaderError> {
    let room = bytes.get(..MAX_V1).unwrap_or(bytes);
    let Some(end) = room.windows(2).position(|pair| pair == b"\r\n") else {
        return match room.len() {
            MAX_V1 => Err(HeaderError::TooLong),
            _ => Ok(None),
        };
    };
    let line = room.get(V1.len()..end).unwrap_or_default();
    let line = str::from_utf8(line).map_err(|_| HeaderError::Malformed)?;
    let client = client_of_line(line).ok_or(HeaderError::Malformed)?;
    Ok(Some(Header {
        client,
        length: end + 2,
    }))
}

/// Parses the line after `PROXY `. The inner `None` is an unknown client.
fn client_of_line(line: &str) -> Option<Option<SocketAddr>> {
    let mut words = line.split(' ');
    let (client, server) = match words.next()? {
        // Whatever follows is to be ignored.
        "UNKNOWN" => return Some(None),
        "TCP4" => addresses::<Ipv4Addr>(&mut words)?,
        "TCP6" => addresses::<Ipv6Addr>(&mut words)?,
        _ => return None,
    };
    let client = SocketAddr::new(client, port(words.next()?)?);
    let _server = SocketAddr::new(server, port(words.next()?)?);
    words.next().is_none().then_some(Some(client))
}

fn addresses<'a, A: FromStr + Into<IpAddr>>(
    words: &mut impl Iterator<Item = &'a str>,
) -> Option<(IpAddr, IpAddr)> {
    let mut address = || words.next()?.parse::<A>().ok().map(Into::into);
    Some((address()?, address()?))
}

/// Parses a port: digits without a sign and without a leading zero.
fn port(digits: &str) -> Option<u16> {
    let port: u16 = digits.parse().ok()?;
    (port.to_string() == digits).then_some(port)
}

fn parse_v2(bytes: &[u8]) -> Result<Option<Header>, HeaderError> {
    let Some((head, rest)) = bytes.split_first_chunk::<16>() else {
        return Ok(None);
    };
    let [.., command, family, high, low] = *head;
    let length = head.len() + usize::from(u16::from_be_bytes([high, low]));
    if !matches!(command, 0x20 | 0x21) {
        return Err(HeaderError::Malformed);
    }
    if length > MAX_V2 {
        return Err(HeaderError::TooLong);
    }
    let Some(block) = rest.get(..length - head.len()) else {
        return Ok(None);
    };
    // LOCAL: the proxy's own connection. Its family is to be ignored.
    let client = match command {
        0x20 => None,
        _ => client_of_block(family, block).ok_or(HeaderError::Malformed)?,
    };
    Ok(Some(Header { client, length }))
}

/// Parses the address block of one of the protocol's families. A family that is not TCP over IP
/// means an unknown client, as the specification says.
fn client_of_block(family: u8, block: &[u8]) -> Option<Option<SocketAddr>> {
    match family {
        // TCP over IPv4.
        0x11 => {
            let (addresses, _) = block.split_first_chunk::<12>()?;
            let [a, b, c, d, _, _, _, _, high, low, ..] = *addresses;
            let port = u16::from_be_bytes([high, low]);
            Some(Some((Ipv4Addr::new(a, b, c, d), port).into()))
        }
        // TCP over IPv6.
        0x21 => {
            let (addresses, _) = block.split_first_chunk::<36>()?;
            let (client, rest) = addresses.split_first_chunk::<16>()?;
            let [high, low] = *rest.get(16..)?.first_chunk()?;
            let port = u16::from_be_bytes([high, low]);
            Some(Some((Ipv6Addr::from(*client), port).into()))
        }
        // Unspecified, UDP and Unix sockets.
        0x00..=0x02 | 0x10 | 0x20 | 0x30 => Some(None),
        0x12 => (block.len() >= 12).then_some(None),
        0x22 => (block.len() >= 36).then_some(None),
        0x31 | 0x32 => (block.len() >= 216).then_some(None),
        _ => None,
    }
}
