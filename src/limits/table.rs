//! The table the shards share, and the permits they hold from it.
//!
//! Every permit is taken in one step and given back only by dropping it.
//! Does NOT wait for room, does NOT end anybody's session: it refuses.

use std::net::IpAddr;
use std::sync::Arc;

use super::clients::{Clients, Entry};
use super::gauge::Gauge;
use super::key::{ClientKey, TargetKey};
use super::layout::{Layout, Padded};
use super::slots::{Place, Slots};
use super::{Counts, Limits, Refused};

/// The counts of all shards and their limits. Touched once per connection and step,
/// never per byte.
pub struct LimitTable<L: Layout = Padded> {
    connections: L::Of<Gauge>,
    unauthenticated: L::Of<Gauge>,
    targets: Slots<L>,
    clients: Clients<L>,
}

impl LimitTable {
    /// An empty table with room for `target_slots` different targets, fixed for its
    /// life at about 192 bytes each. With `target_slots >= max_connections`, also
    /// after later calls of [`LimitTable::set_limits`], it never says
    /// [`Refused::TableFull`].
    pub fn new(limits: Limits, target_slots: usize) -> Arc<Self> {
        Self::with_layout(limits, target_slots)
    }
}

impl<L: Layout> LimitTable<L> {
    /// Like [`LimitTable::new`], with the counters wrapped as `L` says.
    pub fn with_layout(limits: Limits, target_slots: usize) -> Arc<Self> {
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

    /// The step at the upgrade: a place in the pool of connections not yet logged in
    /// and, when that limit is on, one of the client's places.
    ///
    /// # Errors
    /// [`Refused::Client`] or [`Refused::Unauthenticated`]; nothing is taken then.
    pub fn admit(self: &Arc<Self>, client: IpAddr) -> Result<Admission<L>, Refused> {
        // The client first: one that is over its limit can't crowd others out of the
        // pool, not even for the moment until its place there is given back.
        let client = ClientKey::from(client);
        let client = match self.clients.enter(client) {
            Entry::Counted => Some((Arc::clone(self), client)),
            Entry::Off => None,
            Entry::Full => return Err(Refused::Client),
        };
        let client = ClientPermit { counted: client };
        if !self.unauthenticated.try_acquire() {
            return Err(Refused::Unauthenticated);
        }
        let pool = PoolPermit {
            table: Arc::clone(self),
        };
        Ok(Admission { pool, client })
    }

    /// Sets new limits while the server runs. Ends nobody's session: where more is taken
    /// than now allowed, nobody is admitted until there is room. Each limit is in force
    /// when the call returns. Turning the limit per client on does not count
    /// connections that are already there.
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

    /// The totals, read one after the other.
    pub fn snapshot(&self) -> Counts {
        Counts {
            connections: self.connections.count(),
            unauthenticated: self.unauthenticated.count(),
            targets_in_use: self.targets.in_use(),
        }
    }

    /// Whether the limit of all connections is reached. A hint: it may be over
    /// when the call returns.
    pub fn is_full(&self) -> bool {
        self.connections.is_full()
    }

    /// Every target that has connections, each once and in no order. A target that came
    /// during the call may be missing.
    pub fn per_target(&self) -> Vec<(TargetKey, u32)> {
        self.targets.counts()
    }

    /// Connections to one target.
    pub fn target_count(&self, key: TargetKey) -> u32 {
        self.targets.count(key)
    }

    fn enter_target(self: &Arc<Self>, key: TargetKey) -> Result<TargetPermit<L>, Refused> {
        // The global place first: then there are never more targets in use than
        // connections, and a table as large as `max_connections` can't be full.
        if !self.connections.try_acquire() {
            return Err(Refused::Global);
        }
        match self.targets.enter(key) {
            Ok(place) => Ok(TargetPermit {
                table: Arc::clone(self),
                place: Some(place),
            }),
            Err(refused) => {
                self.connections.release();
                Err(refused)
            }
        }
    }
}

/// A connection that may log in: holds a place in the pool of those that have not, and
/// its client's place.
#[must_use = "dropping it gives the places back"]
pub struct Admission<L: Layout = Padded> {
    pool: PoolPermit<L>,
    client: ClientPermit<L>,
}

impl<L: Layout> Admission<L> {
    /// The step after the login, with one of three answers: taken, full, or
    /// [`Refused::Elsewhere`]. Awaited, because the counter of a fleet's target may be another
    /// node's. This table answers at the first poll, and never with the third.
    ///
    /// # Errors
    /// As [`Admission::target`].
    pub async fn acquire(&self, key: TargetKey) -> Result<TargetPermit<L>, Refused> {
        self.target(key)
    }

    /// The answer of this table: a global place and one of the target's together, or
    /// neither.
    ///
    /// # Errors
    /// [`Refused::Global`], [`Refused::Target`] or [`Refused::TableFull`]; nothing is
    /// taken then. While several connections ask at the same moment, one that is refused
    /// for its target holds a global place for an instant, and another may be refused
    /// for that: a limit can be hit one too early, never one too late.
    pub fn target(&self, key: TargetKey) -> Result<TargetPermit<L>, Refused> {
        self.pool.table.enter_target(key)
    }

    /// Checks whether [`Admission::target`] would find a place. Takes nothing: a hint for a
    /// caller that has much to do until then.
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

    /// The SSH login succeeded: the place in the pool goes back, the client's stays taken.
    pub fn logged_in(self) -> ClientPermit<L> {
        let Self { pool, client } = self;
        drop(pool);
        client
    }
}

/// One place in the pool of connections not yet logged in.
struct PoolPermit<L: Layout> {
    table: Arc<LimitTable<L>>,
}

impl<L: Layout> Drop for PoolPermit<L> {
    fn drop(&mut self) {
        self.table.unauthenticated.release();
    }
}

/// One of a client's places, or nothing when that limit was off at the upgrade.
#[must_use = "dropping it gives the client's place back"]
pub struct ClientPermit<L: Layout = Padded> {
    counted: Option<(Arc<LimitTable<L>>, ClientKey)>,
}

impl<L: Layout> Drop for ClientPermit<L> {
    fn drop(&mut self) {
        if let Some((table, client)) = self.counted.take() {
            table.clients.release(client);
        }
    }
}

/// One global place and one of a target's, for as long as the session lives.
#[must_use = "dropping it gives both places back"]
pub struct TargetPermit<L: Layout = Padded> {
    table: Arc<LimitTable<L>>,
    /// Always there; taken out only by `drop`.
    place: Option<Place>,
}

impl<L: Layout> Drop for TargetPermit<L> {
    fn drop(&mut self) {
        // The target's place first, for the reason given at `enter_target`.
        if let Some(place) = self.place.take() {
            self.table.targets.leave(place);
        }
        self.table.connections.release();
    }
}
