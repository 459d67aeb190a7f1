//! Special-purpose address ranges, which only an explicit entry of the policy opens.
//!
//! Pure arithmetic. Does not parse or apply rules.

pub(super) use crate::net::Net;
use crate::net::canonical_ip;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// Ranges that no broad rule opens, by their names with the article. The most specific first: a
/// rule for all of link-local does not open the metadata address inside it.
const SPECIAL: &[(&str, &[Net])] = &[
    (
        "a cloud metadata address",
        &[
            // Nearly every cloud.
            Net::v4(169, 254, 169, 254, 32),
            // Amazon's for containers and pods.
            Net::v4(169, 254, 170, 2, 32),
            Net::v4(169, 254, 170, 23, 32),
            // Tencent, Scaleway.
            Net::v4(169, 254, 0, 23, 32),
            Net::v4(169, 254, 42, 42, 32),
            // Alibaba, Azure, Oracle Classic.
            Net::v4(100, 100, 100, 200, 32),
            Net::v4(168, 63, 129, 16, 32),
            Net::v4(192, 0, 0, 192, 32),
            // In IPv6: Amazon (instances, pods), Google, Oracle, Scaleway, Linode, OpenStack.
            Net::v6([0xfd00, 0xec2, 0, 0, 0, 0, 0, 0x254], 128),
            Net::v6([0xfd00, 0xec2, 0, 0, 0, 0, 0, 0x23], 128),
            Net::v6([0xfd20, 0xce, 0, 0, 0, 0, 0, 0x254], 128),
            Net::v6([0xfd00, 0xc1, 0, 0, 0, 0, 0xa9fe, 0xa9fe], 128),
            Net::v6([0xfd00, 0x42, 0, 0, 0, 0, 0, 0x42], 128),
            Net::v6([0xfd00, 0xa9fe, 0xa9fe, 0, 0, 0, 0, 1], 128),
            Net::v6([0xfe80, 0, 0, 0, 0, 0, 0xa9fe, 0xa9fe], 128),
        ],
    ),
    (
        // All of 0/8: the kernel takes 0.0.0.0 for this machine.
        "an unspecified address",
        &[Net::v4(0, 0, 0, 0, 8), Net::v6([0; 8], 128)],
    ),
    ("a loopback address", &Net::loopback()),
    (
        "a link-local address",
        &[
            Net::v4(169, 254, 0, 0, 16),
            Net::v6([0xfe80, 0, 0, 0, 0, 0, 0, 0], 10),
        ],
    ),
    (
        "a multicast address",
        &[
            Net::v4(224, 0, 0, 0, 4),
            Net::v6([0xff00, 0, 0, 0, 0, 0, 0, 0], 8),
        ],
    ),
    (
        // 240/4, the broadcast address 255.255.255.255 included.
        "a broadcast address or a reserved one",
        &[Net::v4(240, 0, 0, 0, 4)],
    ),
    (
        // RFC 8215: the network chooses the position of the IPv4 address in these, so that they
        // cannot be canonicalised to it.
        "a local address translation",
        &[Net::v6([0x64, 0xff9b, 1, 0, 0, 0, 0, 0], 48)],
    ),
];

/// Returns the special range that a connection to `ip` may end in, its name, and the address inside
/// it.
pub(super) fn special_range(ip: IpAddr) -> Option<(&'static Net, &'static str, IpAddr)> {
    endpoints(ip).find_map(|end| {
        SPECIAL.iter().find_map(|(what, nets)| {
            let net = nets.iter().find(|net| net.contains(end))?;
            Some((net, *what, end))
        })
    })
}

/// Returns all addresses that a connection to `ip` may end at, the canonical one first.
pub(super) fn endpoints(ip: IpAddr) -> impl Iterator<Item = IpAddr> {
    let embedded = match ip {
        IpAddr::V4(_) => None,
        IpAddr::V6(v6) => embedded_ipv4(v6),
    };
    [Some(canonical_ip(ip)), embedded].into_iter().flatten()
}

/// Returns the IPv4 address embedded in an IPv6 one that is not equivalent to it, but whose packets
/// may be sent there.
fn embedded_ipv4(ip: Ipv6Addr) -> Option<IpAddr> {
    let (high, low) = match ip.segments() {
        // The server of a Teredo address (RFC 4380 section 4).
        [0x2001, 0, high, low, _, _, _, _] => (high, low),
        // ISATAP, in any network (RFC 5214 section 6.1).
        [_, _, _, _, 0 | 0x200, 0x5efe, high, low] => (high, low),
        _ => return None,
    };
    let bits = u32::from(high) << 16 | u32::from(low);
    Some(Ipv4Addr::from_bits(bits).into())
}
