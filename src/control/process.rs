//! Handles of one server process, for the threads that are no shard.

use crate::bridge::SharedSnapshot;
use crate::limits::LimitTable;
use crate::registry::Registry;
use crate::shard::{CommandSender, Placement, ProcessLifecycle};
use crate::telemetry::{AuditLog, Counters};
use std::sync::Arc;

/// Handles of what one server process consists of. Cheap to clone.
#[derive(Clone)]
pub struct ProcessHandles {
    /// Command channels of the shards.
    pub commands: Arc<[CommandSender]>,
    /// Number of connections of each shard.
    pub placement: Arc<Placement>,
    /// State of the process: starting, serving, draining.
    pub lifecycle: Arc<ProcessLifecycle>,
    /// Configuration in force for new sessions.
    pub snapshot: SharedSnapshot,
    /// Limits, and what is in use of them.
    pub limits: Arc<LimitTable>,
    /// Records of all sessions.
    pub registry: Registry,
    /// Counters of the shards.
    pub counters: Counters,
    /// Log of who did what.
    pub audit: AuditLog,
}

impl ProcessHandles {
    /// Returns the number of sessions that a drain waits for. Connections that are no sessions, and
    /// sessions that the drain refuses, do not hold it up, however many come.
    pub(super) fn awaited(&self) -> u64 {
        let shards = self.counters.shards();
        shards.map(|shard| shard.awaited.get()).sum()
    }

    /// Returns whether no shard has a connection, or one on its way.
    pub(super) fn is_empty(&self) -> bool {
        self.connections() == 0
    }

    /// Returns the number of connections of all shards.
    pub(super) fn connections(&self) -> usize {
        self.placement.loads().iter().sum()
    }
}
