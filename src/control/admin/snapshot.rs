//! The numbers of the process at one moment, read from the shards' counters and the limits without
//! a message to any shard. Statistics and metrics are written from it.

use super::AdminContext;
use crate::config::Config;
use crate::error::{Reason, Stage};
use crate::http::Health;
use crate::limits::Counts;
use crate::registry::State;
use crate::telemetry::{HandshakeFailure, HistogramCounts, SessionStats, ShardCounters};
use crate::ws::Tls;
use std::sync::Arc;
use std::time::{Duration, Instant};

/// Numbers of one shard.
#[derive(Debug)]
pub(super) struct ShardNumbers {
    /// Connections on the shard, sessions or not.
    pub(super) connections: usize,
    pub(super) accepted: u64,
    pub(super) handshakes: u64,
    pub(super) failed_handshakes: Vec<(HandshakeFailure, u64)>,
    pub(super) responses: Vec<(u16, u64)>,
    pub(super) sessions: SessionStats,
    pub(super) states: Vec<(State, u64)>,
    pub(super) endings: Vec<(Stage, Reason, u64)>,
    pub(super) input_bytes: u64,
    pub(super) output_bytes: u64,
    pub(super) setup: HistogramCounts,
    pub(super) echo: HistogramCounts,
    pub(super) cpu: Duration,
    pub(super) heartbeat_age: Duration,
}

/// Numbers of the process.
#[derive(Debug)]
pub(super) struct Snapshot {
    pub(super) shards: Vec<ShardNumbers>,
    pub(super) in_use: Counts,
    pub(super) config: Arc<Config>,
    pub(super) uptime: Duration,
    pub(super) health: Health,
    /// Time until the drain ends, while there is one.
    pub(super) drain_left: Option<Duration>,
    pub(super) reloads: (u64, u64),
    /// Expiry of the TLS certificate, in seconds since 1970.
    pub(super) tls_expiry: Option<u64>,
    pub(super) audit_lost_lines: u64,
}

impl ShardNumbers {
    fn read(counters: &ShardCounters, connections: usize, now: Instant) -> Self {
        Self {
            connections,
            accepted: counters.accepted.get(),
            handshakes: counters.handshakes.get(),
            failed_handshakes: counters.failed_handshakes().collect(),
            responses: counters.responses().collect(),
            sessions: counters.stats(),
            states: counters.states().collect(),
            endings: counters.endings().collect(),
            input_bytes: counters.input_bytes.get(),
            output_bytes: counters.output_bytes.get(),
            setup: counters.setup.read(),
            echo: counters.echo.read(),
            cpu: counters.cpu(),
            heartbeat_age: counters.heartbeat_age(now),
        }
    }
}

impl Snapshot {
    /// Adds up a histogram of all shards.
    pub(super) fn total(&self, of: impl Fn(&ShardNumbers) -> &HistogramCounts) -> HistogramCounts {
        let mut total = HistogramCounts::default();
        self.shards.iter().for_each(|shard| total.add(of(shard)));
        total
    }

    pub(super) fn read(context: &AdminContext) -> Self {
        let process = &context.process;
        let now = crate::clock::now();
        let config_snapshot = process.snapshot.load();
        // Before the deadline, which is set before a drain is reported.
        let health = process.lifecycle.health(&process.limits);
        let drain_deadline = process.lifecycle.drain_deadline();
        let shards = process.counters.shards().zip(process.placement.loads());
        Self {
            shards: shards
                .map(|(counters, load)| ShardNumbers::read(counters, load, now))
                .collect(),
            in_use: process.limits.snapshot(),
            config: Arc::clone(&config_snapshot.config),
            uptime: process.counters.uptime(now),
            health,
            drain_left: drain_deadline.map(|deadline| deadline.saturating_duration_since(now)),
            reloads: process.lifecycle.reloads(),
            tls_expiry: config_snapshot.tls.as_ref().map(Tls::expiry),
            audit_lost_lines: process.audit.lost_lines(),
        }
    }
}
