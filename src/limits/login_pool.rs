//! The pool of connections that have not logged in, shared fairly between clients.
//!
//! While there is room, every connection is admitted. When the pool is full, a client that holds
//! more than its share, and more than the client of the new connection, loses its oldest one;
//! without such a client, the new connection is refused.
//!
//! One lock for all shards, held for one change of a map, at most four times in the life of a
//! connection. Does not end the displaced connection: the caller does.
#![allow(
    clippy::disallowed_types,
    reason = "once per connection and step, never on the data path"
)]

use super::Refused;
use super::fair_slots::{FairSlots, SlotId};
use super::key::ClientKey;
use super::sync::{Mutex, lock};
use std::sync::Arc;

/// Share of one client in a full pool: the pool divided by this.
const SHARE: usize = 8;

/// Room beyond the pool for displaced connections that have not ended yet: the pool divided by
/// this.
const HEADROOM: u32 = 16;

/// Returns the connections to be admitted for a pool of this size: a new connection need not wait
/// for the end of the one that it displaces.
pub fn with_headroom(pool: u32) -> u32 {
    pool.saturating_add(pool / HEADROOM)
}

/// The pool. `T` identifies a connection to the code that can end it.
pub struct LoginPool<T> {
    slots: Mutex<FairSlots<T>>,
}

/// Slot of a connection in the pool; Drop gives it back.
#[must_use = "dropping it gives the slot back"]
pub struct LoginSlot<T> {
    pool: Arc<LoginPool<T>>,
    id: SlotId,
}

impl<T> Default for LoginPool<T> {
    /// An empty pool.
    fn default() -> Self {
        Self {
            slots: Mutex::new(FairSlots::default()),
        }
    }
}

impl<T> LoginPool<T> {
    /// Takes a slot in a pool of `limit` for a connection of `client`. Returns the connection that
    /// is displaced, too.
    ///
    /// # Errors
    /// [`Refused::Unauthenticated`]: the pool is full, and no client holds more than its share and
    /// more than this one.
    pub fn enter(
        self: &Arc<Self>,
        client: ClientKey,
        value: T,
        limit: u32,
    ) -> Result<(LoginSlot<T>, Option<T>), Refused> {
        let mut slots = lock(&self.slots);
        let limit = limit as usize;
        let mut displaced = None;
        if slots.len() >= limit {
            let least = (limit / SHARE).max(slots.held_by(client));
            displaced = slots.displace(least);
            if displaced.is_none() {
                return Err(Refused::Unauthenticated);
            }
        }
        let (id, _) = slots.insert(Some(client), value, usize::MAX);
        let pool = Arc::clone(self);
        Ok((LoginSlot { pool, id }, displaced))
    }
}

impl<T> LoginSlot<T> {
    /// Returns whether another connection has taken the slot.
    pub fn is_displaced(&self) -> bool {
        !lock(&self.pool.slots).contains(self.id)
    }
}

impl<T> Drop for LoginSlot<T> {
    fn drop(&mut self) {
        lock(&self.pool.slots).remove(self.id);
    }
}

#[cfg(all(test, not(loom)))]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

    use super::*;
    use std::net::IpAddr;

    fn client(last: u8) -> ClientKey {
        IpAddr::from([192, 0, 2, last]).into()
    }

    #[test]
    fn one_client_may_fill_the_pool_until_another_comes() {
        let pool = Arc::<LoginPool<u32>>::default();
        let enter = |last, value| pool.enter(client(last), value, 16);
        let mut held: Vec<_> = (0..16).map(|n| enter(1, n).unwrap()).collect();
        assert!(held.iter().all(|(_, displaced)| displaced.is_none()));
        assert!(enter(1, 99).is_err(), "it displaces nobody but itself");
        let (second, displaced) = enter(2, 16).unwrap();
        assert_eq!(displaced, Some(0));
        assert!(held[0].0.is_displaced() && !second.is_displaced());
        // Until both hold as much.
        let others: Vec<_> = (17..).map_while(|n| enter(2, n).ok()).collect();
        assert_eq!(others.len(), 7);
        assert!(enter(3, 50).is_ok());
        drop((held.drain(..), second, others));
        let all: Vec<_> = (0..16).map(|n| enter(4, n).unwrap()).collect();
        assert!(all.iter().all(|(_, displaced)| displaced.is_none()));
    }

    #[test]
    fn a_client_within_its_share_is_not_displaced() {
        let pool = Arc::<LoginPool<u8>>::default();
        let enter = |last: u8| pool.enter(client(last / 2), last, 16);
        let held: Vec<_> = (0..16).map(|last| enter(last).unwrap()).collect();
        assert!(enter(40).is_err());
        drop(held);
        assert!(enter(40).is_ok());
    }

    #[test]
    fn a_small_pool_has_no_headroom() {
        assert_eq!([1, 15, 16, 1000].map(with_headroom), [1, 15, 17, 1062]);
        assert_eq!(with_headroom(u32::MAX), u32::MAX);
    }
}
