//! The bridge's own listeners as targets of its own policy.
//!
//! Asks the kernel which addresses are this machine's; sends nothing.

use crate::net::canonical_ip;
use std::io;
use std::net::{IpAddr, SocketAddr, UdpSocket};
use std::sync::{Arc, OnceLock};

/// Addresses of the public and the admin listeners. They are known once they are bound,
/// after the rules were parsed, and stay the same for the life of the process. Cheap to clone; the
/// clones share them.
#[derive(Debug, Clone)]
pub struct OwnListeners {
    addresses: Arc<OnceLock<Vec<SocketAddr>>>,
    is_local: fn(SocketAddr) -> bool,
}

impl Default for OwnListeners {
    fn default() -> Self {
        Self {
            addresses: Arc::default(),
            is_local,
        }
    }
}

impl OwnListeners {
    /// Sets the addresses, once, before the bridge serves. A second call changes nothing.
    pub fn set(&self, addresses: Vec<SocketAddr>) {
        let _ = self.addresses.set(addresses);
    }

    /// Listeners with another answer to which addresses are this machine's.
    #[cfg(test)]
    pub(super) fn with(addresses: &[SocketAddr], is_local: fn(SocketAddr) -> bool) -> Self {
        let own = Self {
            addresses: Arc::default(),
            is_local,
        };
        own.set(addresses.to_vec());
        own
    }

    /// Returns whether a connection to `address` would reach one of the listeners. For a listener
    /// on the unspecified address the kernel is asked each time, because addresses of a machine
    /// change. The outer address of a NAT in front of this machine cannot be recognised: an
    /// operator denies it by a rule.
    pub(super) fn contains(&self, address: SocketAddr) -> bool {
        let listeners = self.addresses.get().map_or(&[][..], Vec::as_slice);
        listeners
            .iter()
            .filter(|listener| listener.port() == address.port())
            .any(|listener| self.reaches(address, listener.ip().to_canonical()))
    }

    fn reaches(&self, address: SocketAddr, listener: IpAddr) -> bool {
        let (ip, end) = (address.ip().to_canonical(), canonical_ip(address.ip()));
        // The kernel takes the unspecified address for this machine.
        if ip == listener || end == listener || end.is_unspecified() {
            return true;
        }
        // `::` may take IPv4 connections too, 0.0.0.0 takes no other.
        let family = listener.is_ipv6() || end.is_ipv4();
        let local = |ip: IpAddr| {
            let mut address = address;
            address.set_ip(ip);
            (self.is_local)(address)
        };
        listener.is_unspecified() && family && (local(ip) || end != ip && local(end))
    }
}

/// Returns whether the kernel would bind the address, which it does for this machine's alone. Any
/// other failure, such as too few descriptors, counts as yes.
fn is_local(address: SocketAddr) -> bool {
    let mut address = address;
    address.set_port(0);
    match UdpSocket::bind(address) {
        Ok(_) => true,
        Err(error) => error.kind() != io::ErrorKind::AddrNotAvailable,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn address(text: &str) -> SocketAddr {
        text.parse().unwrap()
    }

    /// This machine has these three and no other.
    fn three(address: SocketAddr) -> bool {
        ["127.0.0.1", "192.0.2.1", "2001:db8::1"].contains(&address.ip().to_string().as_str())
    }

    #[test]
    fn an_address_of_a_listener_is_recognised() {
        for (listener, target, reaches) in [
            ("127.0.0.1:8022", "127.0.0.1:8022", true),
            ("127.0.0.1:8022", "127.0.0.1:8023", false),
            ("127.0.0.1:8022", "127.0.0.2:8022", false),
            ("127.0.0.1:8022", "192.0.2.1:8022", false),
            ("127.0.0.1:8022", "[::ffff:127.0.0.1]:8022", true),
            ("127.0.0.1:8022", "[64:ff9b::7f00:1]:8022", true),
            ("127.0.0.1:8022", "0.0.0.0:8022", true),
            ("127.0.0.1:8022", "[::]:8022", true),
            ("[::1]:8022", "[::1]:8022", true),
            ("[::1]:8022", "127.0.0.1:8022", false),
            ("[::ffff:192.0.2.1]:8022", "192.0.2.1:8022", true),
            ("0.0.0.0:8022", "127.0.0.1:8022", true),
            ("0.0.0.0:8022", "192.0.2.1:8022", true),
            ("0.0.0.0:8022", "[64:ff9b::192.0.2.1]:8022", true),
            ("0.0.0.0:8022", "192.0.2.2:8022", false),
            ("0.0.0.0:8022", "192.0.2.1:22", false),
            ("0.0.0.0:8022", "[2001:db8::1]:8022", false),
            ("[::]:8022", "[2001:db8::1]:8022", true),
            ("[::]:8022", "192.0.2.1:8022", true),
            ("[::]:8022", "[2001:db8::2]:8022", false),
        ] {
            let own = OwnListeners::with(&[address("10.9.9.9:1"), address(listener)], three);
            assert_eq!(
                own.contains(address(target)),
                reaches,
                "{listener} {target}"
            );
        }
    }

    #[test]
    fn no_address_is_own_before_set_and_the_first_set_stays() {
        let own = OwnListeners::default();
        let shared = own.clone();
        assert!(!shared.contains(address("127.0.0.1:8022")));
        own.set(vec![address("127.0.0.1:8022")]);
        own.set(Vec::new());
        assert!(shared.contains(address("127.0.0.1:8022")));
    }

    #[test]
    fn local_addresses_are_those_the_kernel_binds() {
        for (text, local) in [
            ("127.0.0.1:1", true),
            ("127.3.2.1:1", true),
            ("192.0.2.1:1", false),
            ("[2001:db8::1]:1", false),
        ] {
            assert_eq!(is_local(address(text)), local, "{text}");
        }
    }
}
