//! Limits on connections: in all, per target, per client, and not yet logged in; and rates.
//!
//! ```text
//! upgrade     LimitTable::admit           -> ConnectionPermit  unauthenticated (+ the client's)
//! auth        ConnectionPermit::check                          whether the next step would succeed
//! logged in   ConnectionPermit::acquire   -> TargetPermit      one of all + one of the target's
//!             ConnectionPermit::logged_in -> ClientPermit      no longer unauthenticated
//! ```
//!
//! `acquire` takes both or neither.
//!
//! | module | content |
//! |---|---|
//! | `table` | the limits of the diagram: two `gauge`s, `slots` per target, `clients` |
//! | `slots` | atomic counters of the targets in a fixed, cache-padded table |
//! | `clients` | connections per client network |
//! | `login_pool` | the unauthenticated connections, shared fairly between clients |
//! | `fair_slots` | a bounded set in which the largest holder loses its oldest |
//! | `rate` | attempts per key and time; nothing is held, time alone gives back |
//! | `striped` | the locks of `clients` and `rate` |
//!
//! A count never passes its limit: check and increment are one step, and Drop alone decrements.
//! `tests/loom` checks the races with a model checker. Locks are held for one operation on a map,
//! never across an await. Does no I/O and does not wait for room.

mod clients;
mod fair_slots;
mod gauge;
mod key;
mod login_pool;
mod rate;
mod slots;
mod striped;
mod sync;
mod table;
#[cfg(all(test, not(loom)))]
mod tests;

pub use fair_slots::{FairSlots, SlotId};
pub use key::{ClientKey, TargetKey};
pub use login_pool::{LoginPool, LoginSlot, with_headroom};
pub use rate::{Rate, RateTable, Token};
#[cfg(not(loom))]
pub(crate) use striped::{STRIPES, Striped};
pub use table::{ClientPermit, ConnectionPermit, LimitTable, TargetPermit};

/// Values of the limits. 0 admits nobody, except where it is documented as off.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Connections with a target, all targets together.
    pub max_connections: u32,
    /// Connections to one target (resolved address and port).
    pub max_per_target: u32,
    /// Connections not yet logged in.
    pub max_unauthenticated: u32,
    /// Connections of one client (IPv4 address or IPv6 /64), logged in or not. 0 is off.
    pub max_per_client: u32,
}

/// Current counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Counts {
    /// Connections with a target.
    pub connections: u32,
    /// Connections not yet logged in.
    pub unauthenticated: u32,
    /// Targets that have connections.
    pub targets_in_use: usize,
}

/// Limit that refused a connection. All are temporary; each names when to try again.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Refused {
    /// Too many connections have not logged in yet. Capacity frees up as fast as logins succeed or
    /// time out: try again within seconds.
    #[error("too many connections are waiting to log in (limits.max_unauthenticated)")]
    Unauthenticated,
    /// This client holds as many connections as it may. Capacity frees up when it closes one;
    /// trying again sooner is of no use.
    #[error("too many connections from this client (limits.max_connections_per_client)")]
    Client,
    /// The server is full. Capacity frees up when any session ends: try again later, or elsewhere.
    #[error("too many connections (limits.max_connections)")]
    Global,
    /// The target is full. Capacity frees up when one of its sessions ends: try again later. Other
    /// targets may have room.
    #[error("too many connections to this target (limits.max_connections_per_host)")]
    Target,
    /// More targets are in use than the table has slots: only after `max_connections` was raised
    /// above its value at the start. Targets in use are not affected. Capacity frees up when the
    /// last session of a target ends: try again later.
    #[error(
        "too many different targets for the table, whose size is limits.max_connections at the \
         start; restart to enlarge it"
    )]
    TableFull,
    /// Another node counts the connections to this target. Not returned yet: every process counts
    /// its own.
    #[error("another node counts the connections to this target")]
    Elsewhere,
}
