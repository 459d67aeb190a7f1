//! Which request gets which answer. Decides, and answers; moves no sockets.

use super::forwarded::client_ip;
use super::host_header::{AcceptedNames, ListenerInfo};
use super::problem::{Problem, Reply};
use super::ticket::ticket;
use super::upgrade::{handshake, negotiate};
use crate::config::Config;
use crate::message::{Dialect, Secret};
use crate::targets::TargetRequest;
use crate::web;
use http_body_util::Full;
use hyper::body::Bytes;
use hyper::header::{CONTENT_TYPE, HOST, HeaderValue, ORIGIN};
use hyper::{Method, Request, Response, StatusCode, Version};
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
    /// Its name.
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Self::Starting => "starting",
            Self::Ready => "ready",
            Self::Full => "full",
            Self::Draining => "draining",
        }
    }

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

/// Reason for which a connection is not admitted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Rejection {
    /// The pool is full; that passes as logins succeed or time out.
    Pool,
    /// This client holds all that one may.
    Client,
}

/// Decides whether a connection may become a session. The check and the permit it takes are one
/// step, so that concurrent connections cannot all pass the same check.
pub trait AdmissionControl {
    /// Right of one connection to log in; Drop gives it back.
    type Permit;

    /// Health of the process. That it is full is a hint only: the permit that counts is taken
    /// after `auth`.
    fn health(&self) -> Health;

    /// Returns whether a target of this name is configured. The policy is not asked here.
    fn is_configured(&self, name: &str) -> bool;

    /// Counts a request of a client; the error is how long it must wait.
    ///
    /// # Errors
    /// The client asks too often; nothing is counted then.
    fn note_request(&self, client: IpAddr) -> Result<(), Duration>;

    /// Takes a permit.
    ///
    /// # Errors
    /// None is left for this client.
    fn admit(&self, client: IpAddr) -> Result<Self::Permit, Rejection>;

    /// This peer asks for health: a load balancer, or a probe.
    fn note_prober(&self, peer: IpAddr);

    /// A request was answered.
    fn note_response(&self, status: u16);
}

/// An upgrade that was granted.
#[derive(Debug)]
pub struct Upgrade<P> {
    /// What the client wants to reach.
    pub target: TargetRequest,
    /// How it talks.
    pub dialect: Dialect,
    /// Who it is: the address that counts, whatever proxies stand between.
    pub client: IpAddr,
    /// The admission ticket it brought in a header.
    pub ticket: Option<Secret>,
    /// Right to log in, held until the login.
    pub permit: P,
}

impl<P> Upgrade<P> {
    /// Returns whether the dialect lets a message above the limit be read as several.
    pub fn takes_pieces(&self) -> bool {
        self.dialect == Dialect::Compatible
    }
}

/// Who asks, and where.
pub(super) struct Peer {
    /// The other end of the connection, which may be a proxy.
    pub(super) client: SocketAddr,
    pub(super) listener: ListenerInfo,
}

pub(super) type Answer<P> = (Reply, Option<Upgrade<P>>);

