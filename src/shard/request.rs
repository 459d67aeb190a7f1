//! The answer to the one HTTP request of a connection: the rate of its client, the route, and a
//! permit for an upgrade. The permit is taken before the 101 is sent, so that what is promised can
//! be kept.

use super::Shard;
use super::pool::PreAuthPermit;
use crate::bridge::ConfigSnapshot;
use crate::http::{self, Health, ListenerInfo, Problem, Reply, Route, Upgrade};
use crate::limits::{ClientKey, Rate, Refused};
use hyper::Request;
use hyper::header::{HOST, ORIGIN};
use std::net::{IpAddr, SocketAddr};

/// Longest Host or Origin header in a log line, in bytes; both are ASCII there.
const MAX_LOGGED_HEADER: usize = 256;

/// Upgrade that is admitted; its 101 may be sent.
pub(super) struct AdmittedUpgrade {
    pub(super) upgrade: Upgrade,
    /// Address of the client, whatever proxies stand between.
    pub(super) client: IpAddr,
    pub(super) permit: PreAuthPermit,
}

impl Shard {
    /// Answers a request that came from `peer`, which may be a proxy.
    pub(super) fn respond<B>(
        &self,
        request: &Request<B>,
        snapshot: &ConfigSnapshot,
        peer: SocketAddr,
        listener: ListenerInfo,
    ) -> (Reply, Option<AdmittedUpgrade>) {
        let server = &snapshot.config.server;
        let client = http::client_ip(
            request.headers(),
            peer.ip(),
            &server.trusted_proxies,
            server.client_ip_header,
        );
        // Rates and policy of now, not of the accept: a reload is in force when it returns, and one
        // count of requests cannot have two rates.
        let current = self.context.snapshot.load();
        let answer = self
            .take_rate(client, &current)
            .and_then(|()| http::route(request, &snapshot.config, &current.policy, listener))
            .and_then(|route| match route {
                Route::Probe => {
                    let health = self.shared.lifecycle.health(&self.shared.limits);
                    let reply = http::probe_reply(request.uri().path(), health)?;
                    self.handshakes.note_prober(peer.ip());
                    Ok((reply, None))
                }
                Route::Page(reply) => Ok((reply, None)),
                Route::Upgrade(reply, upgrade) => {
                    let permit = self.admit(client, &upgrade)?;
                    let admitted = AdmittedUpgrade {
                        upgrade,
                        client,
                        permit,
                    };
                    Ok((reply, Some(admitted)))
                }
            });
        answer.unwrap_or_else(|problem| {
            self.log_refusal(request, &problem, client, peer);
            (problem.into_response(), None)
        })
    }

    /// Logs a refused request. A browser shows its page neither status nor body of a refused
    /// WebSocket, so refusals that the operator's configuration decides are logged at info; the
    /// rest is the client's fault.
    fn log_refusal<B>(
        &self,
        request: &Request<B>,
        problem: &Problem,
        client: IpAddr,
        peer: SocketAddr,
    ) {
        let (status, detail) = (problem.status.as_u16(), &problem.detail);
        if !matches!(status, 403 | 404 | 421) {
            tracing::debug!(%client, %peer, status, detail, "request refused");
        } else if let Some(suppressed) = self.refused_requests.take(client, crate::clock::now()) {
            let named = |name| {
                let text = request.headers().get(name)?.to_str().ok()?;
                text.get(..MAX_LOGGED_HEADER).or(Some(text))
            };
            let (host, origin) = (named(HOST), named(ORIGIN));
            tracing::info!(
                %client,
                %peer,
                status,
                host,
                origin,
                detail,
                suppressed,
                "request refused"
            );
        }
    }

    /// Counts a request against the rate of its client.
    fn take_rate(&self, client: IpAddr, snapshot: &ConfigSnapshot) -> Result<(), Problem> {
        let limit = &snapshot.config.rate_limit;
        if !limit.enabled || limit.exempt.iter().any(|net| net.contains(client)) {
            return Ok(());
        }
        let rate = Rate::per(limit.connections, limit.period);
        let (key, now) = (ClientKey::from(client), crate::clock::now());
        let taken = self.shared.rates.take(key, rate, now);
        taken.map(|_| ()).map_err(Problem::too_often)
    }

    /// Takes the permit of an upgrade. An `sshard.v1` client is told of a full or draining server
    /// after the upgrade, because a browser cannot read a refusal; only a flood is refused here.
    fn admit(&self, client: IpAddr, upgrade: &Upgrade) -> Result<PreAuthPermit, Problem> {
        let health = self.shared.lifecycle.health(&self.shared.limits);
        if !upgrade.reports_errors() && matches!(health, Health::Draining | Health::Full) {
            health.ready()?;
        }
        self.enter_pool(client).map_err(|refused| {
            if let Some(suppressed) = self.refusals.take(client, crate::clock::now()) {
                tracing::warn!(
                    %client,
                    %refused,
                    suppressed,
                    "connection refused: a limit is reached"
                );
            }
            Problem::unavailable(match refused {
                Refused::Client => "this client has as many connections as it may; close one",
                Refused::Unauthenticated
                | Refused::Global
                | Refused::Target
                | Refused::TableFull
                | Refused::Elsewhere => {
                    "too many connections are waiting to log in; try again in a few seconds"
                }
            })
        })
    }
}
