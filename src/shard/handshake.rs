//! From an accepted socket to a stream of plain HTTP: the PROXY protocol header, then TLS, where
//! they are configured. TLS has a deadline here; the whole has the caller's.

use super::Shard;
use super::command::TransferStage;
use super::proxy_protocol::parse;
use super::slots::HandshakeSlot;
use crate::bridge::ConfigSnapshot;
use crate::http;
use crate::runtime;
use crate::telemetry::HandshakeFailure;
use crate::ws::{ClientStream, CountingSocket, Tls, TlsState};
use bytes::Bytes;
use futures_lite::io::{AsyncReadExt, AsyncWriteExt};
use std::io;
use std::net::SocketAddr;
use std::time::Duration;

/// Size of one read, in bytes. A browser's ClientHello has up to 2 KiB, a PROXY header about a
/// hundred bytes.
const READ_SIZE: usize = 2048;

/// Time a client that was refused has to read the answer and close.
const REFUSAL_TIMEOUT: Duration = Duration::from_millis(500);

/// Bytes read from a client that was refused, so that the answer is not lost in a reset caused by
/// unread bytes.
const MAX_DISCARDED: usize = 16 * 1024;

/// Returns the stream, the bytes read from it already, and the address of its client; `None` if the
/// connection is done.
pub(super) async fn run(
    shard: &Shard,
    snapshot: &ConfigSnapshot,
    mut socket: CountingSocket,
    (peer, stage): (SocketAddr, TransferStage),
    slot: &HandshakeSlot,
) -> Option<(ClientStream, Bytes, SocketAddr)> {
    let counters = &shard.context.counters;
    let proxied = match stage {
        TransferStage::Accepted { proxied } => proxied,
        TransferStage::Requested { read, tls } => {
            let stream = adopt(snapshot, socket, tls).await?;
            return Some((stream, read, peer));
        }
    };
    let client = if proxied {
        match proxied_client(shard, snapshot, &mut socket, peer).await {
            Ok(client) => {
                slot.assign(client.ip());
                client
            }
            Err(failure) => {
                counters.note_handshake_failure(failure);
                return None;
            }
        }
    } else {
        peer
    };
    let Some(tls) = &snapshot.tls else {
        return Some((ClientStream::Plain(socket), Bytes::new(), client));
    };
    let timeout = snapshot.config.tls.handshake_timeout;
    // Boxed, so that a connection without TLS does not touch the room for it.
    let handshake = Box::pin(handshake(tls, socket));
    let outcome = runtime::timeout(timeout, handshake).await;
    let error = match outcome.unwrap_or_else(|| Err(io::ErrorKind::TimedOut.into())) {
        Ok(stream) => return Some((stream, Bytes::new(), client)),
        Err(error) => error,
    };
    tracing::debug!(%client, %error, "TLS handshake failed");
    counters.note_handshake_failure(match error.kind() {
        io::ErrorKind::TimedOut => HandshakeFailure::Timeout,
        _ => HandshakeFailure::Tls,
    });
    None
}

/// Continues a connection that another shard has begun.
async fn adopt(
    snapshot: &ConfigSnapshot,
    socket: CountingSocket,
    tls: Option<TlsState>,
) -> Option<ClientStream> {
    let Some(state) = tls else {
        return Some(ClientStream::Plain(socket));
    };
    // Boxed, as the handshake is.
    let resumed = Box::pin(snapshot.tls.as_ref()?.resume(socket, state)).await;
    let stream = resumed.inspect_err(
        |error| tracing::debug!(%error, "TLS of a transferred connection could not be resumed"),
    );
    Some(ClientStream::Tls(Box::new(stream.ok()?)))
}

/// Returns the address of the client that the proxy names, or the peer where it names none.
async fn proxied_client(
    shard: &Shard,
    snapshot: &ConfigSnapshot,
    socket: &mut CountingSocket,
    peer: SocketAddr,
) -> Result<SocketAddr, HandshakeFailure> {
    let server = &snapshot.config.server;
    let trusted = &server.proxy_protocol_from;
    let ip = peer.ip().to_canonical();
    if !trusted.iter().any(|net| net.contains(ip)) {
        if let Some(suppressed) = shard.untrusted_peers.take(ip, crate::clock::now()) {
            tracing::warn!(
                %peer,
                suppressed,
                "closed a connection to a listener of server.proxy_protocol: its peer is not in \
                 server.proxy_protocol_from"
            );
        }
        return Err(HandshakeFailure::UntrustedPeer);
    }
    match read_header(socket).await {
        Ok(client) => Ok(client.unwrap_or(peer)),
        Err(error) => {
            tracing::debug!(%peer, %error, "connection closed: no valid PROXY protocol header");
            Err(HandshakeFailure::ProxyHeader)
        }
    }
}

async fn read_header(socket: &mut CountingSocket) -> io::Result<Option<SocketAddr>> {
    let mut bytes = Vec::new();
    loop {
        let invalid = |error| io::Error::new(io::ErrorKind::InvalidData, error);
        if let Some(header) = parse(&bytes).map_err(invalid)? {
            socket.unread(bytes.split_off(header.length));
            return Ok(header.client);
        }
        if !read_more(socket, &mut bytes).await? {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
    }
}

/// Appends one read to `bytes`. Returns false at the end of the stream.
async fn read_more(socket: &mut CountingSocket, bytes: &mut Vec<u8>) -> io::Result<bool> {
    let mut chunk = [0; READ_SIZE];
    let count = socket.read(&mut chunk).await?;
    bytes.extend_from_slice(chunk.get(..count).unwrap_or_default());
    Ok(count > 0)
}

async fn handshake(tls: &Tls, mut socket: CountingSocket) -> io::Result<ClientStream> {
    let mut bytes = Vec::new();
    read_more(&mut socket, &mut bytes).await?;
    // A TLS record begins with its type, 0x16; a request with its method.
    if bytes.first().is_some_and(u8::is_ascii_uppercase) {
        // A client that does not read the answer is closed all the same.
        let _ = runtime::timeout(REFUSAL_TIMEOUT, answer_plain(socket)).await;
        let text = "plain HTTP on a port that speaks TLS";
        return Err(io::Error::new(io::ErrorKind::InvalidData, text));
    }
    socket.unread(bytes);
    let stream = tls.accept(socket).await?;
    Ok(ClientStream::Tls(Box::new(stream)))
}

async fn answer_plain(mut socket: CountingSocket) -> io::Result<()> {
    socket.write_all(&http::raw_speaks_tls()).await?;
    socket.close().await?;
    let mut discarded = Vec::new();
    while discarded.len() < MAX_DISCARDED && read_more(&mut socket, &mut discarded).await? {}
    Ok(())
}
