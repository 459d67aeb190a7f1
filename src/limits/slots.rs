//! Connections held per key (a target, or a client network), every key under the same limit.
//!
//! A map from key to count, striped over several locks (`striped`). It guarantees that
//! 1. the check of the limit and the increment are one step, so that a count never passes the
//!    limit;
//! 2. once [`Slots::set_limit`] has returned, no connection enters under the old limit, because
//!    each stripe holds the limit beside its counts;
//! 3. a key without connections has no entry, so that memory follows the connections that are open.
//!
//! Does NOT bound the number of keys, wait for a slot, or count a connection that came while the
//! limit was off.

use std::collections::HashMap;
use std::hash::Hash;

use super::striped::{STRIPES, Striped};

/// Counts of the keys of one stripe.
struct Counts<K> {
    limit: Option<u32>,
    held: HashMap<K, u32>,
}

/// Connections per key.
pub(super) struct Slots<K> {
    stripes: Striped<Counts<K>>,
}

/// Answer to a connection that asks for a slot of its key.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Entry {
    /// A slot was taken, to be given back with [`Slots::leave`].
    Taken,
    /// The limit is off; nothing was taken.
    Off,
    /// The key holds as many as it may.
    Full,
}

impl<K: Copy + Eq + Hash> Slots<K> {
    /// No connections; at most `limit` for each key, `None` for no limit.
    pub(super) fn new(limit: Option<u32>) -> Self {
        Self {
            stripes: Striped::new(STRIPES, || Counts {
                limit,
                held: HashMap::new(),
            }),
        }
    }

    /// Takes a slot of `key` if the limit is on and not reached.
    pub(super) fn enter(&self, key: K) -> Entry {
        let mut counts = self.stripes.lock(self.stripes.hash(key));
        let Some(limit) = counts.limit else {
            return Entry::Off;
        };
        let held = counts.held.get(&key).copied().unwrap_or(0);
        if held >= limit {
            return Entry::Full;
        }
        counts.held.insert(key, held + 1);
        Entry::Taken
    }

    /// Gives back a slot that [`Slots::enter`] has taken.
    pub(super) fn leave(&self, key: K) {
        let mut counts = self.stripes.lock(self.stripes.hash(key));
        let held = counts.held.get_mut(&key);
        debug_assert!(held.is_some(), "a slot was given back twice");
        match held {
            Some(count) if *count > 1 => *count -= 1,
            _ => {
                counts.held.remove(&key);
            }
        }
    }

    /// Sets a new limit for every key. Slots that are taken stay taken, also those above it.
    pub(super) fn set_limit(&self, limit: Option<u32>) {
        self.stripes
            .lock_each()
            .for_each(|mut counts| counts.limit = limit);
    }

    /// Returns whether [`Slots::enter`] would refuse `key`.
    pub(super) fn is_full(&self, key: K) -> bool {
        let counts = self.stripes.lock(self.stripes.hash(key));
        let held = counts.held.get(&key).copied().unwrap_or(0);
        counts.limit.is_some_and(|limit| held >= limit)
    }

    /// Connections of `key`.
    pub(super) fn count(&self, key: K) -> u32 {
        let counts = self.stripes.lock(self.stripes.hash(key));
        counts.held.get(&key).copied().unwrap_or(0)
    }

    /// Number of keys that have connections.
    pub(super) fn keys(&self) -> usize {
        self.stripes
            .lock_each()
            .map(|counts| counts.held.len())
            .sum()
    }

    /// Every key that has connections with their number, in no order. A key whose stripe changes
    /// during the call may be missing.
    pub(super) fn counts(&self) -> Vec<(K, u32)> {
        let copied = |counts: &Counts<K>| -> Vec<(K, u32)> {
            let held = counts.held.iter();
            held.map(|(key, count)| (*key, *count)).collect()
        };
        self.stripes
            .lock_each()
            .flat_map(|counts| copied(&counts))
            .collect()
    }
}

#[cfg(all(test, not(loom)))]
mod tests {
    use super::*;

    #[test]
    fn each_key_has_its_own_slots() {
        let slots = Slots::new(Some(1));
        for key in 0..100 {
            assert_eq!(slots.enter(key), Entry::Taken);
            assert_eq!(slots.enter(key), Entry::Full);
        }
        slots.leave(7);
        assert_eq!(slots.enter(7), Entry::Taken);
        assert_eq!(slots.enter(8), Entry::Full);
    }

    #[test]
    fn a_key_without_connections_has_no_entry() {
        let slots = Slots::new(Some(2));
        for key in 0..100 {
            assert_eq!(slots.enter(key), Entry::Taken);
            assert_eq!(slots.enter(key), Entry::Taken);
            slots.leave(key);
            slots.leave(key);
        }
        assert_eq!((slots.keys(), slots.counts()), (0, Vec::new()));
    }

    #[test]
    fn no_limit_counts_nothing_and_zero_admits_nobody() {
        let slots = Slots::new(None);
        assert_eq!(slots.enter(1), Entry::Off);
        slots.set_limit(Some(1));
        assert_eq!(slots.enter(1), Entry::Taken);
        assert_eq!(slots.enter(1), Entry::Full);
        slots.set_limit(Some(0));
        assert_eq!(slots.enter(2), Entry::Full);
    }
}
