//! Looks the hosts of plans up, off the shards: `getaddrinfo` blocks. It
//! judges no address ([`Resolution::filter`] does), keeps no cache and sets no
//! deadline: a caller that gives up drops the future; a look-up that has not
//! started is then skipped, and one that runs is given up, so that names
//! whose servers never answer do not keep the others waiting.
//!
//! Bounds, with `targets.resolver_threads` = N: N look-ups at once, N / 2 of
//! one client (/32 or /64); with those given up, which run until the C library
//! gives them up as well, 4 N, and 2 N of one client. 1024 more wait, at most
//! 256 of one client; clients are served in turn, and a full queue takes from
//! the client that holds most of it (`workers`). Whoever does not fit is told
//! that the resolver is busy.

use super::address::Host;
use super::policy::Resolution;
use crate::workers::{Bounds, WorkError, Workers};
use dns_lookup::{AddrInfoHints, LookupError, LookupErrorKind, SockType, getaddrinfo};
use futures_lite::FutureExt;
use std::future::Future;
use std::io;
use std::net::{IpAddr, SocketAddr};
use thiserror::Error;

/// Most addresses of one name that are looked at.
const MAX_ADDRESSES: usize = 64;

/// Look-ups that may wait for a thread. Each is a login in progress, whose own
/// deadline is a few seconds: more could not be served in time.
const QUEUE: usize = 1024;

/// Why a host has no addresses.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum ResolveError {
    /// There is no such name, or it has no address, or more than 64.
    #[error("the name has no address")]
    NotFound,
    /// The name servers did not answer, or the look-up failed here.
    #[error("the name could not be looked up now")]
    Temporary,
    /// As many look-ups wait as may, of all clients or of this one.
    #[error("the name resolver is busy")]
    QueueFull,
}

/// Looks up names on threads of its own. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Resolver {
    workers: Workers,
}

impl Resolver {
    /// A resolver of `threads` look-ups at once. To be called before the
    /// shards are pinned: its threads run where its caller does.
    ///
    /// # Errors
    /// The system's reason for not starting a thread.
    pub fn start(threads: usize) -> io::Result<Self> {
        let workers = Workers::start("lookup", Bounds::replacing(threads, QUEUE))?;
        Ok(Self { workers })
    }

    /// The addresses of `plan`'s host, at least one, with its port, in the
    /// order in which they should be tried (RFC 6724). They are not judged yet:
    /// pass them through [`Resolution::filter`]. `client` is who asks.
    ///
    /// # Errors
    /// [`ResolveError`], from the future.
    pub fn resolve(
        &self,
        resolution: &Resolution,
        client: IpAddr,
    ) -> impl Future<Output = Result<Vec<SocketAddr>, ResolveError>> + Send + use<> {
        let port = resolution.port();
        match resolution.lookup_host() {
            Host::Ip(ip) => {
                let literal = SocketAddr::new(*ip, port);
                async move { Ok(vec![literal]) }.boxed()
            }
            Host::Name(name) => {
                let name = name.clone();
                let found = self.workers.run(client, move || look_up(&name, port));
                async move {
                    match found.await {
                        Ok(found) => found,
                        Err(WorkError::QueueFull) => Err(ResolveError::QueueFull),
                        Err(WorkError::Lost) => Err(ResolveError::Temporary),
                    }
                }
                .boxed()
            }
        }
    }
}

/// `getaddrinfo` by way of a crate that keeps its error code: the standard
/// library tells "no such name" from "no answer" by text alone.
fn look_up(name: &str, port: u16) -> Result<Vec<SocketAddr>, ResolveError> {
    // RFC 6761 section 6.3: never a matter of name servers, where glibc would
    // take the absolute form.
    let name = match name {
        "localhost." => "localhost",
        name => name,
    };
    let hints = AddrInfoHints {
        socktype: SockType::Stream.into(),
        ..AddrInfoHints::default()
    };
    let found = getaddrinfo(Some(name), None, Some(hints)).map_err(|error| cause(&error))?;
    let mut addresses = Vec::new();
    for info in found {
        let mut address = info.map_err(|_| ResolveError::Temporary)?.sockaddr;
        address.set_port(port);
        if addresses.len() == MAX_ADDRESSES {
            return Err(ResolveError::NotFound);
        }
        addresses.push(address);
    }
    if addresses.is_empty() {
        return Err(ResolveError::NotFound);
    }
    Ok(addresses)
}

