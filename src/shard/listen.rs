//! Listening sockets: one per shard and address, all on one port (SO_REUSEPORT); or those that
//! another process has passed, of which every one is accepted from.

use socket2::{Domain, Protocol, Socket, Type};
use std::io;
use std::net::SocketAddr;

/// Addresses as bound, and the sockets of each shard.
pub type Listeners = (Vec<SocketAddr>, Vec<Vec<Socket>>);

/// Binds `addresses` once per shard. Port 0 takes a free port, the same for all shards. Returns the
/// addresses as bound, and each shard's sockets.
///
/// An IPv6 wildcard takes IPv4 too, unless an IPv4 address is listed as well. A port of another
/// process is refused, even one that would share it.
///
/// # Errors
/// The system's, with the address it is about.
pub fn bind(addresses: &[SocketAddr], shards: usize, backlog: u32) -> io::Result<Listeners> {
    let any_v4 = addresses.iter().any(SocketAddr::is_ipv4);
    let mut bound = Vec::new();
    let mut by_shard: Vec<Vec<Socket>> = (0..shards).map(|_| Vec::new()).collect();
    for wanted in addresses {
        let mut address = *wanted;
        for (shard, sockets) in by_shard.iter_mut().enumerate() {
            let socket = bind_one(address, any_v4, shard > 0)
                .and_then(|socket| listen(socket, backlog))
                .map_err(|error| cannot_listen(address, error))?;
            if let Some(actual) = socket.local_addr()?.as_socket() {
                address = actual;
            }
            sockets.push(socket);
        }
        bound.push(address);
    }
    Ok((bound, by_shard))
}

/// Adds the address to the system's refusal.
pub fn cannot_listen(address: SocketAddr, error: io::Error) -> io::Error {
    io::Error::new(error.kind(), format!("cannot listen on {address}: {error}"))
}

/// Binds each address for a moment, and listens on none. Returns those that could not be bound.
/// `only_v6`: `[::]` is to take IPv6 alone.
pub fn try_bind(addresses: &[SocketAddr], only_v6: bool) -> Vec<(SocketAddr, io::Error)> {
    let bound = addresses
        .iter()
        .map(|address| (*address, bind_one(*address, only_v6, false)));
    bound
        .filter_map(|(address, bound)| Some((address, bound.err()?)))
        .collect()
}

/// Returns true if a listener bound to `bound` is the one of the address `configured`, whose port
/// may be 0.
pub fn is_listener(configured: SocketAddr, bound: SocketAddr) -> bool {
    let port = [0, bound.port()].contains(&configured.port());
    port && configured.ip() == bound.ip()
}

/// Gives every shard a socket of each address, and every socket to a shard: one that nobody accepts
/// from would keep its connections waiting for ever. Where there are fewer sockets than shards,
/// shards share duplicates.
///
/// # Errors
/// If a socket cannot be duplicated or has no IP address.
pub fn distribute(passed: Vec<Socket>, shards: usize) -> io::Result<Listeners> {
    let mut by_address: Vec<(SocketAddr, Vec<Socket>)> = Vec::new();
    for socket in passed {
        let address = socket.local_addr()?.as_socket();
        let address = address.ok_or_else(|| io::Error::other("not an IP socket"))?;
        match by_address.iter_mut().find(|(known, _)| *known == address) {
            Some((_, sockets)) => sockets.push(socket),
            None => by_address.push((address, vec![socket])),
        }
    }
    let mut by_shard: Vec<Vec<Socket>> = (0..shards).map(|_| Vec::new()).collect();
    let mut addresses = Vec::new();
    for (address, sockets) in by_address {
        addresses.push(address);
        let missing = shards.saturating_sub(sockets.len());
        let copies = sockets.iter().cycle().take(missing).map(Socket::try_clone);
        let copies = copies.collect::<io::Result<Vec<_>>>()?;
        for (position, socket) in sockets.into_iter().chain(copies).enumerate() {
            if let Some(of_shard) = by_shard.get_mut(position % shards.max(1)) {
                of_shard.push(socket);
            }
        }
    }
    Ok((addresses, by_shard))
}

/// Binds one socket. `share`: the address has a socket of this process already.
fn bind_one(address: SocketAddr, only_v6: bool, share: bool) -> io::Result<Socket> {
    let kind = Type::STREAM.nonblocking().cloexec();
    let socket = Socket::new(Domain::for_address(address), kind, Some(Protocol::TCP))?;
    if address.is_ipv6() {
        socket.set_only_v6(only_v6)?;
    }
    // A restart must not wait for old connections in TIME_WAIT.
    socket.set_reuse_address(true)?;
    // Not before the first bind: that socket would join those of another sshard on this port, and
    // the two would split its clients between them. Set afterwards, it still lets our own sockets
    // join.
    socket.set_reuse_port(share)?;
    socket.bind(&address.into())?;
    Ok(socket)
}

fn listen(socket: Socket, backlog: u32) -> io::Result<Socket> {
    socket.set_reuse_port(true)?;
    socket.listen(i32::try_from(backlog).unwrap_or(i32::MAX))?;
    Ok(socket)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::HashSet;
    use std::os::unix::fs::MetadataExt;

    /// Returns the inode of a socket, which duplicates share.
    fn inode(socket: &Socket) -> u64 {
        let copy = socket.try_clone().unwrap();
        let file = std::fs::File::from(std::os::fd::OwnedFd::from(copy));
        file.metadata().unwrap().ino()
    }

    /// Distributes `per_address[i]` sockets on the i-th address over `shards`.
    fn check_distribution(per_address: &[usize], shards: usize) {
        let loopback = [SocketAddr::from(([127, 0, 0, 1], 0))];
        let mut passed = Vec::new();
        let mut expected = Vec::new();
        for count in per_address {
            let (addresses, sockets) = bind(&loopback, *count, 8).unwrap();
            expected.extend(addresses);
            passed.extend(sockets.into_iter().flatten());
        }
        let all: HashSet<u64> = passed.iter().map(inode).collect();
        let (addresses, by_shard) = distribute(passed, shards).unwrap();
        let what = format!("{per_address:?} on {shards}");
        assert_eq!(addresses, expected, "{what}");
        assert_eq!(by_shard.len(), shards, "{what}");
        let served: HashSet<u64> = by_shard.iter().flatten().map(inode).collect();
        assert_eq!(served, all, "{what}: every socket is accepted from");
        for sockets in &by_shard {
            let has: HashSet<SocketAddr> = sockets
                .iter()
                .filter_map(|socket| socket.local_addr().ok()?.as_socket())
                .collect();
            assert_eq!(has, expected.iter().copied().collect(), "{what}");
        }
    }

    #[test]
    fn every_shard_gets_a_socket_of_every_address_and_every_socket_a_shard() {
        for shards in 1..5 {
            for sockets in 1..6 {
                check_distribution(&[sockets], shards);
                check_distribution(&[sockets, 1], shards);
            }
        }
    }
}
