//! Connections per target: a fixed table of slots, each an exact key with an atomic counter
//! ([`Gauge`]) on cache lines of its own, found by open addressing.
//!
//! A shard that enters or leaves a target in use takes no lock: it changes that target's counter
//! alone. The mutex is for the first and the last connection of a target, which claim and free a
//! slot, and for exact answers: refusals and statistics. Claims are not lock-free, because a key is
//! wider than one atomic word: they would need a claim state, a second search so that two threads
//! do not both claim a key, and a bound on searches past freed slots.
//!
//! Invariants:
//! 1. A slot is in use while its count is above 0. Only under the mutex is a slot claimed (0 -> 1)
//!    or freed (1 -> 0), a key written, or `passed` changed.
//! 2. So under the mutex a search is exact: one key never gets two slots.
//! 3. A key cannot change while a connection is counted in its slot. The path without the lock
//!    therefore increments first and compares the key afterwards.
//! 4. That path never refuses. Where it fails, the path with the mutex decides.
//!
//! Does not count the connections of all targets together (`table` does), and does not grow.
#![allow(
    clippy::disallowed_types,
    reason = "see above: never held on the data path"
)]

use std::hash::BuildHasher;

use crossbeam_utils::CachePadded;

use super::Refused;
use super::gauge::Gauge;
use super::key::TargetKey;
use super::sync::{AtomicU32, AtomicU64, KeyHasher, Mutex, Ordering, lock};

struct Slot {
    gauge: Gauge,
    /// Valid while the count is above 0. A thread that is not counted in it may read parts of two
    /// keys.
    key: [AtomicU64; 3],
    /// Number of keys in use that were placed beyond this slot, because it was in use then. A
    /// search ends at its key or at the first slot where this is 0; so freed slots need no
    /// tombstones.
    passed: AtomicU32,
}

impl Slot {
    fn free() -> Self {
        Self {
            gauge: Gauge::new(0),
            key: [0; 3].map(AtomicU64::new),
            passed: AtomicU32::new(0),
        }
    }

    // Relaxed is enough for keys: they are written before the count goes 0 -> 1, and read under the
    // mutex or after the count was incremented further. Every write of the count is an `AcqRel`
    // read-modify-write, so the reader sees the claim's writes. `find` also reads them without
    // either; that is a guess, which `join_in_use` checks.
    fn key(&self) -> TargetKey {
        TargetKey::from_words(self.key.each_ref().map(|word| word.load(Ordering::Relaxed)))
    }

    fn set_key(&self, key: TargetKey) {
        for (word, value) in self.key.iter().zip(key.words()) {
            word.store(value, Ordering::Relaxed);
        }
    }
}

/// Data under the mutex, besides the right to claim and to free a slot.
struct Claims {
    /// Slots in use.
    in_use: usize,
    max_per_target: u32,
}

/// Index of the slot in which a connection is counted, to be given back once with [`Slots::leave`]:
/// `TargetPermit` does that.
#[derive(Debug, Clone, Copy)]
pub(super) struct SlotIndex(usize);

/// Connections per target.
pub(super) struct Slots {
    slots: Box<[CachePadded<Slot>]>,
    /// Maximum number of targets in use. Two thirds of the slots, to keep searches short.
    capacity: usize,
    hasher: KeyHasher,
    claims: CachePadded<Mutex<Claims>>,
}

impl Slots {
    /// A table for `capacity` targets, each with at most `max_per_target` connections.
    pub(super) fn new(capacity: usize, max_per_target: u32) -> Self {
        // Half as many again. A search for a new key in a full table reads 3 slots on average, and
        // 20 after its targets have changed ten times (simulated with 8,000 targets).
        let len = capacity.saturating_add(capacity / 2).max(1);
        let claims = Claims {
            in_use: 0,
            max_per_target,
        };
        Self {
            slots: (0..len).map(|_| Slot::free().into()).collect(),
            capacity,
            hasher: KeyHasher::default(),
            claims: Mutex::new(claims).into(),
        }
    }

    /// Counts a connection to `key`.
    ///
    /// # Errors
    /// [`Refused::Target`] when the target has as many as it may (for a moment also while another
    /// thread, which looks for a key that was in this slot before, is counted in it),
    /// [`Refused::TableFull`] when `key` is new and the table is full. Nothing is counted then.
    pub(super) fn enter(&self, key: TargetKey) -> Result<SlotIndex, Refused> {
        match self.join_in_use(key) {
            Some(index) => Ok(index),
            None => self.join_or_claim(key),
        }
    }

    /// Ends a connection's count; the last one frees the slot for other keys.
    pub(super) fn leave(&self, SlotIndex(index): SlotIndex) {
        let Some(slot) = self.slots.get(index) else {
            debug_assert!(false, "a slot outside the table");
            return;
        };
        // Others stay: no mutex.
        if slot.gauge.try_leave() {
            return;
        }
        let mut claims = lock(&self.claims);
        // Another thread may have joined meanwhile: only the decrement shows whether it was the
        // last.
        if slot.gauge.release() {
            // The slots that the claim counted: all before this one.
            for (_, before) in self.search(slot.key()).take_while(|(at, _)| *at != index) {
                change_passed(before, u32::wrapping_sub);
            }
            claims.in_use -= 1;
        }
    }