fn cause(error: &LookupError) -> ResolveError {
    match error.kind() {
        LookupErrorKind::NoName | LookupErrorKind::NoData => ResolveError::NotFound,
        LookupErrorKind::Again
        | LookupErrorKind::Badflags
        | LookupErrorKind::Fail
        | LookupErrorKind::Family
        | LookupErrorKind::Socktype
        | LookupErrorKind::Service
        | LookupErrorKind::Memory
        | LookupErrorKind::System
        | LookupErrorKind::Unknown
        | LookupErrorKind::IO => ResolveError::Temporary,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::targets::{Policy, TargetRequest};
    use futures_lite::future::block_on;
    use std::net::Ipv4Addr;

    fn resolution_of(allow: &str, host: &str, port: u16) -> Resolution {
        let requested = TargetRequest::Host {
            host: host.to_owned(),
            port,
        };
        let policy = Policy::parse(&[allow.to_owned()], &[], &[]).unwrap();
        policy.evaluate(&requested).unwrap()
    }

    const CLIENT: IpAddr = IpAddr::V4(Ipv4Addr::LOCALHOST);

    #[test]
    fn an_address_is_its_own_answer() {
        let resolver = Resolver::start(1).unwrap();
        for (allow, host, address) in [
            ("192.0.2.0/24:22", "192.0.2.7", "192.0.2.7:22"),
            ("[2001:db8::/32]:22", "2001:db8::7", "[2001:db8::7]:22"),
        ] {
            let future = resolver.resolve(&resolution_of(allow, host, 22), CLIENT);
            assert_eq!(block_on(future), Ok(vec![address.parse().unwrap()]));
        }
    }

    #[test]
    fn names_are_looked_up_and_get_the_port() {
        let resolver = Resolver::start(1).unwrap();
        let resolution = resolution_of("localhost:2222", "localhost", 2222);
        let found = block_on(resolver.resolve(&resolution, CLIENT)).unwrap();
        assert!(!found.is_empty());
        for address in &found {
            assert!(address.ip().is_loopback(), "{address}");
            assert_eq!(address.port(), 2222);
        }
        assert!(!resolution.filter(found).unwrap().is_empty());
    }

    #[test]
    fn an_absolute_localhost_is_localhost() {
        let resolver = Resolver::start(1).unwrap();
        let resolution = resolution_of("localhost:22", "LOCALHOST.", 22);
        let found = block_on(resolver.resolve(&resolution, CLIENT)).unwrap();
        assert!(found.iter().all(|address| address.ip().is_loopback()));
    }

    /// No name that may be looked up is an address to `getaddrinfo`: a host has no second
    /// spelling that way.
    #[test]
    fn what_getaddrinfo_takes_for_an_address_is_never_looked_up() {
        let policy = Policy::parse(&["0.0.0.0/0:22".to_owned()], &[], &[]).unwrap();
        let hints = AddrInfoHints {
            // AI_NUMERICHOST of <netdb.h>: what is no address is not looked up.
            flags: 4,
            ..AddrInfoHints::default()
        };
        for spelling in [
            "127.1",
            "0x7f.1",
            "0X7F.1",
            "2130706433",
            "0177.0.0.1",
            "0x7f000001",
            "0",
            "0x0",
            "127.0.1",
            "127.0.0.0x1",
        ] {
            assert!(getaddrinfo(Some(spelling), None, Some(hints)).is_ok());
            let host = spelling.to_owned();
            let refused = policy.evaluate(&TargetRequest::Host { host, port: 22 });
            assert!(refused.is_err(), "{spelling}");
        }
    }

    #[test]
    fn a_name_that_does_not_exist_is_an_error() {
        let resolver = Resolver::start(1).unwrap();
        // RFC 6761 reserves it; without a name server the answer is Temporary.
        let resolution = resolution_of("no-such-host.invalid:22", "no-such-host.invalid", 22);
        let error = block_on(resolver.resolve(&resolution, CLIENT)).unwrap_err();
        assert!(matches!(
            error,
            ResolveError::NotFound | ResolveError::Temporary
        ));
    }

    #[test]
    fn error_codes_map_to_causes() {
        // The codes of <netdb.h>; `cause` names their kinds, not the numbers.
        for (code, expected) in [
            (-2, ResolveError::NotFound),
            (-5, ResolveError::NotFound),
            (-3, ResolveError::Temporary),
            (-4, ResolveError::Temporary),
            (-10, ResolveError::Temporary),
        ] {
            assert_eq!(cause(&LookupError::new(code)), expected, "{code}");
        }
    }

    #[test]
    fn the_future_may_outlive_the_resolution_and_cross_threads() {
        fn free<T: Send + 'static>(_: T) {}
        let resolver = Resolver::start(1).unwrap();
        free(resolver.resolve(&resolution_of("localhost:22", "localhost", 22), CLIENT));
    }
}
