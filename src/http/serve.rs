//! One connection: one request, then an answer or the bare socket back. The caller owns the
//! deadline, and decides on the answer.

use super::io::HyperIo;
use super::problem::{Reply, raw_busy};
use crate::telemetry::OwnCounters;
use futures_lite::FutureExt as _;
use futures_lite::future::poll_once;
use futures_lite::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use futures_util::FutureExt as _;
use hyper::Request;
use hyper::body::{Bytes, Incoming};
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
pub(crate) struct Upgraded<S, U> {
    pub(crate) stream: S,
    /// Bytes the client sent behind its request.
    pub(crate) leftover: Vec<u8>,
    /// The caller's part of the answer.
    pub(crate) admitted: U,
}

/// Serves the one request of a connection, of which `read` was read already. `respond` gives the
/// answer, and with a 101 the admitted upgrade. `None`: it was answered and is done (or broke).
/// Once `displaced` returns, a connection whose request has not come is answered by 503.
pub(crate) async fn serve<S, U>(
    (stream, read): (S, Bytes),
    client: SocketAddr,
    counters: &OwnCounters,
    respond: impl Fn(&Request<Incoming>) -> (Reply, Option<U>),
    displaced: impl Future<Output = ()>,
) -> Option<Upgraded<S, U>>
where
    S: AsyncRead + AsyncWrite + Unpin,
{
    let admitted = RefCell::new(None);
    let has_asked = Cell::new(false);
    let service = service_fn(|request| {
        has_asked.set(true);
        let (mut response, upgrade) = respond(&request);
        if upgrade.is_none() {
            // One request per connection: probes are rare, terminals upgrade. Set here and not by
            // hyper's keep_alive(false), which would add "close" to the 101 as well, and strict
            // clients refuse that.
            let close = HeaderValue::from_static("close");
            response.headers_mut().insert(CONNECTION, close);
        }
        counters.note_response(response.status().as_u16());
        *admitted.borrow_mut() = upgrade;
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
                counters.note_response(503);
                refuse(connection.into_parts().io.stream).await;
            }
            return None;
        }
    }
    let parts = connection.into_parts();
    let HyperIo { mut stream, ahead } = parts.io;
    let leftover = [parts.read_buf, ahead].concat();
    let Some(admitted) = admitted.into_inner() else {
        // The outcome of the FIN changes nothing.
        let _ = stream.close().await;
        return None;
    };
    Some(Upgraded {
        stream,
        leftover,
        admitted,
    })
}

/// Answers by 503 and closes. Waits for nothing: a client whose socket takes no more loses the
/// text.
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
