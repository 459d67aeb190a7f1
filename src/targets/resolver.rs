//! Name resolution, off the shards, because `getaddrinfo` blocks.
//!
//! A caller that gives up drops the future: a look-up that has not started is then skipped, and one
//! that runs is abandoned, so that name servers that never answer do not delay other names.
//!
//! Bounds, with `targets.resolver_threads` = N: N look-ups at once; 4 N with abandoned ones, which
//! run until the C library gives up; 1024 that wait; one client (/32 or /64) has half of the
//! threads and a quarter of the queue. Scheduling is round robin over the clients, and a full queue
//! drops from the client that holds most of it (`workers`); what is dropped fails as "busy".
//!
//! Does not check addresses ([`Resolution::filter`] does), cache results, or set a deadline.

use super::address::Host;
use super::policy::Resolution;
use crate::workers::{Bounds, WorkError, Workers};
use dns_lookup::{AddrInfoHints, LookupError, LookupErrorKind, SockType, getaddrinfo};
use futures_util::future::Either;
use std::future::{Future, ready};
use std::io;
use std::net::{IpAddr, SocketAddr};
use thiserror::Error;

/// Addresses of one name at most; a name with more is refused.
const MAX_ADDRESSES: usize = 64;

/// Look-ups that wait for a thread at most. Each is a login in progress with a deadline of a few
/// seconds: more could not be served in time.
const QUEUE: usize = 1024;

/// Reason for which a look-up has no result.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum ResolveError {
    /// The name does not exist, or has no address, or more than 64.
    #[error("the name has no address")]
    NotFound,
    /// The name servers gave no answer, or the look-up failed on this machine.
    #[error("the name could not be looked up now")]
    Temporary,
    /// The queue is full, for all clients or for this one.
    #[error("the name resolver is busy")]
    QueueFull,
}

/// Resolver with threads of its own. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Resolver {
    workers: Workers,
}

impl Resolver {
    /// Starts a resolver of `threads` look-ups at once, before the shards are pinned: threads
    /// inherit the CPUs of their creator.
    ///
    /// # Errors
    /// Error of the system: no thread could be started.
    pub fn start(threads: usize) -> io::Result<Self> {
        let workers = Workers::start("lookup", Bounds::replacing(threads, QUEUE))?;
        Ok(Self { workers })
    }

    /// Looks up the host for `client`. Returns at least one address, with the port, in the order in
    /// which they should be tried (RFC 6724). None is checked yet: pass them through
    /// [`Resolution::filter`].
    ///
    /// # Errors
    /// [`ResolveError`], from the future.
    pub fn resolve(
        &self,
        resolution: &Resolution,
        client: IpAddr,
    ) -> impl Future<Output = Result<Vec<SocketAddr>, ResolveError>> + Send + use<> {
        let port = resolution.port();
        let found = match resolution.lookup_host() {
            Host::Ip(ip) => Either::Left(ready(Ok(Ok(vec![SocketAddr::new(*ip, port)])))),
            Host::Name(name) => {
                let name = name.clone();
                Either::Right(self.workers.run(client, move || look_up(&name, port)))
            }
        };
        async move {
            match found.await {
                Ok(found) => found,
                Err(WorkError::QueueFull) => Err(ResolveError::QueueFull),
                Err(WorkError::Lost) => Err(ResolveError::Temporary),
            }
        }
    }
}

/// Calls `getaddrinfo` through a crate that keeps its error code: the standard library
/// distinguishes "no such name" from "no answer" by text alone.
fn look_up(name: &str, port: u16) -> Result<Vec<SocketAddr>, ResolveError> {
    // RFC 6761 section 6.3: never asked of name servers, though glibc would ask for the absolute
    // form.
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
        _ => ResolveError::Temporary,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::targets::TargetRequest;
    use crate::targets::tests::policy;
    use futures_lite::future::block_on;
    use std::net::Ipv4Addr;

    fn resolution_of(allow: &str, host: &str, port: u16) -> Resolution {
        let host = host.to_owned();
        let requested = TargetRequest::Host { host, port };
        policy(&[allow]).evaluate(&requested).unwrap()
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
        // The absolute form is localhost, too.
        for name in ["localhost", "LOCALHOST."] {
            let resolution = resolution_of("localhost:2222", name, 2222);
            let found = block_on(resolver.resolve(&resolution, CLIENT)).unwrap();
            assert!(!found.is_empty(), "{name}");
            for address in &found {
                assert!(address.ip().is_loopback(), "{name}: {address}");
                assert_eq!(address.port(), 2222);
            }
            assert!(!resolution.filter(found).unwrap().is_empty(), "{name}");
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
}
