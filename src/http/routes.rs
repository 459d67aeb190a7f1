//! Which request gets which answer. Decides, and answers; moves no sockets.

use super::forwarded::client_ip;
use super::hosts::Hosts;
use super::problem::{Problem, Reply};
use super::ticket::ticket;
use crate::config::{Config, HostPort, Origin};
use crate::message::{Dialect, SUBPROTOCOL_V1, Secret};
use crate::targets::Requested;
use async_tungstenite::tungstenite::handshake::server::create_response_with_body;
use http_body_util::Full;
use hyper::body::Bytes;
use hyper::header::{
    CONNECTION, CONTENT_TYPE, HOST, HeaderValue, ORIGIN, SEC_WEBSOCKET_PROTOCOL,
    SEC_WEBSOCKET_VERSION, UPGRADE,
};
use hyper::{HeaderMap, Method, Request, Response, StatusCode};
use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

/// How the process is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Health {
    /// Not yet listening on every shard.
    Starting,
    /// Sessions are welcome.
    Ready,
    /// The global limit is reached.
    Full,
    /// Going down.
    Draining,
}

impl Health {
    /// What `/readyz` says.
    pub(crate) fn ready(self) -> Result<&'static str, Problem> {
        let not = match self {
            Self::Ready => return Ok("ready\n"),
            Self::Starting => "the server is starting",
            Self::Full => "the server is full",
            Self::Draining => "the server is shutting down",
        };
        Err(Problem::unavailable(not))
    }
}

/// Why there is no place.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NoPlace {
    /// The pool is full; that passes as logins succeed or time out.
    Pool,
    /// This client holds all that one may.
    Client,
}

/// Who decides whether a connection may become a session. The decision and
/// the place it takes are one step.
pub trait Gatekeeper {
    /// A place in the pool of connections not yet logged in.
    type Place;

    /// How the process is. That it is full is a hint only: a place is taken
    /// for good after `auth`.
    fn health(&self) -> Health;

    /// Whether a target of this name is configured. Whether it may be reached
    /// is not asked here.
    fn is_configured(&self, name: &str) -> bool;

    /// Counts a request of a client; the error is how long it must wait.
    ///
    /// # Errors
    /// The client asks too often; nothing is counted then.
    fn note_request(&self, client: IpAddr) -> Result<(), Duration>;

    /// Takes a place.
    ///
    /// # Errors
    /// There is none for this client.
    fn admit(&self, client: IpAddr) -> Result<Self::Place, NoPlace>;

    /// A request was answered.
    fn note_response(&self, status: u16);
}

/// An upgrade that was granted.
#[derive(Debug)]
pub struct Upgrade<P> {
    /// What the client wants to reach.
    pub target: Requested,
    /// How it talks.
    pub dialect: Dialect,
    /// Who it is: the address that counts, whatever proxies stand between.
    pub client: IpAddr,
    /// The admission ticket it brought in a header.
    pub ticket: Option<Secret>,
    /// Its place in the pool.
    pub place: P,
}

/// Where a connection came in.
#[derive(Debug, Clone, Copy)]
pub struct Door {
    /// The address the client, or the proxy before it, connected to.
    pub local: SocketAddr,
    /// Whether TLS is spoken there.
    pub tls: bool,
}

/// Who asks, and where.
pub(super) struct Peer {
    /// The other end of the connection, which may be a proxy.
    pub(super) client: SocketAddr,
    pub(super) door: Door,
}

pub(super) type Answer<P> = (Reply, Option<Upgrade<P>>);

/// Answers one request.
pub(super) fn answer<G: Gatekeeper, B>(
    request: &Request<B>,
    config: &Config,
    peer: &Peer,
    keeper: &G,
) -> Answer<G::Place> {
    let server = &config.server;
    let client = client_ip(
        request.headers(),
        peer.client.ip(),
        &server.trusted_proxies,
        server.client_ip_header,
    );
    let within_rate = keeper.note_request(client).map_err(Problem::too_often);
    match within_rate.and_then(|()| route(request, config, peer.door, client, keeper)) {
        Ok(answer) => answer,
        Err(problem) => {
            tracing::debug!(
                %client,
                peer = %peer.client,
                status = problem.status.as_u16(),
                detail = problem.detail,
                "request refused"
            );
            (problem.into_response(), None)
        }
    }
}

fn route<G: Gatekeeper, B>(
    request: &Request<B>,
    config: &Config,
    door: Door,
    client: IpAddr,
    keeper: &G,
) -> Result<Answer<G::Place>, Problem> {
    let server = &config.server;
    let names = (&server.public_hosts[..], &server.allowed_origins[..]);
    check_hosts(request.headers(), names, door)?;
    let path = request.uri().path();
    let prefix = config.server.path_prefix.as_str();
    match path {
        "/healthz" | "/readyz" => {
            require_method(request.method(), &[Method::GET, Method::HEAD], "GET, HEAD")?;
            return health(path, keeper.health()).map(|response| (response, None));
        }
        _ => {}
    }
    let segments = path
        .strip_prefix(prefix)
        .and_then(|rest| rest.strip_prefix("/ws/"))
        .ok_or_else(|| {
            Problem::new(
                StatusCode::NOT_FOUND,
                format!("nothing is here; terminals are at {prefix}/ws/{{host}}/{{port}}"),
            )
        })?;
    require_method(request.method(), &[Method::GET], "GET")?;
    if request.uri().query().is_some() {
        return Err(bad(
            "a query is not accepted: secrets must never reach a URL",
        ));
    }
    let segments: Vec<&str> = segments.split('/').collect();
    let target = Requested::from_segments(&segments).map_err(|error| bad(error.to_string()))?;
    if matches!(&target, Requested::Named(name) if !keeper.is_configured(name)) {
        return Err(Problem::new(
            StatusCode::NOT_FOUND,
            "no target of this name is configured",
        ));
    }
    let dialect = negotiate(request.headers(), config)?;
    let response = handshake(request, dialect)?;
    let ticket = match &config.admission.ticket_key_file {
        Some(_) => ticket(request.headers())?,
        None => None,
    };
    let place = admit(client, dialect, keeper)?;
    Ok((
        response,
        Some(Upgrade {
            target,
            dialect,
            client,
            ticket,
            place,
        }),
    ))
}

