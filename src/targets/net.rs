//! Special-purpose address ranges, which only an explicit entry of the policy opens.
//!
//! Pure arithmetic. Does NOT parse or apply rules.

pub(super) use crate::net::Net;
use crate::net::canonical_ip;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// Range that no broad rule opens.
#[derive(Debug)]
pub(super) struct SpecialRange {
    pub(super) net: Net,
    /// Name of the range, with its article.
    pub(super) what: &'static str,
}

const METADATA: &str = "a cloud metadata address";

/// Ranges, the most specific first: a rule for all of link-local does not open the metadata address
/// inside it.
const SPECIAL: &[SpecialRange] = &[
    // Nearly every cloud.
    special(Net::v4(169, 254, 169, 254, 32), METADATA),
    // Amazon's for containers and pods.
    special(Net::v4(169, 254, 170, 2, 32), METADATA),
    special(Net::v4(169, 254, 170, 23, 32), METADATA),
    // Tencent, Scaleway.
    special(Net::v4(169, 254, 0, 23, 32), METADATA),
    special(Net::v4(169, 254, 42, 42, 32), METADATA),
    // Alibaba, Azure, Oracle Classic.
    special(Net::v4(100, 100, 100, 200, 32), METADATA),
    special(Net::v4(168, 63, 129, 16, 32), METADATA),
    special(Net::v4(192, 0, 0, 192, 32), METADATA),
    // In IPv6: Amazon (instances, pods), Google, Oracle, Scaleway, Linode, OpenStack.
    special(metadata_v6([0xfd00, 0xec2, 0, 0, 0, 0, 0, 0x254]), METADATA),
    special(metadata_v6([0xfd00, 0xec2, 0, 0, 0, 0, 0, 0x23]), METADATA),
    special(metadata_v6([0xfd20, 0xce, 0, 0, 0, 0, 0, 0x254]), METADATA),
    special(
        metadata_v6([0xfd00, 0xc1, 0, 0, 0, 0, 0xa9fe, 0xa9fe]),
        METADATA,
    ),
    special(metadata_v6([0xfd00, 0x42, 0, 0, 0, 0, 0, 0x42]), METADATA),
    special(
        metadata_v6([0xfd00, 0xa9fe, 0xa9fe, 0, 0, 0, 0, 1]),
        METADATA,
    ),
    special(
        metadata_v6([0xfe80, 0, 0, 0, 0, 0, 0xa9fe, 0xa9fe]),
        METADATA,
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
    // RFC 8215: the network chooses the position of the IPv4 address in these, so that they cannot
    // be canonicalised to it.
    special(
        Net::v6([0x64, 0xff9b, 1, 0, 0, 0, 0, 0], 48),
        "a local address translation",
    ),
];

const fn metadata_v6(segments: [u16; 8]) -> Net {
    Net::v6(segments, 128)
}

const fn special(net: Net, what: &'static str) -> SpecialRange {
    SpecialRange { net, what }
}

/// Returns the special range that a connection to `ip` may end in, with the address inside it.
pub(super) fn special_range(ip: IpAddr) -> Option<(&'static SpecialRange, IpAddr)> {
    endpoints(ip).find_map(|end| {
        let special = SPECIAL.iter().find(|s| s.net.contains(end));
        special.map(|special| (special, end))
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
