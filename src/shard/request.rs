//! The answer to the one HTTP request of a connection: the rate of its client, the route, and a
//! permit for an upgrade. The permit is taken before the 101 is sent, so that what is promised can
//! be kept.

use super::Shard;
use super::pool::PreAuthPermit;
use crate::bridge::ConfigSnapshot;
use crate::http::{self, Health, ListenerInfo, Problem, Reply, Route, Upgrade};
use crate::limits::{ClientKey, Rate, Refused};
use crate::message::Dialect;
use hyper::Request;
use std::net::{IpAddr, SocketAddr};

/// What a 101 promises.
pub(super) struct Granted {
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
    ) -> (Reply, Option<Granted>) {
        let server = &snapshot.config.server;
        let client = http::client_ip(
            request.headers(),
            peer.ip(),
            &server.trusted_proxies,
            server.client_ip_header,
        );
        let answer = self
            .take_rate(client, snapshot)
            .and_then(|()| http::route(request, &snapshot.config, &snapshot.policy, listener))
            .and_then(|route| match route {
                Route::Probe => {
                    let health = self.lifecycle.health(&self.limits);
                    let reply = http::probe_reply(request.uri().path(), health)?;
                    self.handshakes.note_prober(peer.ip());
                    Ok((reply, None))
                }
                Route::Page(reply) => Ok((reply, None)),
                Route::Upgrade(reply, upgrade) => {
                    let permit = self.admit(client, upgrade.dialect)?;
                    let granted = Granted {
                        upgrade,
                        client,
                        permit,
                    };
                    Ok((reply, Some(granted)))
                }
            });
        answer.unwrap_or_else(|problem| {
            tracing::debug!(
                %client,
                %peer,
                status = problem.status.as_u16(),
                detail = problem.detail,
                "request refused"
            );
            (problem.into_response(), None)
        })
    }

    /// Counts a request against the rate of its client.
    fn take_rate(&self, client: IpAddr, snapshot: &ConfigSnapshot) -> Result<(), Problem> {
        let limit = &snapshot.config.rate_limit;
        if !limit.enabled || limit.exempt.iter().any(|net| net.contains(client)) {
            return Ok(());
        }
        let rate = Rate::per(limit.connections, limit.period);
        let taken = self
            .rates
            .take(ClientKey::from(client), rate, crate::clock::now());
        taken.map(|_| ()).map_err(Problem::too_often)
    }

    /// Takes the permit of an upgrade. An `sshard.v1` client is told of a full or draining server
    /// after the upgrade, because a browser cannot read a refusal; only a flood is refused here.
    fn admit(&self, client: IpAddr, dialect: Dialect) -> Result<PreAuthPermit, Problem> {
        let health = self.lifecycle.health(&self.limits);
        if dialect == Dialect::Compatible && matches!(health, Health::Draining | Health::Full) {
            health.ready()?;
        }
        self.enter_pool(client).map_err(|refused| {
            if let Some(others) = self.refusals.may_log(client, crate::clock::now()) {
                tracing::warn!(%client, %refused, others, "connection refused");
            }
            Problem::unavailable(match refused {
                Refused::Client => "this client has as many connections as it may",
                Refused::Unauthenticated
                | Refused::Global
                | Refused::Target
                | Refused::TableFull
                | Refused::Elsewhere => "too many connections are waiting to log in",
            })
        })
    }
}
