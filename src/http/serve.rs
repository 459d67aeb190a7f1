//! One connection: one request, then an answer or the bare socket back. The
//! caller owns the deadline.

use super::host_header::ListenerInfo;
use super::io::HyperIo;
use super::problem::raw_busy;
use super::routes::{AdmissionControl, Peer, Upgrade, answer};
use crate::config::Config;
use futures_lite::FutureExt as _;
use futures_lite::future::poll_once;
use futures_lite::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use futures_util::FutureExt as _;
use hyper::body::Bytes;
use hyper::header::{CONNECTION, HeaderValue};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use std::cell::{Cell, RefCell};
use std::convert::Infallible;
use std::future::{poll_fn, ready};
use std::net::SocketAddr;

/// Request line and headers together; far more than any honest upgrade has.
const MAX_HEAD: usize = 16 * 1024;
/// Header fields; browsers send about fifteen.
const MAX_HEADERS: usize = 64;

/// A socket on which the upgrade is done.
pub struct Upgraded<S, P> {
    /// The socket.
    pub stream: S,
    /// Bytes the client sent behind its request.
    pub leftover: Vec<u8>,
    /// What was granted.
    pub upgrade: Upgrade<P>,
}

/// Serves the one request of a connection, of which `read` was read already.
/// `None`: it was answered and is done (or broke). Once `displaced` returns, a connection whose request has
/// not come is told that there are too many.
pub async fn serve<S, A>(
    (stream, read): (S, Bytes),
    client: SocketAddr,
    listener: ListenerInfo,
    config: &Config,
    admission: &A,
    displaced: impl Future<Output = ()>,
) -> Option<Upgraded<S, A::Permit>>
where
    S: AsyncRead + AsyncWrite + Unpin,
    A: AdmissionControl,
{
    let peer = Peer { client, listener };
    let granted = RefCell::new(None);
    let has_asked = Cell::new(false);
    let service = service_fn(|request| {
        has_asked.set(true);
        let (mut response, upgrade) = answer(&request, config, &peer, admission);
        if upgrade.is_none() {
            // One request per connection: probes are rare, terminals upgrade.
            // Said here and not by hyper's keep_alive(false), which would add
            // "close" to the 101 as well, and strict clients refuse that.
            let close = HeaderValue::from_static("close");
            response.headers_mut().insert(CONNECTION, close);
        }
        admission.note_response(response.status().as_u16());
        *granted.borrow_mut() = upgrade;
        ready(Ok::<_, Infallible>(response))
    });
    let mut connection = http1::Builder::new()
        .half_close(false)
        .header_read_timeout(None)
        .max_buf_size(MAX_HEAD)
        .max_headers(MAX_HEADERS)
        .pipeline_flush(false)
        .auto_date_header(true)
        .serve_connection(
            HyperIo {
                stream,
                ahead: read,
            },
            service,
        );
    let served = poll_fn(|cx| connection.poll_without_shutdown(cx)).map(Some);
    let ended = served.or(displaced.map(|()| None)).await;
    match ended {
        Some(Ok(())) => {}
        Some(Err(error)) => {
            tracing::debug!(%client, %error, "an HTTP connection ended early");
            return None;
        }
        None => {
            if !has_asked.get() {
                admission.note_response(503);
                refuse(connection.into_parts().io.stream).await;
            }
            return None;
        }
    }
    let parts = connection.into_parts();
    let HyperIo { mut stream, ahead } = parts.io;
    let leftover = [parts.read_buf, ahead].concat();
    match granted.into_inner() {
        Some(upgrade) => Some(Upgraded {
            stream,
            leftover,
            upgrade,
        }),
        None => {
            // The outcome of the FIN changes nothing.
            let _ = stream.close().await;
            None
        }
    }
}

/// Tells a client that there are too many, and closes. Waits for nothing: what it loses, if its
/// socket takes no more, is a text.
async fn refuse<S: AsyncRead + AsyncWrite + Unpin>(mut stream: S) {
    let _ = poll_once(stream.write_all(&raw_busy())).await;
    let _ = poll_once(stream.close()).await;
    // Unread bytes would turn the close into a reset.
    let mut scratch = [0; 2048];
    for _ in 0..MAX_HEAD / scratch.len() {
        let read = poll_once(stream.read(&mut scratch)).await;
        if !matches!(read, Some(Ok(count)) if count > 0) {
            return;
        }
    }
}