/// Answers one request.
pub(super) fn answer<A: AdmissionControl, B>(
    request: &Request<B>,
    config: &Config,
    peer: &Peer,
    admission: &A,
) -> Answer<A::Permit> {
    let server = &config.server;
    let client = client_ip(
        request.headers(),
        peer.client.ip(),
        &server.trusted_proxies,
        server.client_ip_header,
    );
    let within_rate = admission.note_request(client).map_err(Problem::too_often);
    match within_rate.and_then(|()| route(request, config, peer.listener, client, admission)) {
        Ok(answer) => {
            if is_health(request.uri().path()) {
                admission.note_prober(peer.client.ip());
            }
            answer
        }
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

fn route<A: AdmissionControl, B>(
    request: &Request<B>,
    config: &Config,
    listener: ListenerInfo,
    client: IpAddr,
    admission: &A,
) -> Result<Answer<A::Permit>, Problem> {
    check_host_and_origin(request, &AcceptedNames::of_server(&config.server, listener))?;
    let path = request.uri().path();
    let prefix = config.server.path_prefix.as_str();
    if is_health(path) {
        require_health_method(request)?;
        return health(path, admission.health()).map(|response| (response, None));
    }
    let host = request.headers().get(HOST);
    if let Some(page) = host.and_then(|host| web::answer(path, request.headers(), host, config)) {
        require_method(request.method(), &[Method::GET, Method::HEAD], "GET, HEAD")?;
        return Ok((page, None));
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
        return Err(Problem::bad_request(
            "a query is not accepted: secrets must never reach a URL",
        ));
    }
    let segments: Vec<&str> = segments.split('/').collect();
    let target = TargetRequest::from_segments(&segments)
        .map_err(|error| Problem::bad_request(error.to_string()))?;
    if matches!(&target, TargetRequest::Named(name) if !admission.is_configured(name)) {
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
    let permit = admit(client, dialect, admission)?;
    Ok((
        response,
        Some(Upgrade {
            target,
            dialect,
            client,
            ticket,
            permit,
        }),
    ))
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

/// Methods that a health address takes. HAProxy's `option httpchk PATH` asks by OPTIONS and in
/// HTTP/1.0, in which no page can ask.
pub(crate) fn require_health_method<B>(request: &Request<B>) -> Result<(), Problem> {
    if (request.method(), request.version()) == (&Method::OPTIONS, Version::HTTP_10) {
        return Ok(());
    }
    require_method(request.method(), &[Method::GET, Method::HEAD], "GET, HEAD")
}

/// Returns whether the path is one that load balancers probe.
pub(crate) fn is_health(path: &str) -> bool {
    matches!(path, "/healthz" | "/readyz")
}

/// HTTP/1.1 everywhere, HTTP/1.0 at the health addresses. Exactly one Host that names this server,
/// and if the target of the request has a host too, that one as well; HTTP/1.0 may come without.
/// At most one Origin, a page of this server's own or a listed one.
pub(crate) fn check_host_and_origin<B>(
    request: &Request<B>,
    hosts: &AcceptedNames<'_>,
) -> Result<(), Problem> {
    let is_old = request.version() < Version::HTTP_11;
    if is_old && !is_health(request.uri().path()) {
        return Err(Problem::bad_request(
            "HTTP/1.1 is spoken here; HTTP/1.0 is answered at /healthz and /readyz alone",
        ));
    }
    let headers = request.headers();
    let mut host = headers.get_all(HOST).iter();
    let named = match (host.next(), host.next()) {
        (Some(only), None) => only.to_str().is_ok_and(|host| hosts.accepts_host(host)),
        (None, _) if is_old => true,
        _ => return Err(Problem::bad_request("exactly one Host header is needed")),
    };
    // RFC 9112 section 3.2.2: it takes the place of the Host header.
    let authority = request.uri().authority();
    if !named || authority.is_some_and(|authority| !hosts.accepts_host(authority.as_str())) {
        return Err(Problem::new(
            StatusCode::MISDIRECTED_REQUEST,
            format!(
                "this server does not go by the name in the Host header; \
                 its operator can add it to {}",
                hosts.listed_in
            ),
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
    let detail = format!(
        "pages of this Origin may not use this server; its operator can add {}",
        hosts.origin_remedy()
    );
    Err(Problem::new(StatusCode::FORBIDDEN, detail))
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

/// An `sshard.v1` client is told of limits and drain after the upgrade: a
/// browser can't read a refusal. Only a flood is turned away here.
fn admit<A: AdmissionControl>(
    client: IpAddr,
    dialect: Dialect,
    admission: &A,
) -> Result<A::Permit, Problem> {
    if dialect == Dialect::Compatible
        && let health @ (Health::Draining | Health::Full) = admission.health()
    {
        health.ready()?;
    }
    admission
        .admit(client)
        .map_err(|rejection| match rejection {
            Rejection::Pool => Problem::unavailable("too many connections are waiting to log in"),
            Rejection::Client => {
                Problem::unavailable("this client has as many connections as it may")
            }
        })
}
