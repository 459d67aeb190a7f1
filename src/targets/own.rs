//! The bridge's own listeners, seen as targets. Asks the kernel one thing,
//! which addresses are this machine's, and sends nothing.

use crate::net::canonical_ip;
use std::io;
use std::net::{IpAddr, SocketAddr, UdpSocket};
use std::sync::{Arc, OnceLock};

/// The addresses the public and the administrator's port listen on. They are
/// known once they are bound, after the rules were read, and stay the same
/// for the life of the process. Cheap to clone; the clones share them.
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
    /// Says where the bridge listens. Once, before it serves; a second call
    /// changes nothing.
    pub fn set(&self, addresses: Vec<SocketAddr>) {
        let _ = self.addresses.set(addresses);
    }

    /// With another word on what is this machine's.
    #[cfg(test)]
    pub(super) fn with(addresses: &[SocketAddr], is_local: fn(SocketAddr) -> bool) -> Self {
        let own = Self {
            addresses: Arc::default(),
            is_local,
        };
        own.set(addresses.to_vec());
        own
    }

    /// Whether a connection to `dialled` would reach one of them. For a
    /// listener on every address the kernel is asked each time, so that an
    /// address which this machine was given a moment ago counts. An address
    /// that is translated on the way back to us (a NAT's outer one) can't be
    /// known for ours: an operator denies it by a rule.
    pub(super) fn holds(&self, dialled: SocketAddr) -> bool {
        let listeners = self.addresses.get().map_or(&[][..], Vec::as_slice);
        listeners
            .iter()
            .filter(|listener| listener.port() == dialled.port())
            .any(|listener| self.reaches(dialled, listener.ip().to_canonical()))
    }

    fn reaches(&self, dialled: SocketAddr, listener: IpAddr) -> bool {
        let (ip, end) = (dialled.ip().to_canonical(), canonical_ip(dialled.ip()));
        // The kernel takes the unspecified address for this machine.
        if ip == listener || end == listener || end.is_unspecified() {
            return true;
        }
        // `::` may take IPv4 connections too, 0.0.0.0 takes no other.
        let family = listener.is_ipv6() || end.is_ipv4();
        let local = |ip: IpAddr| {
            let mut address = dialled;
            address.set_ip(ip);
            (self.is_local)(address)
        };
        listener.is_unspecified() && family && (local(ip) || end != ip && local(end))
    }
}

/// Whether the kernel would bind it: its own word on which addresses are this
/// machine's. Any other failure, such as too few descriptors, counts as yes.
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
    fn what_reaches_a_listener() {
        for (listener, dialled, reaches) in [
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
            assert_eq!(own.holds(address(dialled)), reaches, "{listener} {dialled}");
        }
    }

    #[test]
    fn nothing_is_ours_before_it_is_said_and_what_is_said_first_stays() {
        let own = OwnListeners::default();
        let shared = own.clone();
        assert!(!shared.holds(address("127.0.0.1:8022")));
        own.set(vec![address("127.0.0.1:8022")]);
        own.set(Vec::new());
        assert!(shared.holds(address("127.0.0.1:8022")));
    }

    #[test]
    fn the_kernel_knows_its_addresses() {
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