    /// Sets a new limit for every target. Counts stay, also above it. Walks the whole table under
    /// the mutex: for a reload.
    pub(super) fn set_max_per_target(&self, limit: u32) {
        let mut claims = lock(&self.claims);
        claims.max_per_target = limit;
        for slot in self.slots.iter().filter(|slot| slot.gauge.count() > 0) {
            slot.gauge.set_limit(limit);
        }
    }

    /// Number of targets that have connections.
    pub(super) fn in_use(&self) -> usize {
        lock(&self.claims).in_use
    }

    /// Number of connections to `key`.
    pub(super) fn count(&self, key: TargetKey) -> u32 {
        let _exact = lock(&self.claims);
        self.find(key).map_or(0, |(_, slot)| slot.gauge.count())
    }

    /// Returns whether `key` has as many connections as it may. Does not tell whether the table has
    /// room for a new key.
    pub(super) fn is_full(&self, key: TargetKey) -> bool {
        // A guess that there is room is good enough for a hint; "full" refuses a client, so it is
        // looked up exactly.
        let found = self.find(key);
        if found.is_some_and(|(_, slot)| !slot.gauge.is_full()) {
            return false;
        }
        let claims = lock(&self.claims);
        let count = self.find(key).map_or(0, |(_, slot)| slot.gauge.count());
        count >= claims.max_per_target
    }

    /// Every target in use with its number of connections, in no order, each once. A target that
    /// came during the call may be missing.
    pub(super) fn counts(&self) -> Vec<(TargetKey, u32)> {
        // The walk over all slots takes no lock: it delays the shards by the targets in use only.
        let slots = self.slots.iter();
        let candidates: Vec<_> = slots.filter(|slot| slot.gauge.count() > 0).collect();
        let _exact = lock(&self.claims);
        candidates
            .into_iter()
            .map(|slot| (slot.key(), slot.gauge.count()))
            .filter(|(_, count)| *count > 0)
            .collect()
    }

    /// Joins a target in use, without the mutex; `None` leaves the decision to the path with it.
    fn join_in_use(&self, key: TargetKey) -> Option<SlotIndex> {
        let (index, slot) = self.find(key)?;
        if !slot.gauge.try_join() {
            return None;
        }
        let entered = SlotIndex(index);
        if slot.key() == key {
            return Some(entered);
        }
        // Between the search and the join the slot went to another target. It counted one
        // connection that is not its own, but never more than its limit.
        self.leave(entered);
        None
    }

    fn join_or_claim(&self, key: TargetKey) -> Result<SlotIndex, Refused> {
        let mut claims = lock(&self.claims);
        if let Some((index, slot)) = self.find(key) {
            let joined = slot.gauge.try_join();
            return joined.then_some(SlotIndex(index)).ok_or(Refused::Target);
        }
        if claims.max_per_target == 0 {
            return Err(Refused::Target);
        }
        if claims.in_use >= self.capacity {
            return Err(Refused::TableFull);
        }
        let in_use = |(_, slot): &(usize, &Slot)| slot.gauge.count() > 0;
        let Some((index, slot)) = self.search(key).find(|entry| !in_use(entry)) else {
            debug_assert!(false, "no free slot below the capacity");
            return Err(Refused::TableFull);
        };
        for (_, before) in self.search(key).take_while(in_use) {
            change_passed(before, u32::wrapping_add);
        }
        slot.set_key(key);
        slot.gauge.set_limit(claims.max_per_target);
        let opened = slot.gauge.try_acquire();
        debug_assert!(opened, "a free slot had no room");
        claims.in_use += 1;
        Ok(SlotIndex(index))
    }

    /// Finds the slot of `key`: exact under the mutex, a guess without.
    fn find(&self, key: TargetKey) -> Option<(usize, &Slot)> {
        for (index, slot) in self.search(key) {
            if slot.gauge.count() > 0 && slot.key() == key {
                return Some((index, slot));
            }
            if slot.passed.load(Ordering::Relaxed) == 0 {
                return None;
            }
        }
        None
    }

    /// All slots, in the probe order of `key`.
    fn search(&self, key: TargetKey) -> impl Iterator<Item = (usize, &Slot)> {
        let home = (self.hasher.hash_one(key) as usize) % self.slots.len();
        let (before, from) = self.slots.split_at(home);
        let all = (home..).zip(from).chain((0..).zip(before));
        all.map(|(index, slot)| (index, &**slot))
    }
}

/// Changes `passed` by one. Load and store, not one operation: only the holder of the mutex writes
/// it.
fn change_passed(slot: &Slot, change: fn(u32, u32) -> u32) {
    let passed = slot.passed.load(Ordering::Relaxed);
    slot.passed.store(change(passed, 1), Ordering::Relaxed);
}
