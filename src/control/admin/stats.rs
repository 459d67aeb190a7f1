//! The statistics, per shard and summed.
//!
//! Does not stop the shards: the numbers are read one after another, not at one instant.

use super::AdminContext;
use super::query::{number, parameters, unknown};
use super::snapshot::{ShardNumbers, Snapshot};
use crate::error::{Reason, Stage};
use crate::http::Problem;
use crate::registry::InstanceId;
use crate::telemetry::HistogramCounts;
use serde::Serialize;
use serde_json::{Value, json};
use std::cmp::Reverse;
use std::collections::BTreeMap;

/// Counts of sessions; `total = active + successful + failed`.
#[derive(Debug, Default, Serialize)]
struct Numbers {
    active_sessions: u64,
    total_sessions: u64,
    successful_sessions: u64,
    failed_sessions: u64,
    input_bytes: u64,
    output_bytes: u64,
    /// Failed sessions, by stage and cause.
    failures: Vec<Value>,
    /// Sessions there are, by state.
    states: BTreeMap<&'static str, u64>,
}

#[derive(Debug, Serialize)]
struct ShardStats {
    shard: usize,
    /// Connections on it, sessions or not.
    connections: usize,
    /// Connections between accept and the end of the upgrade.
    handshakes: u64,
    #[serde(flatten)]
    numbers: Numbers,
    /// CPU time of its thread.
    cpu_seconds: f64,
    heartbeat_age_seconds: f64,
}

#[derive(Debug, Serialize)]
pub(super) struct Stats {
    version: &'static str,
    node: String,
    instance: InstanceId,
    uptime_seconds: f64,
    health: &'static str,
    drain_timeout_seconds: f64,
    drain_ends_in_seconds: Option<f64>,
    #[serde(flatten)]
    numbers: Numbers,
    host_connections: BTreeMap<String, u32>,
    targets_in_use: usize,
    connections: u32,
    max_connections: u32,
    max_per_host: u32,
    unauthenticated: u32,
    max_unauthenticated: u32,
    /// 0 is no limit.
    max_per_client: u32,
    /// Limit of each shard.
    max_handshakes: u32,
    /// Connections that became no session, by cause.
    refused_before_session: Vec<Value>,
    latencies: Value,
    reloads: Value,
    audit_lost_lines: u64,
    tls_expires_at: Option<u64>,
    show_users: bool,
    shards: Vec<ShardStats>,
}

/// Statistics; with `hosts=N`, `host_connections` has the N targets with the most connections
/// alone.
pub(super) fn of(context: &AdminContext, query: Option<&str>) -> Result<Stats, Problem> {
    let mut hosts = usize::MAX;
    for (name, value) in parameters(query)? {
        match name.as_str() {
            "hosts" => hosts = number(&name, &value, 0..=1_000_000)?,
            _ => return Err(unknown(&name, "hosts")),
        }
    }
    let snapshot = Snapshot::read(context);
    let (server, limits) = (&snapshot.config.server, &snapshot.config.limits);
    let mut targets = context.process.limits.per_target();
    if targets.len() > hosts {
        targets.sort_by_cached_key(|(target, count)| (Reverse(*count), target.to_string()));
        targets.truncate(hosts);
    }
    let shards = snapshot.shards.iter().enumerate();
    let (applied, refused) = snapshot.reloads;
    let instance = context.process.registry.instance();
    Ok(Stats {
        version: env!("CARGO_PKG_VERSION"),
        node: instance.node.clone(),
        instance: instance.id,
        uptime_seconds: snapshot.uptime.as_secs_f64(),
        health: snapshot.health.as_str(),
        drain_timeout_seconds: server.drain_timeout.as_secs_f64(),
        drain_ends_in_seconds: snapshot.drain_left.map(|left| left.as_secs_f64()),
        numbers: sum(&snapshot.shards),
        shards: shards.map(ShardStats::of).collect(),
        host_connections: targets
            .into_iter()
            .map(|(target, count)| (target.to_string(), count))
            .collect(),
        targets_in_use: snapshot.in_use.targets_in_use,
        connections: snapshot.in_use.connections,
        max_connections: limits.max_connections,
        max_per_host: limits.max_connections_per_host,
        unauthenticated: snapshot.in_use.unauthenticated,
        max_unauthenticated: limits.max_unauthenticated,
        max_per_client: limits.max_connections_per_client,
        max_handshakes: server.max_handshakes,
        refused_before_session: refused_before_session(&snapshot.shards),
        latencies: latencies(&snapshot),
        reloads: json!({ "applied": applied, "refused": refused }),
        audit_lost_lines: snapshot.audit_lost_lines,
        tls_expires_at: snapshot.tls_expiry,
        show_users: snapshot.config.admin.show_users,
    })
}

