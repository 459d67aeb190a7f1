//! The statistics, per shard and summed.

use super::Desk;
use super::snapshot::{ShardNumbers, Snapshot};
use crate::error::{Reason, Stage};
use serde::Serialize;
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
    failures: Vec<Failure>,
}

#[derive(Debug, Serialize)]
struct Failure {
    stage: &'static str,
    cause: &'static str,
    count: u64,
}

#[derive(Debug, Serialize)]
struct ShardStats {
    shard: usize,
    /// Connections on it, sessions or not.
    connections: usize,
    #[serde(flatten)]
    numbers: Numbers,
    heartbeat_age_seconds: f64,
}

#[derive(Debug, Serialize)]
pub(super) struct Stats {
    #[serde(flatten)]
    numbers: Numbers,
    host_connections: BTreeMap<String, u32>,
    connections: u32,
    max_connections: u32,
    max_per_host: u32,
    unauthenticated: u32,
    max_unauthenticated: u32,
    shards: Vec<ShardStats>,
}

pub(super) fn of(desk: &Desk) -> Stats {
    let snapshot = Snapshot::read(desk);
    let targets = desk.watched.limits.per_target();
    let shards = snapshot.shards.iter().enumerate();
    Stats {
        numbers: sum(&snapshot.shards),
        shards: shards
            .map(|(shard, numbers)| ShardStats {
                shard,
                connections: numbers.connections,
                numbers: sum(std::slice::from_ref(numbers)),
                heartbeat_age_seconds: numbers.heartbeat_age.as_secs_f64(),
            })
            .collect(),
        host_connections: targets
            .into_iter()
            .map(|(target, count)| (target.to_string(), count))
            .collect(),
        connections: snapshot.taken.connections,
        max_connections: snapshot.max_connections,
        max_per_host: snapshot.max_per_host,
        unauthenticated: snapshot.taken.unauthenticated,
        max_unauthenticated: snapshot.max_unauthenticated,
    }
}

fn sum(shards: &[ShardNumbers]) -> Numbers {
    let mut sum = Numbers::default();
    let mut failures: BTreeMap<(usize, usize), (Stage, Reason, u64)> = BTreeMap::new();
    for shard in shards {
        sum.active_sessions += shard.sessions.active;
        sum.total_sessions += shard.sessions.total;
        sum.successful_sessions += shard.sessions.successful;
        sum.failed_sessions += shard.sessions.failed;
        sum.input_bytes += shard.input_bytes;
        sum.output_bytes += shard.output_bytes;
        for (stage, reason, count) in &shard.endings {
            if reason.is_failure() {
                let place = (*stage as usize, *reason as usize);
                failures.entry(place).or_insert((*stage, *reason, 0)).2 += count;
            }
        }
    }
    let failure = |(stage, reason, count): (Stage, Reason, u64)| Failure {
        stage: stage.as_str(),
        cause: reason.as_str(),
        count,
    };
    sum.failures = failures.into_values().map(failure).collect();
    sum
}
