//! Networks in CIDR form, the ranges that need an explicit entry in the
//! policy, and the IPv4 addresses hidden in IPv6 ones. Pure arithmetic: no
//! rule is read or decided here.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// A network; `prefix` is at most 32 or 128, and all bits after it are zero.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Net {
    addr: IpAddr,
    prefix: u8,
}

impl Net {
    /// `None` if the prefix is too long for the address.
    pub(super) fn new(addr: IpAddr, prefix: u8) -> Option<Self> {
        (prefix <= width(addr)).then(|| Self {
            addr: masked(addr, prefix),
            prefix,
        })
    }

    /// The network of one address.
    pub(super) fn single(addr: IpAddr) -> Self {
        Self {
            addr,
            prefix: width(addr),
        }
    }

    const fn v4(a: u8, b: u8, c: u8, d: u8, prefix: u8) -> Self {
        Self {
            addr: IpAddr::V4(Ipv4Addr::new(a, b, c, d)),
            prefix,
        }
    }

    const fn v6(s: [u16; 8], prefix: u8) -> Self {
        let [a, b, c, d, e, f, g, h] = s;
        Self {
            addr: IpAddr::V6(Ipv6Addr::new(a, b, c, d, e, f, g, h)),
            prefix,
        }
    }

    /// The first address.
    pub(super) fn addr(&self) -> IpAddr {
        self.addr
    }

    /// IPv4 networks hold no IPv6 address, and the other way round.
    pub(super) fn contains(&self, ip: IpAddr) -> bool {
        self.addr.is_ipv4() == ip.is_ipv4() && masked(ip, self.prefix) == self.addr
    }

    /// Whether it is one address.
    pub(super) fn is_single(&self) -> bool {
        self.prefix == width(self.addr)
    }

    /// Whether `self` lies inside `outer`, or is it.
    pub(super) fn is_within(&self, outer: &Self) -> bool {
        self.prefix >= outer.prefix && outer.contains(self.addr)
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
    match ip {
        IpAddr::V4(v4) => {
            let host_bits = 32u32.saturating_sub(prefix.into());
            let mask = u32::MAX.checked_shl(host_bits).unwrap_or(0);
            Ipv4Addr::from_bits(v4.to_bits() & mask).into()
        }
        IpAddr::V6(v6) => {
            let host_bits = 128u32.saturating_sub(prefix.into());
            let mask = u128::MAX.checked_shl(host_bits).unwrap_or(0);
            Ipv6Addr::from_bits(v6.to_bits() & mask).into()
        }
    }
}

/// What counts as one client: an IPv4 address, or the /64 of an IPv6 one.
pub(super) fn network_of(client: IpAddr) -> IpAddr {
    match client.to_canonical() {
        IpAddr::V6(v6) => masked(v6.into(), 64),
        v4 => v4,
    }
}

/// A range no broad rule opens.
#[derive(Debug)]
pub(super) struct Special {
    pub(super) net: Net,
    pub(super) what: &'static str,
}

/// The most specific range comes first: a rule for all of link-local does
/// not open the metadata address inside it.
const SPECIAL: &[Special] = &[
    special(Net::v4(169, 254, 169, 254, 32), "a cloud metadata address"),
    // The same service of the clouds that put it elsewhere.
    special(Net::v4(100, 100, 100, 200, 32), "a cloud metadata address"),
    special(
        Net::v6([0xfd00, 0xec2, 0, 0, 0, 0, 0, 0x254], 128),
        "a cloud metadata address",
    ),
    // All of 0/8: the kernel takes 0.0.0.0 for this machine.
    special(Net::v4(0, 0, 0, 0, 8), "an unspecified address"),
    special(Net::v6([0; 8], 128), "an unspecified address"),
    special(Net::v4(127, 0, 0, 0, 8), "a loopback address"),
    special(Net::v6([0, 0, 0, 0, 0, 0, 0, 1], 128), "a loopback address"),
    special(Net::v4(169, 254, 0, 0, 16), "a link-local address"),
    special(
        Net::v6([0xfe80, 0, 0, 0, 0, 0, 0, 0], 10),
        "a link-local address",
    ),
    special(Net::v4(224, 0, 0, 0, 4), "a multicast address"),
    special(
        Net::v6([0xff00, 0, 0, 0, 0, 0, 0, 0], 8),
        "a multicast address",
    ),
    // 240/4, the broadcast address 255.255.255.255 included.
    special(
        Net::v4(240, 0, 0, 0, 4),
        "a broadcast address or a reserved one",
    ),
    // RFC 8215: where the IPv4 address stands in these is the network's choice,
    // so they can't be judged by it.
    special(
        Net::v6([0x64, 0xff9b, 1, 0, 0, 0, 0, 0], 48),
        "a local address translation",
    ),
];

const fn special(net: Net, what: &'static str) -> Special {
    Special { net, what }
}

/// The special range `ip` is in. `ip` must have gone through [`judged`].
pub(super) fn special_range(ip: IpAddr) -> Option<&'static Special> {
    SPECIAL.iter().find(|s| s.net.contains(ip))
}

/// The address the policy judges: the IPv4 address inside `ip` if it is an
/// IPv6 address that stands for one.
pub(super) fn judged(ip: IpAddr) -> IpAddr {
    match ip {
        IpAddr::V4(_) => ip,
        IpAddr::V6(v6) => embedded_ipv4(v6).map_or(ip, IpAddr::V4),
    }
}

fn embedded_ipv4(ip: Ipv6Addr) -> Option<Ipv4Addr> {
    let join = |high: u16, low: u16| Ipv4Addr::from_bits(u32::from(high) << 16 | u32::from(low));
    match ip.segments() {
        // `::` and `::1` are themselves; the rest of ::/96 is the old
        // "IPv4-compatible" form (RFC 4291 section 2.5.5.1).
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
        _ => None,
    }
}
