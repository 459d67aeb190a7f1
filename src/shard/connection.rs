//! One accepted connection on its shard: socket options, the handshakes and the HTTP request under
//! their deadline (`server.upgrade_timeout`). An upgraded connection becomes the client of a new
//! session, which outlives this task.

use super::command::{ConnectionTransfer, TransferStage};
use super::manager::SessionRegistration;
use super::request::AdmittedUpgrade;
use super::slots::HandshakeSlot;
use super::{Shard, handshake};
use crate::bridge::BridgeSession;
use crate::config;
use crate::http::{self, Upgraded};
use crate::registry::{NewSession, SessionId};
use crate::runtime::{self, Stream};
use crate::telemetry::HandshakeFailure;
use crate::ws::{ClientStream, CountingSocket, WsConnection};
use futures_lite::FutureExt;
use hyper::Request;
use socket2::Socket;
use std::io;
use std::net::SocketAddr;
use std::panic::AssertUnwindSafe;
use std::rc::Rc;
use std::time::Duration;

/// Output that the kernel holds beyond what is in flight, in bytes. Bounds memory, and the time
/// from Ctrl-C to silence on a slow line.
const UNSENT: u32 = 64 * 1024;

/// Send buffer of a client's socket, in bytes: enough for 20 Mbit/s at 100 ms.
const SEND_BUFFER: usize = 256 * 1024;

/// Least TCP_USER_TIMEOUT of a client's socket: a loss on the way takes seconds to mend.
const MIN_USER_TIMEOUT: Duration = Duration::from_secs(5);

/// Largest one that Linux takes, 24.8 days: an `int` of milliseconds.
const MAX_USER_TIMEOUT: Duration = Duration::from_millis(i32::MAX as u64);

/// Serves a connection in a task of its own. If there are too many already, another one is closed
/// for it.
pub(super) fn spawn(shard: &Rc<Shard>, transfer: ConnectionTransfer) {
    let proxied = matches!(transfer.stage, TransferStage::Accepted { proxied: true });
    let client = transfer.client;
    let slot = HandshakeSlot::take(shard, client.ip(), proxied);
    let shard = Rc::clone(shard);
    runtime::spawn(async move {
        let served = AssertUnwindSafe(Box::pin(serve(&shard, transfer, slot)));
        if served.catch_unwind().await.is_err() {
            tracing::error!(%client, "the task of a connection panicked; please report this");
        }
    });
}

async fn serve(shard: &Rc<Shard>, transfer: ConnectionTransfer, slot: HandshakeSlot) {
    let ConnectionTransfer {
        socket,
        stage,
        client: peer,
        reservation,
    } = transfer;
    let snapshot = shard.context.snapshot.load_full();
    let config = &snapshot.config;
    let Some((socket, local)) = register(socket, peer, &config.websocket) else {
        return;
    };
    let displaced = async || {
        slot.displaced().await;
        tracing::debug!(client = %peer, "a newer connection took the slot of one whose request had not come");
        let counters = &shard.context.counters;
        counters.note_handshake_failure(HandshakeFailure::Full);
    };
    let upgrade = async {
        let handshake = handshake::run(shard, &snapshot, socket, (peer, stage), &slot);
        let given_up = async {
            displaced().await;
            None
        };
        let (stream, read, client) = handshake.or(given_up).await?;
        let info = http::ListenerInfo {
            local,
            tls: stream.is_tls(),
        };
        let respond = |request: &Request<_>| shard.respond(request, &snapshot, client, info);
        let counters = &shard.context.counters;
        http::serve((stream, read), client, counters, respond, displaced()).await
    };
    let deadline = async {
        runtime::sleep(config.server.upgrade_timeout).await;
        tracing::debug!(client = %peer, "no HTTP request within server.upgrade_timeout");
        let counters = &shard.context.counters;
        counters.note_handshake_failure(HandshakeFailure::Timeout);
        None
    };
    // Boxed, so that the session does not keep the memory of its handshake.
    let upgraded = Box::pin(upgrade.or(deadline)).await;
    drop(slot);
    let Some(upgraded) = upgraded else {
        return;
    };
    if let Some((registration, session)) = Box::pin(enter_session(shard, upgraded)).await {
        // In a task of its own: a session outlives its client's connection.
        registration.spawn(session, reservation);
    }
}

