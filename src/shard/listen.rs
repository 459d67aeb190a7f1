//! Listening sockets: one per shard and address, all on one port.

use socket2::{Domain, Protocol, Socket, Type};
use std::io;
use std::net::SocketAddr;

/// Binds `addresses` once per shard. Port 0 takes a free port, the same for
/// all shards. Returns the addresses as bound, and each shard's sockets.
///
/// An IPv6 wildcard takes IPv4 too, unless an IPv4 address is listed as well.
/// A port of another process is refused, even one that would share it.
///
/// # Errors
/// The system's, with the address it is about.
pub fn bind(
    addresses: &[SocketAddr],
    shards: usize,
    backlog: u32,
) -> io::Result<(Vec<SocketAddr>, Vec<Vec<Socket>>)> {
    let any_v4 = addresses.iter().any(SocketAddr::is_ipv4);
    let mut bound = Vec::new();
    let mut by_shard: Vec<Vec<Socket>> = (0..shards).map(|_| Vec::new()).collect();
    for wanted in addresses {
        let mut address = *wanted;
        for (shard, sockets) in by_shard.iter_mut().enumerate() {
            let socket = bind_one(address, any_v4, shard > 0, backlog).map_err(|e| {
                io::Error::new(e.kind(), format!("cannot listen on {address}: {e}"))
            })?;
            if let Some(actual) = socket.local_addr()?.as_socket() {
                address = actual;
            }
            sockets.push(socket);
        }
        bound.push(address);
    }
    Ok((bound, by_shard))
}

/// `share`: the address has a socket of this process already.
fn bind_one(address: SocketAddr, only_v6: bool, share: bool, backlog: u32) -> io::Result<Socket> {
    let kind = Type::STREAM.nonblocking().cloexec();
    let socket = Socket::new(Domain::for_address(address), kind, Some(Protocol::TCP))?;
    if address.is_ipv6() {
        socket.set_only_v6(only_v6)?;
    }
    // A restart must not wait for old connections in TIME_WAIT.
    socket.set_reuse_address(true)?;
    // Bound with it, the first socket would join those of another sshard on
    // this port, and the two would split its clients between them. Set
    // afterwards, it still lets our own sockets join.
    socket.set_reuse_port(share)?;
    socket.bind(&address.into())?;
    socket.set_reuse_port(true)?;
    socket.listen(i32::try_from(backlog).unwrap_or(i32::MAX))?;
    Ok(socket)
}
