//! Lock striping: a value per stripe, each behind a mutex of its own, selected by the hash of a
//! key.
//!
//! Threads that work on different keys rarely wait for each other. The hash is seeded at random, so
//! that nobody outside can choose keys of one stripe. A lock is held for one operation on a map or
//! a table, at most a few times in the life of a connection, and never across an await.
#![allow(
    clippy::disallowed_types,
    reason = "once per connection and step, never on the data path"
)]

use std::hash::{BuildHasher, Hash};

use crossbeam_utils::CachePadded;

use super::sync::{KeyHasher, Mutex, MutexGuard, lock};

/// Stripes of a value of ordinary size: two shards then rarely meet on one lock.
pub(crate) const STRIPES: usize = 16;

/// Values of type `T`, one per stripe.
pub(crate) struct Striped<T> {
    /// Padded to cache lines, so that two stripes never share one.
    stripes: Box<[CachePadded<Mutex<T>>]>,
    hasher: KeyHasher,
}

impl<T> Striped<T> {
    /// Makes a value for each of `count` stripes, at least one.
    pub(crate) fn new(count: usize, make: impl Fn() -> T) -> Self {
        let stripe = |_| CachePadded::new(Mutex::new(make()));
        Self {
            stripes: (0..count.max(1)).map(stripe).collect(),
            hasher: KeyHasher::default(),
        }
    }

    /// Returns the hash of a key, for [`Striped::lock`].
    pub(crate) fn hash(&self, key: impl Hash) -> u64 {
        self.hasher.hash_one(key)
    }

    /// Locks the stripe of a hash: that of its lowest bits.
    #[allow(clippy::indexing_slicing, reason = "taken modulo the length")]
    pub(crate) fn lock(&self, hash: u64) -> MutexGuard<'_, T> {
        lock(&self.stripes[(hash as u32 as usize) % self.stripes.len()])
    }

    /// Locks the stripes one after the other, never two at once.
    pub(crate) fn lock_each(&self) -> impl Iterator<Item = MutexGuard<'_, T>> {
        self.stripes.iter().map(|stripe| lock(stripe))
    }
}
