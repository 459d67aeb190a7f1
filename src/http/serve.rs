//! One connection: one request, then an answer or the bare socket back. The
//! caller owns the deadline.

use super::io::HyperIo;
use super::routes::{Door, Gatekeeper, Peer, Upgrade, answer};
use crate::config::Config;
use futures_lite::io::{AsyncRead, AsyncWrite};
use hyper::header::{CONNECTION, HeaderValue};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use std::cell::RefCell;
use std::convert::Infallible;
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

/// Serves the one request of a connection. `None`: it was answered and is
/// done (or broke).
pub async fn serve<S, G>(
    stream: S,
    client: SocketAddr,
    door: Door,
    config: &Config,
    keeper: &G,
) -> Option<Upgraded<S, G::Place>>
where
    S: AsyncRead + AsyncWrite + Unpin,
    G: Gatekeeper,
{
    let peer = Peer { client, door };
    let granted = RefCell::new(None);
    let service = service_fn(|request| {
        let (mut response, upgrade) = answer(&request, config, &peer, keeper);
        if upgrade.is_none() {
            // One request per connection: probes are rare, terminals upgrade.
            // Said here and not by hyper's keep_alive(false), which would add
            // "close" to the 101 as well, and strict clients refuse that.
            let close = HeaderValue::from_static("close");
            response.headers_mut().insert(CONNECTION, close);
        }
        keeper.note_response(response.status().as_u16());
        *granted.borrow_mut() = upgrade;
        async move { Ok::<_, Infallible>(response) }
    });
    let connection = http1::Builder::new()
        .half_close(false)
        .header_read_timeout(None)
        .max_buf_size(MAX_HEAD)
        .max_headers(MAX_HEADERS)
        .pipeline_flush(false)
        .auto_date_header(true)
        .serve_connection(HyperIo(stream), service)
        .without_shutdown()
        .await;
    let parts = match connection {
        Ok(parts) => parts,
        Err(error) => {
            tracing::debug!(%client, %error, "an HTTP connection ended early");
            return None;
        }
    };
    let (mut stream, leftover) = (parts.io.0, parts.read_buf.to_vec());
    match granted.into_inner() {
        Some(upgrade) => Some(Upgraded {
            stream,
            leftover,
            upgrade,
        }),
        None => {
            // The outcome of the FIN changes nothing.
            let _ = futures_lite::AsyncWriteExt::close(&mut stream).await;
            None
        }
    }
}
