//! The pool of connections not yet logged in, shared between clients. As long as there is room,
//! whoever comes has a place. When there is none, a client that holds more than its share and more
//! than the newcomer's loses its oldest one, which is to be ended; who holds the most itself, or
//! meets nobody above its share, is refused.
//!
//! One lock for all shards: it is held for one change of a map, at most four times in the life of
//! a connection. Does NOT end anything: the caller does.
#![allow(clippy::disallowed_types, reason = "see above: never on the data path")]

use super::Refused;
use super::fair_slots::{FairSlots, SlotId};
use super::key::ClientKey;
use super::sync::{Mutex, lock};
use std::sync::Arc;

/// One client's share of the pool, as a part of it, once the pool is full.
const SHARE: usize = 8;

/// Room beyond the pool for those that are displaced and have not ended yet, as a part of it.
const HEADROOM: u32 = 16;

/// Places that must be there for a pool of so many, so that a newcomer need not wait for the end
/// of the one it displaces.
pub fn with_headroom(pool: u32) -> u32 {
    pool.saturating_add(pool / HEADROOM)
}

/// Connections in the pool. `T` identifies one to the code that can end it.
pub struct LoginPool<T> {
    slots: Mutex<FairSlots<T>>,
}

/// A place in the pool; Drop gives it back.
#[must_use = "dropping it gives the place back"]
pub struct LoginSlot<T> {
    pool: Arc<LoginPool<T>>,
    id: SlotId,
}

impl<T> Default for LoginPool<T> {
    /// Nobody.
    fn default() -> Self {
        Self {
            slots: Mutex::new(FairSlots::default()),
        }
    }
}

impl<T> LoginPool<T> {
    /// A place in a pool of `limit` for a connection of `client`, and whom it displaces.
    ///
    /// # Errors
    /// [`Refused::Unauthenticated`]: the pool is full, and nobody is to yield to this client.
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
    /// Returns whether another connection has its place.
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
    fn one_client_has_the_pool_until_another_comes() {
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
    fn nobody_within_its_share_is_displaced() {
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
