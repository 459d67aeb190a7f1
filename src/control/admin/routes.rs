//! Routes of the admin listener: checks Host, Origin, method and token, then answers.
//!
//! Guarantees that nothing is changed without the token or the CSRF header, and that without the
//! token, where one is set, only health and the empty operator's page are answered. Does not bound
//! connections (`slots.rs`).

use super::listing::ListQuery;
use super::response::json;
use super::{AdminContext, health, metrics, sessions, settings, stats};
use crate::control::events::Event;
use crate::http::{
    AcceptedNames, ListenerInfo, Problem, READ, Reply, check_host_and_origin, is_health,
    require_health_method, require_method,
};
use crate::web::{is_operator_page, operator_page, secure_operator};
use hyper::header::{CACHE_CONTROL, HeaderValue};
use hyper::{Method, Request, StatusCode};
use std::net::SocketAddr;
use std::time::Duration;
use tokio::time::timeout;

/// Longest wait for the control thread to reload.
const RELOAD_TIMEOUT: Duration = Duration::from_secs(30);

/// Header that requests which change something must carry, against cross-site request forgery.
pub const CSRF_HEADER: &str = "x-sshard-admin";
/// Value of [`CSRF_HEADER`].
pub const CSRF_VALUE: &str = "1";

/// Answers one request. Its body is not read.
pub(super) async fn answer<B>(
    context: &AdminContext,
    client: SocketAddr,
    listener: ListenerInfo,
    request: &Request<B>,
) -> Reply {
    let mut response = match route(context, client, listener, request).await {
        Ok(response) => response,
        Err(problem) => {
            tracing::debug!(
                %client,
                status = problem.status.as_u16(),
                detail = problem.detail,
                "an admin request was refused"
            );
            problem.into_response()
        }
    };
    let headers = response.headers_mut();
    // Files of the page are no secret and carry their own Cache-Control.
    headers
        .entry(CACHE_CONTROL)
        .or_insert(HeaderValue::from_static("no-store"));
    secure_operator(headers);
    response
}

async fn route<B>(
    context: &AdminContext,
    client: SocketAddr,
    listener: ListenerInfo,
    request: &Request<B>,
) -> Result<Reply, Problem> {
    // A page in the administrator's browser can reach a loopback port, too.
    let config = context.process.snapshot.load().config.clone();
    check_host_and_origin(request, &AcceptedNames::of_admin(&config.admin, listener))?;
    let (method, path) = (request.method(), request.uri().path());
    if is_health(path) {
        require_health_method(request)?;
        return health::answer(context, path);
    }
    // The token is typed into the page, so the page comes without it.
    if config.admin.page && is_operator_page(path) {
        require_method(method, READ)?;
        return operator_page(path, request.headers()).ok_or_else(nothing_here);
    }
    if let Some(token) = &*context.token.load()
        && !token.is_presented_by(request.headers())
    {
        return Err(Problem::unauthorized());
    }
    let segments: Vec<&str> = path.split('/').skip(1).collect();
    match segments.as_slice() {
        ["metrics"] => {
            require_method(method, READ).map(|()| metrics::answer(context, request.headers()))
        }
        ["stats"] => {
            require_method(method, READ)?;
            json(StatusCode::OK, &stats::of(context, request.uri().query())?)
        }
        ["api", "v1", "sessions"] => {
            require_method(method, READ)?;
            let query = ListQuery::parse(request.uri().query())?;
            json(StatusCode::OK, &sessions::list(context, &query).await)
        }
        ["api", "v1", "sessions", id] if method == Method::DELETE => {
            require_csrf_header(context, request)?;
            let id = sessions::remove(context, id).await?;
            tracing::info!(%client, session = id, "an administrator ends a session");
            let ending = serde_json::json!({ "id": id, "ending": true });
            json(StatusCode::ACCEPTED, &ending)
        }
        ["api", "v1", "sessions", id] => {
            require_method(method, "GET, HEAD, DELETE")?;
            json(StatusCode::OK, &sessions::show(context, id).await?)
        }
        ["api", "v1", "drain"] => {
            require_method(method, "POST")?;
            require_csrf_header(context, request)?;
            tracing::info!(%client, "an administrator drains the process");
            send_event(context, Event::Drain)?;
            let draining = serde_json::json!({ "draining": true });
            json(StatusCode::ACCEPTED, &draining)
        }
        ["api", "v1", "reload"] => {
            require_method(method, "POST")?;
            require_csrf_header(context, request)?;
            tracing::info!(%client, "an administrator reloads the configuration");
            reload(context).await
        }
        ["api", "v1", "config"] => {
            require_method(method, READ)?;
            json(StatusCode::OK, &settings::of(context))
        }
        _ => Err(nothing_here()),
    }
}

fn nothing_here() -> Problem {
    Problem::new(
        StatusCode::NOT_FOUND,
        "nothing is here; there are /healthz, /readyz, /metrics, /stats, under /api/v1 sessions, \
         drain, reload and config, and with admin.page the page at /",
    )
}

/// Requires the token, or a header of its own, of a request that changes something. A page can send
/// neither: for both its browser asks by OPTIONS first, and no answer here ever grants that (CORS
/// preflight, Fetch standard section 3.2).
fn require_csrf_header<B>(context: &AdminContext, request: &Request<B>) -> Result<(), Problem> {
    let mut values = request.headers().get_all(CSRF_HEADER).iter();
    let has_csrf_header = match (values.next(), values.next()) {
        (Some(only), None) => only.as_bytes() == CSRF_VALUE.as_bytes(),
        _ => false,
    };
    // A token is checked before, where there is one.
    if context.token.load().is_some() || has_csrf_header {
        return Ok(());
    }
    let detail = "a request that changes something needs the header X-Sshard-Admin: 1, which no \
                  page of another site can send";
    Err(Problem::new(StatusCode::FORBIDDEN, detail))
}

fn send_event(context: &AdminContext, event: Event) -> Result<(), Problem> {
    context
        .events
        .try_send(event)
        .map_err(|_| Problem::unavailable("the control thread is busy; try again in a few seconds"))
}

async fn reload(context: &AdminContext) -> Result<Reply, Problem> {
    let (reply, answer) = async_channel::bounded(1);
    send_event(context, Event::Reload { reply })?;
    let answer = timeout(RELOAD_TIMEOUT, answer.recv()).await;
    match answer {
        Ok(Ok(Ok(reloaded))) => json(StatusCode::OK, &reloaded),
        Ok(Ok(Err(reason))) => Err(Problem::new(StatusCode::UNPROCESSABLE_ENTITY, reason)),
        Ok(Err(_)) | Err(_) => Err(Problem::unavailable(
            "the control thread does not answer; the log has the outcome of the reload",
        )),
    }
}
