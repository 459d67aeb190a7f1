//! The limits that all shards share, and the permits held from them.
//!
//! Every permit is taken in one step (check and increment together) and given back by Drop alone.
//! Does not wait for room and does not end sessions: it refuses.

use std::net::IpAddr;
use std::sync::Arc;

use crossbeam_utils::CachePadded;

use super::clients::Clients;
use super::gauge::Gauge;
use super::key::{ClientKey, TargetKey};
use super::slots::{SlotIndex, Slots};
use super::{Counts, Limits, Refused};

/// Counts and limits of all shards. Used once per connection and step, never per byte.
pub struct LimitTable {
    connections: CachePadded<Gauge>,
    unauthenticated: CachePadded<Gauge>,
    targets: Slots,
    clients: Clients,
}

impl LimitTable {
    /// A table without connections, for `target_slots` targets, fixed for its life at about 192
    /// bytes each. With `target_slots >= max_connections`, also after later calls of
    /// [`LimitTable::set_limits`], it never returns [`Refused::TableFull`].
    pub fn new(limits: Limits, target_slots: usize) -> Arc<Self> {
        let Limits {
            max_connections,
            max_per_target,
            max_unauthenticated,
            max_per_client,
        } = limits;
        Arc::new(Self {
            connections: Gauge::new(max_connections).into(),
            unauthenticated: Gauge::new(max_unauthenticated).into(),
            targets: Slots::new(target_slots, max_per_target),
            clients: Clients::new(max_per_client),
        })
    }

    /// Admits a connection at the upgrade: it takes one of the unauthenticated connections and, if
    /// that limit is on, one of its client's.
    ///
    /// # Errors
    /// [`Refused::Client`] or [`Refused::Unauthenticated`]; nothing is taken then.
    pub fn admit(self: &Arc<Self>, client: IpAddr) -> Result<ConnectionPermit, Refused> {
        // The client's first: a client over its limit cannot crowd others out of the pool, not even
        // for an instant.
        let key = ClientKey::from(client);
        let counted = self.clients.enter(key)?;
        let client = ClientPermit {
            counted: counted.then(|| (Arc::clone(self), key)),
        };
        if !self.unauthenticated.try_acquire() {
            return Err(Refused::Unauthenticated);
        }
        let pool = PoolPermit {
            table: Arc::clone(self),
        };
        Ok(ConnectionPermit { pool, client })
    }

    /// Sets new limits while the server runs. No session is ended: where more is taken than now
    /// allowed, no connection is admitted until there is room. Each limit is in force when the call
    /// returns. Connections from before the limit per client was turned on are not counted for it.
    pub fn set_limits(&self, limits: Limits) {
        let Limits {
            max_connections,
            max_per_target,
            max_unauthenticated,
            max_per_client,
        } = limits;
        self.connections.set_limit(max_connections);
        self.targets.set_max_per_target(max_per_target);
        self.unauthenticated.set_limit(max_unauthenticated);
        self.clients.set_limit(max_per_client);
    }

    /// Reads the totals, one after the other.
    pub fn snapshot(&self) -> Counts {
        Counts {
            connections: self.connections.count(),
            unauthenticated: self.unauthenticated.count(),
            targets_in_use: self.targets.in_use(),
        }
    }

    /// Returns whether the limit of all connections is reached. A hint: it may no longer hold when
    /// the call returns.
    pub fn is_full(&self) -> bool {
        self.connections.is_full()
    }

    /// Lists every target that has connections, each once and in no order. A target that came
    /// during the call may be missing.
    pub fn per_target(&self) -> Vec<(TargetKey, u32)> {
        self.targets.counts()
    }

    /// Number of connections to one target.
    pub fn target_count(&self, key: TargetKey) -> u32 {
        self.targets.count(key)
    }

    fn enter_target(self: &Arc<Self>, key: TargetKey) -> Result<TargetPermit, Refused> {
        // The global one first, so that there are never more targets than connections, and a table
        // of `max_connections` slots is never full.
        if !self.connections.try_acquire() {
            return Err(Refused::Global);
        }
        let slot = self.targets.enter(key).inspect_err(|_| {
            self.connections.release();
        })?;
        Ok(TargetPermit {
            table: Arc::clone(self),
            slot,
        })
    }
}

/// Right of a connection to log in: one of the unauthenticated connections, and one of its
/// client's.
#[must_use = "dropping it gives both back"]
pub struct ConnectionPermit {
    pool: PoolPermit,
    client: ClientPermit,
}

impl ConnectionPermit {
    /// Takes a permit for a target, before the login: taken, full, or [`Refused::Elsewhere`].
    /// Async, because another node of a fleet may count the target; this table answers at the first
    /// poll, and never with the third.
    ///
    /// # Errors
    /// As [`ConnectionPermit::target`].
    pub async fn acquire(&self, key: TargetKey) -> Result<TargetPermit, Refused> {
        self.target(key)
    }

    /// Takes one of all connections and one of the target's, both or neither.
    ///
    /// # Errors
    /// [`Refused::Global`], [`Refused::Target`] or [`Refused::TableFull`]; nothing is taken then.
    /// Of several connections at the same moment, one that is refused for its target counts
    /// globally for an instant, and another may be refused for that: a limit can be reached one too
    /// early, never one too late.
    pub fn target(&self, key: TargetKey) -> Result<TargetPermit, Refused> {
        self.pool.table.enter_target(key)
    }

    /// Checks whether [`ConnectionPermit::target`] would succeed. Takes nothing: a hint for a
    /// caller that has expensive work to do before.
    ///
    /// # Errors
    /// [`Refused::Global`] or [`Refused::Target`].
    pub fn check(&self, key: TargetKey) -> Result<(), Refused> {
        let table = &self.pool.table;
        if table.is_full() {
            return Err(Refused::Global);
        }
        if table.targets.is_full(key) {
            return Err(Refused::Target);
        }
        Ok(())
    }

    /// Notes the login: the connection is no longer unauthenticated, and still counts for its
    /// client.
    pub fn logged_in(self) -> ClientPermit {
        let Self { pool, client } = self;
        drop(pool);
        client
    }
}

/// One of the unauthenticated connections.
struct PoolPermit {
    table: Arc<LimitTable>,
}

impl Drop for PoolPermit {
    fn drop(&mut self) {
        self.table.unauthenticated.release();
    }
}

/// One of a client's connections, or nothing when that limit was off at the upgrade.
#[must_use = "dropping it gives the client's connection back"]
pub struct ClientPermit {
    counted: Option<(Arc<LimitTable>, ClientKey)>,
}

impl Drop for ClientPermit {
    fn drop(&mut self) {
        if let Some((table, client)) = &self.counted {
            table.clients.leave(*client);
        }
    }
}

/// One of all connections and one of a target's, for as long as the session lives.
#[must_use = "dropping it gives both back"]
pub struct TargetPermit {
    table: Arc<LimitTable>,
    slot: SlotIndex,
}

impl Drop for TargetPermit {
    fn drop(&mut self) {
        // The target's first, for the reason given at `enter_target`.
        self.table.targets.leave(self.slot);
        self.table.connections.release();
    }
}
