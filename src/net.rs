//! Networks in CIDR form, and the one spelling of an address or host name. Pure arithmetic: the
//! meaning of a network or a name is decided elsewhere.

use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// A network; `prefix` is at most 32 or 128, and all bits after it are zero.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Net {
    addr: IpAddr,
    prefix: u8,
}

impl Net {
    /// `None` if the prefix is too long for the address.
    pub fn new(addr: IpAddr, prefix: u8) -> Option<Self> {
        (prefix <= width(addr)).then(|| Self {
            addr: masked(addr, prefix),
            prefix,
        })
    }

    /// The network of one address.
    pub fn single(addr: IpAddr) -> Self {
        Self {
            addr,
            prefix: width(addr),
        }
    }

    /// Reads `10.0.0.0/8`, `2001:db8::/32`, or one address. `None` for anything else: bits set
    /// after the prefix, and IPv4-mapped IPv6 addresses, because addresses are compared in
    /// canonical form.
    pub fn parse(text: &str) -> Option<Self> {
        let (addr, prefix) = match text.split_once('/') {
            None => (text, None),
            Some((addr, prefix)) => (addr, Some(prefix)),
        };
        let addr: IpAddr = addr.parse().ok()?;
        let net = match prefix {
            None => Self::single(addr),
            Some(prefix) => {
                // No sign and no leading zero.
                let bits: u8 = prefix.parse().ok()?;
                Self::new(addr, (bits.to_string() == prefix).then_some(bits)?)?
            }
        };
        (net.addr == addr && addr.to_canonical() == addr).then_some(net)
    }

    pub(crate) const fn v4(a: u8, b: u8, c: u8, d: u8, prefix: u8) -> Self {
        Self {
            addr: IpAddr::V4(Ipv4Addr::new(a, b, c, d)),
            prefix,
        }
    }

    pub(crate) const fn v6(s: [u16; 8], prefix: u8) -> Self {
        let [a, b, c, d, e, f, g, h] = s;
        Self {
            addr: IpAddr::V6(Ipv6Addr::new(a, b, c, d, e, f, g, h)),
            prefix,
        }
    }

    /// This machine's own addresses.
    pub(crate) const fn loopback() -> [Self; 2] {
        [
            Self::v4(127, 0, 0, 0, 8),
            Self::v6([0, 0, 0, 0, 0, 0, 0, 1], 128),
        ]
    }

    /// The first address.
    pub fn addr(&self) -> IpAddr {
        self.addr
    }

    /// The last address.
    pub fn last(&self) -> IpAddr {
        change_bits(self.addr, self.prefix, |bits, host_bits| bits | host_bits)
    }

    /// IPv4 networks hold no IPv6 address, and the other way round.
    pub fn contains(&self, ip: IpAddr) -> bool {
        self.addr.is_ipv4() == ip.is_ipv4() && masked(ip, self.prefix) == self.addr
    }

    /// Returns whether it is one address.
    pub fn is_single(&self) -> bool {
        self.prefix == width(self.addr)
    }

    /// Returns whether `self` lies inside `outer`, or equals it.
    pub fn is_within(&self, outer: &Self) -> bool {
        self.prefix >= outer.prefix && outer.contains(self.addr)
    }
}

impl fmt::Display for Net {
    /// Writes what [`Net::parse`] reads: one address stands without its prefix.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.prefix == width(self.addr) {
            self.addr.fmt(f)
        } else {
            write!(f, "{}/{}", self.addr, self.prefix)
        }
    }
}

/// Returns the network that counts as one client: an IPv4 address, or the /64 of an IPv6 one.
pub fn network_of(client: IpAddr) -> IpAddr {
    match client.to_canonical() {
        IpAddr::V6(v6) => masked(v6.into(), 64),
        v4 => v4,
    }
}

/// The address that `ip` leads to: the IPv4 address inside, if `ip` is an IPv6 address that stands
/// for one; else itself.
pub fn canonical_ip(ip: IpAddr) -> IpAddr {
    match ip {
        IpAddr::V4(_) => ip,
        IpAddr::V6(v6) => embedded_ipv4(v6).map_or(ip, IpAddr::V4),
    }
}

/// The one spelling of a host: in lower case, without final dots; an address as [`canonical_ip`],
/// in its shortest text (RFC 5952) and without brackets. Whatever is looked up by a host's name
/// (host keys, principals, tickets) is looked up by this, so that no other spelling escapes what is
/// on record. A name that is no host comes back in lower case.
pub fn canonical_host(host: &str) -> String {
    let inner = host.strip_prefix('[').and_then(|h| h.strip_suffix(']'));
    match inner.unwrap_or(host).parse() {
        Ok(ip) => canonical_ip(ip).to_string(),
        Err(_) => {
            let mut name = host.trim_end_matches('.').to_owned();
            name.make_ascii_lowercase();
            name
        }
    }
}

