//! Routing of the public listener: from one request to what it asks for, or the refusal to answer
//! it with. Pure: moves no socket, admits nobody, counts nothing.

use super::host_header::{AcceptedNames, ListenerInfo};
use super::problem::{Problem, Reply};
use super::ticket::ticket;
use super::upgrade::{handshake, negotiate};
use crate::config::Config;
use crate::message::{Dialect, Secret};
use crate::targets::{Policy, TargetRequest};
use crate::web;
use crate::words::words;
use http_body_util::Full;
use hyper::body::Bytes;
use hyper::header::{CONTENT_TYPE, HOST, HeaderValue, ORIGIN};
use hyper::{Method, Request, Response, StatusCode, Version};

words! {
    /// State of the process as load balancers see it.
    pub enum Health {
        /// Some shard does not listen yet.
        Starting = "starting",
        /// New sessions are accepted.
        Ready = "ready",
        /// The global limit is reached.
        Full = "full",
        /// The process drains: no new sessions.
        Draining = "draining",
    }
}

impl Health {
    /// Returns the text of a ready `/readyz`.
    ///
    /// # Errors
    /// 503 in every other state.
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

/// A WebSocket upgrade that the request is good for. Nothing is admitted yet.
#[derive(Debug)]
pub struct Upgrade {
    /// Target named in the path.
    pub target: TargetRequest,
    /// Dialect by the subprotocols the client offered.
    pub dialect: Dialect,
    /// Admission ticket of the Authorization header.
    pub ticket: Option<Secret>,
}

impl Upgrade {
    /// Returns true if the dialect has error messages, by which the client learns of limits.
    pub(crate) fn reports_errors(&self) -> bool {
        self.dialect == Dialect::V1
    }

    /// Returns whether a message above the limit may be split: message boundaries mean nothing in
    /// this dialect.
    pub fn allows_splitting(&self) -> bool {
        self.dialect == Dialect::Compatible
    }
}

/// A request that is accepted, by what the caller still has to decide.
pub(crate) enum Route {
    /// `/healthz` or `/readyz`: answered by [`probe_reply`].
    Probe,
    /// A file of the page; the whole answer.
    Page(Reply),
    /// An upgrade, and the 101 to send once the session is admitted.
    Upgrade(Reply, Upgrade),
}

/// Routes one request.
///
/// # Errors
/// The refusal to answer it with.
pub(crate) fn route<B>(
    request: &Request<B>,
    config: &Config,
    policy: &Policy,
    listener: ListenerInfo,
) -> Result<Route, Problem> {
    check_host_and_origin(request, &AcceptedNames::of_server(&config.server, listener))?;
    let path = request.uri().path();
    let prefix = config.server.path_prefix.as_str();
    if is_health(path) {
        require_health_method(request)?;
        return Ok(Route::Probe);
    }
    let host = request.headers().get(HOST);
    if let Some(page) = host.and_then(|host| web::answer(path, request.headers(), host, config)) {
        require_method(request.method(), READ)?;
        return Ok(Route::Page(page));
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
    require_method(request.method(), "GET")?;
    if request.uri().query().is_some() {
        return Err(Problem::bad_request(
            "a query is not accepted, because URLs end up in logs; send credentials in `auth`",
        ));
    }
    let segments: Vec<&str> = segments.split('/').collect();
    let target = TargetRequest::from_segments(&segments)
        .map_err(|error| Problem::bad_request(error.to_string()))?;
    if matches!(&target, TargetRequest::Named(name) if !policy.is_configured(name)) {
        return Err(Problem::new(
            StatusCode::NOT_FOUND,
            "no target of this name is configured; its operator can add it to targets.named",
        ));
    }
    let dialect = negotiate(request.headers(), config)?;
    let response = handshake(request, dialect)?;
    let upgrade = Upgrade {
        target,
        dialect,
        ticket: match &config.admission.ticket_key_file {
            Some(_) => ticket(request.headers())?,
            None => None,
        },
    };
    Ok(Route::Upgrade(response, upgrade))
}

/// Methods of a path that is only read.
pub(crate) const READ: &str = "GET, HEAD";

/// 405 unless `method` is one of `allowed`, a value of Allow.
pub(crate) fn require_method(method: &Method, allowed: &'static str) -> Result<(), Problem> {
    if allowed.split(", ").any(|name| name == method.as_str()) {
        return Ok(());
    }
    let detail = format!("this path takes {allowed} only");
    Err(Problem {
        allow: Some(allowed),
        ..Problem::new(StatusCode::METHOD_NOT_ALLOWED, detail)
    })
}

/// Refuses methods other than GET and HEAD at a health path, HTTP/1.0 OPTIONS excepted (HAProxy
/// `option httpchk`; no browser sends HTTP/1.0).
pub(crate) fn require_health_method<B>(request: &Request<B>) -> Result<(), Problem> {
    if (request.method(), request.version()) == (&Method::OPTIONS, Version::HTTP_10) {
        return Ok(());
    }
    require_method(request.method(), READ)
}

/// Returns whether the path is one that load balancers probe.
pub(crate) fn is_health(path: &str) -> bool {
    matches!(path, "/healthz" | "/readyz")
}

/// HTTP/1.1 everywhere, HTTP/1.0 at the health addresses. Exactly one Host that names this server,
/// and if the target of the request has a host too, that one as well; HTTP/1.0 may come without. At
/// most one Origin, a page of this server's own or a listed one.
pub(crate) fn check_host_and_origin<B>(
    request: &Request<B>,
    hosts: &AcceptedNames<'_>,
) -> Result<(), Problem> {
    let is_old = request.version() < Version::HTTP_11;
    if is_old && !is_health(request.uri().path()) {
        return Err(Problem::bad_request(
            "HTTP/1.1 is needed here; HTTP/1.0 is answered at /healthz and /readyz alone",
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

/// Returns the answer to a probe of `path`, which [`is_health`] takes.
///
/// # Errors
/// 503 from `/readyz` in every state but [`Health::Ready`].
pub(crate) fn probe_reply(path: &str, health: Health) -> Result<Reply, Problem> {
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