/// Registers an accepted socket with the shard's loop. Returns it with its local address.
fn register(
    socket: Socket,
    peer: SocketAddr,
    config: &config::Websocket,
) -> Option<(CountingSocket, SocketAddr)> {
    let local = prepare(&socket, config)
        .inspect_err(|error| {
            tracing::debug!(client = %peer, %error, "a connection was gone before it was served");
        })
        .ok()?;
    let stream = Stream::new(socket)
        .inspect_err(|error| {
            tracing::error!(
                client = %peer,
                %error,
                "a connection cannot be registered with epoll; if watches are used up, raise \
                 fs.epoll.max_user_watches"
            );
        })
        .ok()?;
    Some((CountingSocket::new(stream), local))
}

/// Registers the session of an upgraded connection with the manager.
async fn enter_session(
    shard: &Rc<Shard>,
    upgraded: Upgraded<ClientStream, AdmittedUpgrade>,
) -> Option<(SessionRegistration, Box<BridgeSession>)> {
    let Upgraded {
        stream,
        leftover,
        admitted,
    } = upgraded;
    let AdmittedUpgrade {
        upgrade,
        client,
        permit,
    } = admitted;
    let id = SessionId::random()
        .inspect_err(|error| tracing::error!(%error, "the system gives no random bytes for a session id; the connection is closed"))
        .ok()?;
    let session = NewSession {
        id,
        shard: shard.index,
        client,
        target: upgrade.target.to_string(),
    };
    let registration = shard.manager.create_session(session);
    let registration = registration
        .inspect_err(|error| tracing::error!(%error, "a session could not be registered; the connection is closed"))
        .ok()?;
    permit.assign(id);
    if permit.login_slot.is_displaced() {
        shard.manager.displace(id);
    }
    let read_limit = shard.context.snapshot.load().config.websocket.read_limit;
    // Its clients may send more at once than a session holds.
    let split_large = upgrade.allows_splitting();
    let ws = WsConnection::new(stream, leftover, read_limit.bytes(), split_large).await;
    let session = registration.session(upgrade, permit, ws, &shard.context);
    Some((registration, Box::new(session)))
}

/// Sets the socket options. Returns the local address.
fn prepare(socket: &Socket, websocket: &config::Websocket) -> io::Result<SocketAddr> {
    socket.set_tcp_user_timeout(Some(user_timeout(websocket)))?;
    socket.set_tcp_nodelay(true)?;
    socket.set_send_buffer_size(SEND_BUFFER / 2)?;
    socket.set_tcp_notsent_lowat(UNSENT)?;
    let local = socket.local_addr()?.as_socket();
    local.ok_or_else(|| io::Error::other("not an IP socket"))
}

/// Returns the time a client may leave everything unacknowledged, or its window closed, before TCP
/// ends the connection (RFC 5482): as long as a client may take nothing or answer no ping. Finds
/// one that vanished where pings cannot tell, while its messages are not read.
fn user_timeout(websocket: &config::Websocket) -> Duration {
    let pings = websocket.max_missed_pongs.saturating_add(1);
    let pings = websocket.ping_interval.saturating_mul(pings);
    let longest = websocket.stall_timeout.max(pings);
    longest.clamp(MIN_USER_TIMEOUT, MAX_USER_TIMEOUT)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a failed assertion is a failed test")]

    use super::*;
    use std::net::{Ipv4Addr, TcpListener, TcpStream};

    /// The longest times that a configuration can have: pings and stalls are as good as off.
    #[test]
    fn every_setting_makes_a_timeout_that_the_system_takes() {
        let longest = Duration::from_secs(8760 * 3600);
        let websocket = config::Websocket {
            stall_timeout: longest,
            ping_interval: longest,
            max_missed_pongs: u32::MAX,
            ..config::Websocket::default()
        };
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        let client = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
        prepare(&Socket::from(client), &websocket).unwrap();
        let none = config::Websocket {
            stall_timeout: Duration::ZERO,
            ping_interval: Duration::ZERO,
            ..websocket
        };
        assert_eq!(user_timeout(&none), MIN_USER_TIMEOUT);
    }
}