fn embedded_ipv4(ip: Ipv6Addr) -> Option<Ipv4Addr> {
    let join = |high: u16, low: u16| Ipv4Addr::from_bits(u32::from(high) << 16 | u32::from(low));
    match ip.segments() {
        // `::` and `::1` are themselves; the rest of ::/96 is the old "IPv4-compatible" form (RFC
        // 4291 section 2.5.5.1).
        [0, 0, 0, 0, 0, 0, 0, 0 | 1] => None,
        [0, 0, 0, 0, 0, 0, a, b] => Some(join(a, b)),
        // IPv4-mapped (RFC 4291 section 2.5.5.2).
        [0, 0, 0, 0, 0, 0xffff, a, b] => Some(join(a, b)),
        // IPv4-translated (RFC 2765 section 2.1).
        [0, 0, 0, 0, 0xffff, 0, a, b] => Some(join(a, b)),
        // NAT64 (RFC 6052 section 2.1).
        [0x64, 0xff9b, 0, 0, 0, 0, a, b] => Some(join(a, b)),
        // 6to4 (RFC 3056 section 2).
        [0x2002, a, b, _, _, _, _, _] => Some(join(a, b)),
        // Teredo: the client's address, its bits inverted (RFC 4380 section 4).
        [0x2001, 0, _, _, _, _, a, b] => Some(join(!a, !b)),
        _ => None,
    }
}

fn width(ip: IpAddr) -> u8 {
    match ip {
        IpAddr::V4(_) => 32,
        IpAddr::V6(_) => 128,
    }
}

/// `ip` with the bits after `prefix` cleared; a prefix of 0 clears all.
fn masked(ip: IpAddr, prefix: u8) -> IpAddr {
    change_bits(ip, prefix, |bits, host_bits| bits & !host_bits)
}

/// Passes the bits of `ip`, and a mask of those after `prefix`, to `change`, which must leave the
/// bits before them.
fn change_bits(ip: IpAddr, prefix: u8, change: fn(u128, u128) -> u128) -> IpAddr {
    let count = u32::from(width(ip).saturating_sub(prefix));
    let host_bits = !u128::MAX.checked_shl(count).unwrap_or(0);
    match ip {
        IpAddr::V4(v4) => {
            let bits = change(v4.to_bits().into(), host_bits);
            Ipv4Addr::from_bits(bits as u32).into()
        }
        IpAddr::V6(v6) => Ipv6Addr::from_bits(change(v6.to_bits(), host_bits)).into(),
    }
}

#[cfg(test)]
mod tests {
    use super::{Net, canonical_host};

    #[test]
    fn one_host_has_one_spelling() {
        for (spellings, canonical) in [
            (
                &["Host.Example", "host.example.", "HOST.EXAMPLE."][..],
                "host.example",
            ),
            (
                &["192.0.2.1", "::ffff:192.0.2.1", "[::FFFF:C000:201]"],
                "192.0.2.1",
            ),
            (
                &["::192.0.2.1", "64:ff9b::c000:201", "2002:c000:201::7"],
                "192.0.2.1",
            ),
            (
                &["2001:0:4136:e378:8000:63bf:3fff:fdfe", "::ffff:0:192.0.2.1"],
                "192.0.2.1",
            ),
            (
                &["2001:DB8:0:0:0:0:0:1", "[2001:db8::0:1]", "2001:db8::1"],
                "2001:db8::1",
            ),
            (&["::1", "[::1]", "0:0::0:1"], "::1"),
            (&["a..", "A."], "a"),
            (&[".", ""], ""),
        ] {
            for spelling in spellings {
                assert_eq!(canonical_host(spelling), canonical, "{spelling}");
            }
        }
    }

    #[test]
    fn what_is_read_is_printed_the_same() {
        for text in [
            "10.0.0.0/8",
            "192.0.2.1",
            "0.0.0.0/0",
            "2001:db8::/32",
            "::1",
            "::/0",
        ] {
            let net = Net::parse(text).unwrap();
            assert_eq!(net.to_string(), text);
        }
        assert_eq!(Net::parse("10.0.0.1/32").unwrap().to_string(), "10.0.0.1");
    }

    #[test]
    fn what_is_no_network_is_refused() {
        for text in [
            "",
            "10.0.0.0/33",
            "10.0.0.0/",
            "10.0.0.0/+8",
            "10.0.0.0/08",
            "10.0.0.1/8",
            "10.0.0",
            "010.0.0.1",
            "::/129",
            "[::1]",
            "fe80::1%eth0",
            "::ffff:10.0.0.1",
            "::ffff:10.0.0.0/104",
            "localhost",
            "10.0.0.0/8/8",
        ] {
            assert_eq!(Net::parse(text), None, "{text}");
        }
    }

    #[test]
    fn the_last_address_is_the_last_that_is_held() {
        for (net, last) in [
            ("10.0.0.0/8", "10.255.255.255"),
            ("192.0.2.1", "192.0.2.1"),
            ("0.0.0.0/0", "255.255.255.255"),
            ("2001::/16", "2001:ffff:ffff:ffff:ffff:ffff:ffff:ffff"),
            ("::/0", "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff"),
        ] {
            assert_eq!(Net::parse(net).unwrap().last().to_string(), last, "{net}");
        }
    }

    #[test]
    fn a_network_holds_its_own_family_alone() {
        let net = |text| Net::parse(text).unwrap();
        assert!(net("10.0.0.0/8").contains([10, 255, 0, 1].into()));
        assert!(!net("10.0.0.0/8").contains([11, 0, 0, 1].into()));
        assert!(net("0.0.0.0/0").contains([1, 2, 3, 4].into()));
        assert!(!net("0.0.0.0/0").contains("2001:db8::1".parse().unwrap()));
        assert!(net("2001:db8::/32").contains("2001:db8:ffff::1".parse().unwrap()));
    }
}
