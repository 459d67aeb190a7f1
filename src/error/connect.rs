//! Failures of the TCP connection to a target, in words for the client.

use std::fmt;
use std::io::{self, ErrorKind};
use std::net::SocketAddr;

/// Failure to connect: the kind of the system's error, and the address.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ConnectFailure {
    kind: ErrorKind,
    address: Option<SocketAddr>,
}

impl ConnectFailure {
    /// `address` is `None` where the client is not to learn it: of a named target it knows the name
    /// alone.
    pub fn new(error: &io::Error, address: Option<SocketAddr>) -> Self {
        let kind = error.kind();
        Self { kind, address }
    }
}

impl fmt::Display for ConnectFailure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let what = match self.kind {
            ErrorKind::ConnectionRefused => "connection refused by",
            ErrorKind::ConnectionReset => "connection reset by",
            ErrorKind::HostUnreachable | ErrorKind::NetworkUnreachable => "no route to",
            ErrorKind::TimedOut => "no answer from",
            // The rest are faults of this machine, which are logged.
            _ => "no connection to",
        };
        match self.address {
            Some(address) => write!(f, "{what} {address}"),
            None => write!(f, "{what} its address"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_cause_and_the_address_are_named_and_fit_a_close_reason() {
        let address = Some(SocketAddr::from(([192, 0, 2, 7], 22)));
        let text = |kind: ErrorKind, address| {
            let failure = ConnectFailure::new(&kind.into(), address);
            crate::error::SessionError::NotConnected(failure).to_string()
        };
        for (kind, expected) in [
            (ErrorKind::ConnectionRefused, "connection refused by"),
            (ErrorKind::NetworkUnreachable, "no route to"),
            (ErrorKind::StorageFull, "no connection to"),
        ] {
            let expected = format!("the target is unreachable: {expected}");
            assert_eq!(text(kind, address), format!("{expected} 192.0.2.7:22"));
            assert_eq!(text(kind, None), format!("{expected} its address"));
        }
        let longest = Some(SocketAddr::from(([0xffff; 8], 65535)));
        assert!(text(ErrorKind::ConnectionRefused, longest).len() <= 123);
    }
}
