//! Networks in CIDR form: whose word on a client's address is believed.

use super::value::Element;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// The addresses that begin with the same bits as `address`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Network {
    address: IpAddr,
    /// At most 32 or 128; the bits of `address` after it are zero.
    prefix: u8,
}

impl Network {
    /// This machine's own addresses.
    pub(super) fn loopback() -> Vec<Self> {
        vec![
            Self {
                address: IpAddr::V4(Ipv4Addr::new(127, 0, 0, 0)),
                prefix: 8,
            },
            Self {
                address: IpAddr::V6(Ipv6Addr::LOCALHOST),
                prefix: 128,
            },
        ]
    }

    /// Whether `ip` is in it; an IPv4-mapped address is the IPv4 address.
    pub fn contains(&self, ip: IpAddr) -> bool {
        let ip = ip.to_canonical();
        ip.is_ipv4() == self.address.is_ipv4() && first_bits(ip, self.prefix) == self.address
    }
}

/// The bits after the first `prefix` cleared.
fn first_bits(ip: IpAddr, prefix: u8) -> IpAddr {
    match ip {
        IpAddr::V4(v4) => {
            let cleared = 32u32.saturating_sub(prefix.into());
            let mask = u32::MAX.checked_shl(cleared).unwrap_or(0);
            Ipv4Addr::from_bits(v4.to_bits() & mask).into()
        }
        IpAddr::V6(v6) => {
            let cleared = 128u32.saturating_sub(prefix.into());
            let mask = u128::MAX.checked_shl(cleared).unwrap_or(0);
            Ipv6Addr::from_bits(v6.to_bits() & mask).into()
        }
    }
}

impl Element for Network {
    const ACCEPTS: &'static str = "a network such as 10.0.0.0/8 or 2001:db8::/32, without bits after the prefix, or an address";

    fn parse(text: &str) -> Option<Self> {
        let (address, prefix) = match text.split_once('/') {
            Some((address, digits)) => {
                // No sign, no leading zero.
                let prefix: u8 = digits.parse().ok()?;
                (address, (prefix.to_string() == digits).then_some(prefix)?)
            }
            None => (text, u8::MAX),
        };
        let address: IpAddr = address.parse().ok()?;
        let width = if address.is_ipv4() { 32 } else { 128 };
        let prefix = if text.contains('/') { prefix } else { width };
        let written_in_full = address == address.to_canonical();
        (written_in_full && prefix <= width && first_bits(address, prefix) == address)
            .then_some(Self { address, prefix })
    }

    fn spell(&self) -> String {
        format!("{}/{}", self.address, self.prefix)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_network_is_an_address_and_a_prefix() {
        for (text, spelled) in [
            ("10.0.0.0/8", "10.0.0.0/8"),
            ("0.0.0.0/0", "0.0.0.0/0"),
            ("192.0.2.7", "192.0.2.7/32"),
            ("2001:DB8::/32", "2001:db8::/32"),
            ("::/0", "::/0"),
            ("::1", "::1/128"),
        ] {
            let network = Network::parse(text).unwrap();
            assert_eq!(network.spell(), spelled);
            assert_eq!(Network::parse(spelled), Some(network));
        }
        for text in [
            "",
            "/",
            "10.0.0.0/",
            "10.0.0.0/33",
            "10.0.0.0/+8",
            "10.0.0.0/08",
            "10.0.0.1/8",
            "10.0.0/8",
            "::/129",
            "2001:db8::1/32",
            "::ffff:10.0.0.0/104",
            "localhost",
            "10.0.0.0/8/8",
            "10.0.0.0/8 ",
        ] {
            assert_eq!(Network::parse(text), None, "{text:?}");
        }
    }

    #[test]
    fn a_network_holds_the_addresses_that_begin_with_it() {
        for (network, ip, held) in [
            ("10.0.0.0/8", "10.255.255.255", true),
            ("10.0.0.0/8", "11.0.0.0", false),
            ("10.0.0.0/8", "::ffff:10.1.2.3", true),
            ("0.0.0.0/0", "255.1.2.3", true),
            ("0.0.0.0/0", "::1", false),
            ("::/0", "1.2.3.4", false),
            ("192.0.2.7", "192.0.2.7", true),
            ("192.0.2.7", "192.0.2.6", false),
            ("2001:db8::/33", "2001:db8:7fff::1", true),
            ("2001:db8::/33", "2001:db8:8000::1", false),
        ] {
            let network = Network::parse(network).unwrap();
            assert_eq!(network.contains(ip.parse().unwrap()), held, "{ip}");
        }
    }
}
