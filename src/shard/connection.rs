//! One accepted connection on its shard: socket options, the handshakes and the HTTP request under their deadline. A
//! connection that is upgraded is handed to the manager, as the client of a new session.

use super::command::{ConnectionTransfer, TransferStage};
use super::manager::Registration;
use super::pool::PreAuthPermit;
use super::slots::HandshakeSlot;
use super::{Shard, handshake};
use crate::bridge::BridgeSession;
use crate::config;
use crate::http::{self, AdmissionControl, Health, Rejection, Upgraded};
use crate::limits::{ClientKey, Rate, Refused};
use crate::registry::{NewSession, SessionId};
use crate::runtime::{self, Stream};
use crate::telemetry::HandshakeFailure;
use crate::ws::{ClientStream, CountingSocket, WsConnection};
use futures_lite::FutureExt;
use socket2::Socket;
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::panic::AssertUnwindSafe;
use std::rc::Rc;
use std::time::Duration;

/// What the kernel may hold of a session's output beyond what is in flight.
/// Bounds memory, and the time from Ctrl-C to silence on a slow line.
const UNSENT: u32 = 64 * 1024;

/// Send buffer of a client's socket: enough for 20 Mbit/s at 100 ms.
const SEND_BUFFER: usize = 256 * 1024;

/// Least TCP_USER_TIMEOUT of a client's socket: a loss on the way takes seconds to mend.
const MIN_USER_TIMEOUT: Duration = Duration::from_secs(5);

/// Serves a connection in a task of its own. If there are too many already, another one is closed
/// for it.
pub(super) fn spawn(shard: &Rc<Shard>, transfer: ConnectionTransfer) {
    let proxied = matches!(transfer.stage, TransferStage::Accepted { proxied: true });
    let slot = HandshakeSlot::take(shard, transfer.client.ip(), proxied);
    let shard = Rc::clone(shard);
    runtime::spawn(async move {
        let served = AssertUnwindSafe(Box::pin(serve(&shard, transfer, slot)));
        if served.catch_unwind().await.is_err() {
            tracing::error!("a connection's task panicked");
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
    let Some((socket, local)) = watch(socket, peer, &config.websocket) else {
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
        http::serve(
            (stream, read),
            client,
            info,
            config,
            shard.as_ref(),
            displaced(),
        )
        .await
    };
    let deadline = async {
        runtime::sleep(config.server.upgrade_timeout).await;
        tracing::debug!(client = %peer, "no HTTP request in time");
        let counters = &shard.context.counters;
        counters.note_handshake_failure(HandshakeFailure::Timeout);
        None
    };
    // Boxed, so that a session does not hold the room that its beginning took.
    let upgraded = Box::pin(upgrade.or(deadline)).await;
    drop(slot);
    let Some(upgraded) = upgraded else {
        return;
    };
    if let Some((registration, session)) = Box::pin(enter_session(shard, upgraded)).await {
        // It outlives this connection's task: its client is only attached to it.
        registration.spawn(session, reservation);
    }
}

/// Puts an accepted socket on the shard's loop. Returns it with its own address.
fn watch(
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
                "a connection cannot be watched; if it is for want of space, raise \
                 fs.epoll.max_user_watches"
            );
        })
        .ok()?;
    Some((CountingSocket::new(stream), local))
}

async fn enter_session(
    shard: &Rc<Shard>,
    upgraded: Upgraded<ClientStream, PreAuthPermit>,
) -> Option<(Registration, Box<BridgeSession>)> {
    let Upgraded {
        stream,
        leftover,
        upgrade,
    } = upgraded;
    let id = match SessionId::random() {
        Ok(id) => id,
        Err(error) => {
            tracing::error!(%error, "no randomness for a session id");
            return None;
        }
    };
    let session = NewSession {
        id,
        shard: shard.index,
        client: upgrade.client,
        target: upgrade.target.to_string(),
    };
    let registration = match shard.manager.create_session(session) {
        Ok(registration) => registration,
        Err(error) => {
            tracing::error!(%error, "a session could not be entered");
            return None;
        }
    };
    upgrade.permit.assign(id);
    if upgrade.permit.login_slot.is_displaced() {
        shard.manager.displace(id);
    }
    let read_limit = shard.context.snapshot.load().config.websocket.read_limit;
    // Its clients may send more at once than a session holds.
    let in_pieces = upgrade.takes_pieces();
    let ws = WsConnection::new(stream, leftover, read_limit.bytes(), in_pieces).await;
    let session = shard
        .manager
        .initialize_session(&registration, upgrade, ws, &shard.context);
    Some((registration, Box::new(session)))
}

fn prepare(socket: &Socket, websocket: &config::Websocket) -> io::Result<SocketAddr> {
    socket.set_tcp_user_timeout(Some(user_timeout(websocket)))?;
    socket.set_tcp_nodelay(true)?;
    socket.set_send_buffer_size(SEND_BUFFER / 2)?;
    socket.set_tcp_notsent_lowat(UNSENT)?;
    socket
        .local_addr()?
        .as_socket()
        .ok_or_else(|| io::Error::other("not an IP socket"))
}

/// Returns the time a client may leave everything unacknowledged, or its window closed, before
/// TCP ends the connection (RFC 5482): as long as a client may take nothing or answer no ping.
/// Finds one that vanished where pings cannot tell, while its messages are not read.
fn user_timeout(websocket: &config::Websocket) -> Duration {
    let pings = websocket.max_missed_pongs.saturating_add(1);
    let pings = websocket.ping_interval.saturating_mul(pings);
    websocket.stall_timeout.max(pings).max(MIN_USER_TIMEOUT)
}

impl AdmissionControl for Shard {
    type Permit = PreAuthPermit;

    fn health(&self) -> Health {
        self.lifecycle.health(&self.limits)
    }

    fn is_configured(&self, name: &str) -> bool {
        self.context.snapshot.load().policy.is_configured(name)
    }

    fn note_request(&self, client: IpAddr) -> Result<(), Duration> {
        let snapshot = self.context.snapshot.load();
        let limit = &snapshot.config.rate_limit;
        if !limit.enabled || limit.exempt.iter().any(|net| net.contains(client)) {
            return Ok(());
        }
        let rate = Rate::per(limit.connections, limit.period);
        let taken = self
            .rates
            .take(ClientKey::from(client), rate, crate::clock::now());
        taken.map(|_| ())
    }

    fn admit(&self, client: IpAddr) -> Result<PreAuthPermit, Rejection> {
        self.enter_pool(client).map_err(|refused| {
            if let Some(others) = self.refusals.may_log(client, crate::clock::now()) {
                tracing::warn!(%client, %refused, others, "connection refused");
            }
            match refused {
                Refused::Client => Rejection::Client,
                Refused::Unauthenticated
                | Refused::Global
                | Refused::Target
                | Refused::TableFull
                | Refused::Elsewhere => Rejection::Pool,
            }
        })
    }

    fn note_prober(&self, peer: IpAddr) {
        self.handshakes.note_prober(peer);
    }

    fn note_response(&self, status: u16) {
        self.context.counters.note_response(status);
    }
}
