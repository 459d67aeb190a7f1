//! Keys that connections are counted under: the address of a target, or the network of a client.
//!
//! Does not resolve names: a target key is made from the address after the look-up, so that every
//! spelling of a host name shares one quota.

use std::fmt;
use std::net::{AddrParseError, IpAddr, Ipv6Addr, SocketAddr, SocketAddrV6};
use std::str::FromStr;

/// Part of an IPv6 address that identifies a client network (/64).
const CLIENT_V6_MASK: u128 = !(u64::MAX as u128);

/// Key of a target: connect address and port, canonicalised.
///
/// An IPv4-mapped IPv6 address is the IPv4 address. The flow label is ignored; the scope counts
/// only for link-local addresses (fe80::/10, RFC 4007), of which it is a part.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct TargetKey {
    /// IPv4 in its mapped form, which no other canonicalised address has.
    ip: u128,
    scope: u32,
    port: u16,
}

impl TargetKey {
    /// Canonical address and port.
    pub fn addr(self) -> SocketAddr {
        let ip = Ipv6Addr::from_bits(self.ip);
        match ip.to_ipv4_mapped() {
            Some(v4) => SocketAddr::from((v4, self.port)),
            None => SocketAddr::V6(SocketAddrV6::new(ip, self.port, 0, self.scope)),
        }
    }

    /// The key as plain words, equal exactly when the keys are.
    pub(super) fn words(self) -> [u64; 3] {
        [
            (self.ip >> 64) as u64,
            self.ip as u64,
            (u64::from(self.scope) << 16) | u64::from(self.port),
        ]
    }

    /// The key that has these [`Self::words`].
    pub(super) fn from_words([high, low, rest]: [u64; 3]) -> Self {
        Self {
            ip: (u128::from(high) << 64) | u128::from(low),
            scope: (rest >> 16) as u32,
            port: rest as u16,
        }
    }
}

impl From<SocketAddr> for TargetKey {
    fn from(addr: SocketAddr) -> Self {
        let scope = match addr {
            SocketAddr::V6(v6) if v6.ip().is_unicast_link_local() => v6.scope_id(),
            SocketAddr::V6(_) | SocketAddr::V4(_) => 0,
        };
        let ip = match addr.ip() {
            IpAddr::V4(v4) => v4.to_ipv6_mapped().to_bits(),
            IpAddr::V6(v6) => v6.to_bits(),
        };
        Self {
            ip,
            scope,
            port: addr.port(),
        }
    }
}

/// Stable text, equal exactly when the keys are: another process can parse it.
impl fmt::Display for TargetKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.addr().fmt(f)
    }
}

/// Parses what [`fmt::Display`] writes, and any other spelling of the address.
impl FromStr for TargetKey {
    type Err = AddrParseError;

    fn from_str(text: &str) -> Result<Self, AddrParseError> {
        text.parse::<SocketAddr>().map(Self::from)
    }
}

impl fmt::Debug for TargetKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "TargetKey({self})")
    }
}

/// Key of a client: its IPv4 address, or the /64 of its IPv6 address (one address of a /64 usually
/// means all of them).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ClientKey(u128);

impl From<IpAddr> for ClientKey {
    fn from(ip: IpAddr) -> Self {
        match ip.to_canonical() {
            // The mapped form has bits set in its lower half, which no masked IPv6 address has.
            IpAddr::V4(v4) => Self(v4.to_ipv6_mapped().to_bits()),
            IpAddr::V6(v6) => Self(v6.to_bits() & CLIENT_V6_MASK),
        }
    }
}

#[cfg(all(test, not(loom)))]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

    use super::*;

    fn v6(text: &str, flow: u32, scope: u32) -> TargetKey {
        SocketAddr::V6(SocketAddrV6::new(text.parse().unwrap(), 22, flow, scope)).into()
    }

    fn target(text: &str) -> TargetKey {
        text.parse::<SocketAddr>().unwrap().into()
    }

    fn client(text: &str) -> ClientKey {
        text.parse::<IpAddr>().unwrap().into()
    }

    #[test]
    fn different_addresses_have_different_keys() {
        assert_ne!(target("192.0.2.1:22"), target("192.0.2.1:23"));
        assert_ne!(target("192.0.2.1:22"), target("192.0.2.2:22"));
        assert_ne!(target("[::192.0.2.1]:22"), target("192.0.2.1:22"));
        assert_ne!(v6("fe80::1", 0, 1), v6("fe80::1", 0, 2));
    }

    #[test]
    fn the_text_of_a_key_is_stable_and_read_back() {
        for (key, text) in [
            (target("192.0.2.1:65535"), "192.0.2.1:65535"),
            (target("[::ffff:192.0.2.1]:22"), "192.0.2.1:22"),
            (target("[2001:DB8:0:0::1]:22"), "[2001:db8::1]:22"),
            (v6("2001:db8::1", 7, 9), "[2001:db8::1]:22"),
            (v6("fe80::1", 7, 2), "[fe80::1%2]:22"),
            (v6("fe80::1", 3, u32::MAX), "[fe80::1%4294967295]:22"),
        ] {
            assert_eq!(key.to_string(), text);
            assert_eq!(text.parse(), Ok(key));
        }
        assert_eq!("[::ffff:192.0.2.1]:22".parse(), Ok(target("192.0.2.1:22")));
        for bad in ["", "192.0.2.1", "db:22", "[2001:db8::1]", "192.0.2.1:65536"] {
            assert!(bad.parse::<TargetKey>().is_err(), "{bad}");
        }
    }

    #[test]
    fn a_client_is_its_ipv4_address_or_its_slash_64() {
        assert_ne!(client("192.0.2.1"), client("192.0.2.2"));
        assert_eq!(client("::ffff:192.0.2.1"), client("192.0.2.1"));
        assert_eq!(client("2001:db8::1"), client("2001:db8::ffff:1"));
        assert_ne!(client("2001:db8::1"), client("2001:db8:0:1::1"));
        assert_ne!(client("::1"), client("0.0.0.0"));
    }
}
