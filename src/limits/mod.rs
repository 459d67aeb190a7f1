//! Limits: how many connections there may be in all, for one target, for one client,
//! and not yet logged in.
//!
//! ```text
//! upgrade      LimitTable::admit      -> Admission      pool place (+ client's place)
//! auth         Admission::check                         whether the next step would find places
//! logged in    Admission::acquire     -> TargetPermit   global place + target's place, or neither
//!              Admission::logged_in   -> ClientPermit   pool place goes back
//! ```
//!
//! Before the upgrade nothing is taken of these: [`FairSlots`] bounds connections whose requests are
//! on the way, and shares them between clients.
//!
//! [`LoginPool`] decides which connections the pool of those not logged in holds when it is full.
//!
//! How often somebody may try is counted beside that, by [`RateTable`]: nothing is held there, and
//! time alone gives it back.
//!
//! A place is looked for and taken in one step, never counted above its limit, and given
//! back by `Drop` alone. `tests/loom` checks the races with a model checker.
//! Does NO input or output, names no runtime, never waits.

mod clients;
mod fair_slots;
mod gauge;
mod key;
mod layout;
mod login_pool;
mod rate;
mod slots;
mod sync;
mod table;
#[cfg(all(test, not(loom)))]
mod tests;

pub use fair_slots::{FairSlots, Holder, SlotId};
pub use key::{ClientKey, TargetKey};
pub use layout::{Layout, Padded};
pub use login_pool::{LoginPool, LoginSlot, with_headroom};
pub use rate::{Rate, RateTable, Token};
pub use table::{Admission, ClientPermit, LimitTable, TargetPermit};

/// How much is allowed. 0 admits nobody, except where it says otherwise.
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

/// What is taken now.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Counts {
    /// Connections with a target.
    pub connections: u32,
    /// Connections not yet logged in.
    pub unauthenticated: u32,
    /// Different targets that have connections.
    pub targets_in_use: usize,
}

/// Why there was no place. None of these lasts: each says when to try again.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Refused {
    /// Too many connections have not logged in yet. Room comes as fast as logins succeed
    /// or time out: try again within seconds.
    #[error("too many connections are waiting to log in (limits.max_unauthenticated)")]
    Unauthenticated,
    /// This client holds as many connections as it may. Room comes when it closes one;
    /// trying again sooner is of no use.
    #[error("too many connections from this client (limits.max_connections_per_client)")]
    Client,
    /// The server is full. Room comes when any session ends: try again later, or elsewhere.
    #[error("too many connections (limits.max_connections)")]
    Global,
    /// The target is full. Room comes when one of its sessions ends: try again later.
    /// Other targets may have room.
    #[error("too many connections to this target (limits.max_connections_per_host)")]
    Target,
    /// Too many different targets are in use for the size of the table. Room comes when the
    /// last session of any target ends; targets already in use are not affected. Only
    /// seen when `max_connections` was raised above the size the server started with.
    #[error("too many different targets in use")]
    TableFull,
    /// Another node counts the connections to this target: ask there. Never given yet, as every
    /// process counts its own.
    #[error("another node counts the connections to this target")]
    Elsewhere,
}
