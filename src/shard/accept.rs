//! Accept loop of one listening socket: accepts in batches and places each connection on a shard.
//! Reads no byte of a connection, and never ends for an error: one of a single connection is passed
//! over, any other is followed by a pause.

use super::command::{Command, ConnectionTransfer, TransferStage};
use super::listen::is_listener;
use super::{Shard, connection};
use crate::config::Config;
use crate::runtime::{self, Listener};
use rustix::io::Errno;
use socket2::Socket;
use std::io;
use std::net::SocketAddr;
use std::rc::Rc;
use std::time::Duration;

/// Connections accepted before the shard's other tasks are polled.
const BATCH: usize = 64;

/// Pause when the process or the system has no descriptors or memory left: trying at once would
/// spin, and the backlog keeps the clients.
const EXHAUSTED_PAUSE: Duration = Duration::from_millis(100);

pub(super) async fn run(listener: Listener, shard: &Rc<Shard>) {
    let proxied = is_proxied(listener.socket(), &shard.context.snapshot.load().config);
    // Checked before each batch: the command to stop may come late.
    while !shard.shared.lifecycle.has_stopped_accepting() {
        match accept_batch(listener.socket(), proxied, shard) {
            Ok(true) => futures_lite::future::yield_now().await,
            Ok(false) => listener.wait().await,
            Err(error) => {
                if let Some(suppressed) = shard.exhausted.take(crate::clock::now()) {
                    tracing::warn!(
                        %error,
                        suppressed,
                        "cannot accept connections for now; if open files are used up, raise their \
                         limit (ulimit -n)"
                    );
                }
                runtime::sleep(EXHAUSTED_PAUSE).await;
            }
        }
    }
}

/// Accepts up to [`BATCH`] connections. `Ok(false)`: the queue is empty; `Ok(true)`: there may be
/// more.
fn accept_batch(listener: &Socket, proxied: bool, shard: &Rc<Shard>) -> io::Result<bool> {
    for _ in 0..BATCH {
        match listener.accept() {
            Ok((socket, address)) => {
                shard.context.counters.accepted.add(1);
                if let Some(client) = address.as_socket() {
                    place(socket, client, proxied, shard);
                }
            }
            Err(e) if e.kind() == io::ErrorKind::WouldBlock => return Ok(false),
            Err(e) if is_of_one_connection(&e) => {
                tracing::debug!(error = %e, "a connection was gone before it was accepted");
            }
            Err(e) => return Err(e),
        }
    }
    Ok(true)
}

/// Returns true for errors of a connection that died in the queue (accept(2), "Error handling"),
/// which say nothing about the next. Any other may come again at once.
fn is_of_one_connection(error: &io::Error) -> bool {
    [
        Errno::CONNABORTED,
        Errno::INTR,
        Errno::PERM,
        Errno::NETDOWN,
        Errno::PROTO,
        Errno::NOPROTOOPT,
        Errno::HOSTDOWN,
        Errno::NONET,
        Errno::HOSTUNREACH,
        Errno::OPNOTSUPP,
        Errno::NETUNREACH,
    ]
    .iter()
    .any(|errno| error.raw_os_error() == Some(errno.raw_os_error()))
}

/// Returns true if connections to this socket begin with a PROXY protocol header.
fn is_proxied(listener: &Socket, config: &Config) -> bool {
    let address = listener.local_addr().ok().and_then(|a| a.as_socket());
    let mut proxied = config.server.proxy_protocol.iter();
    address.is_some_and(|address| proxied.any(|entry| is_listener(*entry, address)))
}

fn place(socket: Socket, client: SocketAddr, proxied: bool, shard: &Rc<Shard>) {
    let (now, counters) = (crate::clock::now(), shard.context.counters.all());
    let is_stuck = |peer| counters.shard(peer).is_some_and(|peer| peer.is_stuck(now));
    let reservation = shard.shared.placement.reserve(shard.index, is_stuck);
    let target = reservation.shard();
    let transfer = ConnectionTransfer {
        socket,
        stage: TransferStage::Accepted { proxied },
        client,
        reservation,
    };
    if target == shard.index {
        return connection::spawn(shard, transfer);
    }
    let refused = match shard.shared.peers.get(target) {
        Some(peer) => match peer.try_send(Command::Adopt(transfer)) {
            Ok(()) => return,
            Err(error) => error.into_inner(),
        },
        None => Command::Adopt(transfer),
    };
    if let Command::Adopt(transfer) = refused {
        // The peer is stuck or gone, so the connection is served here.
        let reservation = shard.shared.placement.reserve_on(shard.index);
        let transfer = ConnectionTransfer {
            reservation,
            ..transfer
        };
        connection::spawn(shard, transfer);
    }
}