impl ShardStats {
    fn of((shard, numbers): (usize, &ShardNumbers)) -> Self {
        Self {
            shard,
            connections: numbers.connections,
            handshakes: numbers.handshakes,
            numbers: sum(std::slice::from_ref(numbers)),
            cpu_seconds: numbers.cpu.as_secs_f64(),
            heartbeat_age_seconds: numbers.heartbeat_age.as_secs_f64(),
        }
    }
}

fn sum(shards: &[ShardNumbers]) -> Numbers {
    let mut sum = Numbers::default();
    let mut failures: BTreeMap<(Stage, Reason), u64> = BTreeMap::new();
    for shard in shards {
        sum.active_sessions += shard.sessions.open;
        sum.total_sessions += shard.sessions.total;
        sum.successful_sessions += shard.sessions.successful;
        sum.failed_sessions += shard.sessions.failed;
        sum.input_bytes += shard.input_bytes;
        sum.output_bytes += shard.output_bytes;
        for (state, count) in &shard.states {
            *sum.states.entry(state.as_str()).or_default() += count;
        }
        for (stage, reason, count) in &shard.endings {
            if reason.is_failure() {
                *failures.entry((*stage, *reason)).or_default() += count;
            }
        }
    }
    let failures = failures.into_iter().map(|((stage, reason), count)| {
        let (stage, cause) = (stage.as_str(), reason.as_str());
        json!({ "stage": stage, "cause": cause, "count": count })
    });
    sum.failures = failures.collect();
    sum
}

/// HTTP refusals by their status, and connections that did not get as far.
fn refused_before_session(shards: &[ShardNumbers]) -> Vec<Value> {
    let mut causes: BTreeMap<String, u64> = BTreeMap::new();
    for shard in shards {
        for (status, count) in &shard.responses {
            let cause = match status {
                // Upgrades; files of the page, fetched or current in a cache; redirects to it.
                101 | 200 | 304 | 308 => continue,
                0 => "http-other".to_owned(),
                status => format!("http-{status}"),
            };
            *causes.entry(cause).or_default() += count;
        }
        for (cause, count) in &shard.failed_handshakes {
            let cause = format!("handshake-{}", cause.as_str());
            *causes.entry(cause).or_default() += count;
        }
    }
    let seen = causes.into_iter().filter(|(_, count)| *count > 0);
    seen.map(|(cause, count)| json!({ "cause": cause, "count": count }))
        .collect()
}

/// Upper bounds of the counts, of which one more is of what is above, and both histograms.
fn latencies(snapshot: &Snapshot) -> Value {
    let bounds = HistogramCounts::bounds().map(|bound| bound.as_secs_f64());
    let latency = |total: HistogramCounts| {
        let sum = total.sum.as_secs_f64();
        json!({ "counts": total.buckets, "sum_seconds": sum })
    };
    json!({
        "bounds_seconds": bounds.collect::<Vec<_>>(),
        "setup": latency(snapshot.total(|shard| &shard.setup)),
        "echo": latency(snapshot.total(|shard| &shard.echo)),
    })
}