fn bad(detail: impl Into<String>) -> Problem {
    Problem::new(StatusCode::BAD_REQUEST, detail)
}

/// 405 unless `method` is one of `allowed`; `listed` is what Allow says.
pub(crate) fn require_method(
    method: &Method,
    allowed: &[Method],
    listed: &'static str,
) -> Result<(), Problem> {
    if allowed.contains(method) {
        return Ok(());
    }
    let detail = format!("this address takes {listed} only");
    Err(Problem::new(StatusCode::METHOD_NOT_ALLOWED, detail).allow(listed))
}

/// Exactly one Host that names us; at most one Origin, our own or a listed one.
pub(crate) fn check_hosts(
    headers: &HeaderMap,
    (public, origins): (&[HostPort], &[Origin]),
    door: Door,
) -> Result<(), Problem> {
    let hosts = Hosts {
        public,
        origins,
        door,
    };
    let mut host = headers.get_all(HOST).iter();
    let (Some(first), None) = (host.next(), host.next()) else {
        return Err(bad("exactly one Host header is needed"));
    };
    if !first.to_str().is_ok_and(|host| hosts.accepts_host(host)) {
        return Err(Problem::new(
            StatusCode::MISDIRECTED_REQUEST,
            "this server does not go by the name in the Host header; \
             its operator can add it to server.public_hosts",
        ));
    }
    let mut origin = headers.get_all(ORIGIN).iter();
    let accepted = match (origin.next(), origin.next()) {
        (None, _) => true,
        (Some(only), None) => only.to_str().is_ok_and(|o| hosts.accepts_origin(o)),
        (Some(_), Some(_)) => false,
    };
    if accepted {
        return Ok(());
    }
    Err(Problem::new(
        StatusCode::FORBIDDEN,
        "pages of this Origin may not use this server; its operator can add it to \
         server.allowed_origins, or to server.public_hosts if it is this server's own",
    ))
}

fn health(path: &str, health: Health) -> Result<Reply, Problem> {
    let text = match path {
        "/healthz" => "alive\n",
        _ => health.ready()?,
    };
    let mut response = Response::new(Full::new(Bytes::from_static(text.as_bytes())));
    response.headers_mut().insert(
        CONTENT_TYPE,
        HeaderValue::from_static("text/plain; charset=utf-8"),
    );
    Ok(response)
}

/// The subprotocols a client offers: ours, or none for the compatible
/// dialect. Others alone are refused: a client that insists on a protocol we
/// do not speak would fail anyway, and later.
fn negotiate(headers: &HeaderMap, config: &Config) -> Result<Dialect, Problem> {
    let mut offered = false;
    for value in headers.get_all(SEC_WEBSOCKET_PROTOCOL) {
        let list = value
            .to_str()
            .map_err(|_| bad("Sec-WebSocket-Protocol is not readable"))?;
        for protocol in list.split(',').map(str::trim) {
            offered = true;
            if protocol == SUBPROTOCOL_V1 {
                return Ok(Dialect::V1);
            }
        }
    }
    match (offered, config.compat.enabled) {
        (true, _) => Err(bad("the subprotocol spoken here is sshard.v1")),
        (false, true) => Ok(Dialect::Compatible),
        (false, false) => Err(bad(
            "offer the subprotocol sshard.v1; the compatible dialect is switched off",
        )),
    }
}

/// The checks of RFC 6455 section 4.2.1 and the 101 of section 4.2.2.
fn handshake<B>(request: &Request<B>, dialect: Dialect) -> Result<Response<Full<Bytes>>, Problem> {
    let mut response =
        create_response_with_body(request, || Full::new(Bytes::new())).map_err(|error| {
            let is_version = request
                .headers()
                .get(SEC_WEBSOCKET_VERSION)
                .is_some_and(|v| v.as_bytes() != b"13");
            if !request.headers().contains_key(UPGRADE)
                || !request.headers().contains_key(CONNECTION)
            {
                Problem::new(
                    StatusCode::UPGRADE_REQUIRED,
                    "this address takes WebSocket upgrades only",
                )
            } else if is_version {
                Problem::new(
                    StatusCode::UPGRADE_REQUIRED,
                    "the WebSocket version spoken here is 13",
                )
            } else {
                bad(format!("not a WebSocket upgrade: {error}"))
            }
        })?;
    if dialect == Dialect::V1 {
        response.headers_mut().insert(
            SEC_WEBSOCKET_PROTOCOL,
            HeaderValue::from_static(SUBPROTOCOL_V1),
        );
    }
    Ok(response)
}

/// An `sshard.v1` client is told of limits and drain after the upgrade: a
/// browser can't read a refusal. Only a flood is turned away here.
fn admit<G: Gatekeeper>(client: IpAddr, dialect: Dialect, keeper: &G) -> Result<G::Place, Problem> {
    if dialect == Dialect::Compatible
        && let health @ (Health::Draining | Health::Full) = keeper.health()
    {
        health.ready()?;
    }
    keeper.admit(client).map_err(|no_place| match no_place {
        NoPlace::Pool => Problem::unavailable("too many connections are waiting to log in"),
        NoPlace::Client => Problem::unavailable("this client has as many connections as it may"),
    })
}
