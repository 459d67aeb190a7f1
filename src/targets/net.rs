//! The ranges that need an explicit entry in the policy. Pure arithmetic: no rule is read or
//! decided here.

pub(super) use crate::net::Net;
use crate::net::canonical_ip;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// A range no broad rule opens.
#[derive(Debug)]
pub(super) struct Special {
    pub(super) net: Net,
    pub(super) what: &'static str,
}

const METADATA: &str = "a cloud metadata address";

/// The most specific range comes first: a rule for all of link-local does
/// not open the metadata address inside it.
const SPECIAL: &[Special] = &[
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
    // RFC 8215: where the IPv4 address stands in these is the network's choice,
    // so they can't be judged by it.
    special(
        Net::v6([0x64, 0xff9b, 1, 0, 0, 0, 0, 0], 48),
        "a local address translation",
    ),
];

const fn metadata_v6(segments: [u16; 8]) -> Net {
    Net::v6(segments, 128)
}

const fn special(net: Net, what: &'static str) -> Special {
    Special { net, what }
}

/// The special range a connection to `ip` may end in, and which address it is that lies in it.
pub(super) fn special_range(ip: IpAddr) -> Option<(&'static Special, IpAddr)> {
    ends(ip).find_map(|end| {
        let special = SPECIAL.iter().find(|s| s.net.contains(end));
        special.map(|special| (special, end))
    })
}

/// All addresses that a connection to `ip` may end at: the one it is judged by first.
pub(super) fn ends(ip: IpAddr) -> impl Iterator<Item = IpAddr> {
    let beside = match ip {
        IpAddr::V4(_) => None,
        IpAddr::V6(v6) => ipv4_beside(v6),
    };
    [Some(canonical_ip(ip)), beside].into_iter().flatten()
}

/// An IPv4 address in an IPv6 one that does not stand for it, but whose packets may be sent there.
fn ipv4_beside(ip: Ipv6Addr) -> Option<IpAddr> {
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
