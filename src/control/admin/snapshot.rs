//! The numbers of the process at one moment, read from the shards' cells and
//! the limits without asking anybody. Statistics and metrics are written from
//! it.

use super::Desk;
use crate::error::{Reason, Stage};
use crate::limits::Counts;
use crate::registry::State;
use crate::telemetry::{HandshakeFailure, SessionStats, ShardCounters};
use crate::ws::Tls;
use std::time::{Duration, Instant};

/// One shard.
#[derive(Debug)]
pub(super) struct ShardNumbers {
    /// Connections on it, sessions or not.
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
    pub(super) heartbeat_age: Duration,
}

/// The process.
#[derive(Debug)]
pub(super) struct Snapshot {
    pub(super) shards: Vec<ShardNumbers>,
    pub(super) taken: Counts,
    pub(super) max_connections: u32,
    pub(super) max_per_host: u32,
    pub(super) max_unauthenticated: u32,
    pub(super) reloads: (u64, u64),
    pub(super) draining: bool,
    /// When the TLS certificate expires, in seconds since 1970.
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
            heartbeat_age: counters.beat_age(now),
        }
    }
}

impl Snapshot {
    pub(super) fn read(desk: &Desk) -> Self {
        let watched = &desk.watched;
        let now = crate::clock::now();
        let terms = watched.terms.load();
        let limits = &terms.config.limits;
        let shards = watched.counters.shards().zip(watched.placement.loads());
        Self {
            shards: shards
                .map(|(counters, load)| ShardNumbers::read(counters, load, now))
                .collect(),
            taken: watched.limits.snapshot(),
            max_connections: limits.max_connections,
            max_per_host: limits.max_connections_per_host,
            max_unauthenticated: limits.max_unauthenticated,
            reloads: watched.lifecycle.reloads(),
            draining: watched.lifecycle.is_draining(),
            tls_expiry: terms.tls.as_ref().map(Tls::expiry),
            audit_lost_lines: watched.audit.lost_lines(),
        }
    }
}
