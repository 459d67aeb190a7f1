//! The fixed table of target slots: exact keys, open addressing, one [`Gauge`] each.
//!
//! A key is wider than one atomic word, so claiming a free slot and freeing one are
//! done under a mutex: the lock-free form needs a claim state, a second pass against
//! two claims of one key, and a way to bound the search past freed slots; three
//! proofs to save one short lock for each first and last session of a target. Joining
//! and leaving a target that is in use take no lock.
//!
//! What holds, and what the code leans on:
//! 1. A slot is in use while its count is above 0. Counts go 0 -> 1 and 1 -> 0, keys
//!    are written and `passed` changes only under the mutex.
//! 2. So under the mutex, a search is exact: one key never gets two slots.
//! 3. Who holds a place in a slot keeps its key from changing. The path without the
//!    lock therefore takes the place first and then looks at the key again.
//! 4. That path only ever says yes. Every refusal is decided under the mutex.
//!
//! Does NOT count connections overall; does NOT grow.
#![allow(
    clippy::disallowed_types,
    reason = "see above: held to claim and to free a slot, never on the data path"
)]

use std::hash::BuildHasher;

use super::Refused;
use super::gauge::Gauge;
use super::key::TargetKey;
use super::layout::Layout;
use super::sync::{AtomicU32, AtomicU64, KeyHasher, Mutex, Ordering, lock};

struct Slot {
    gauge: Gauge,
    /// Meaningful while the count is above 0; may be read torn without holding a place.
    key: [AtomicU64; 3],
    /// How many keys in use were placed further on because this slot was taken when
    /// they came. A search may stop where it is 0, so freed slots cost it nothing.
    passed: AtomicU32,
}

impl Slot {
    fn free() -> Self {
        Self {
            gauge: Gauge::new(0),
            key: [AtomicU64::new(0), AtomicU64::new(0), AtomicU64::new(0)],
            passed: AtomicU32::new(0),
        }
    }

    // Relaxed is enough for keys: they are written before the gauge opens and read
    // after it was entered, both `AcqRel`, or else under the mutex.
    fn key(&self) -> TargetKey {
        TargetKey::from_words(self.key.each_ref().map(|word| word.load(Ordering::Relaxed)))
    }

    fn set_key(&self, key: TargetKey) {
        for (word, value) in self.key.iter().zip(key.words()) {
            word.store(value, Ordering::Relaxed);
        }
    }
}

/// What the mutex guards besides the right to claim and to free.
struct Claims {
    in_use: usize,
    max_per_target: u32,
}

/// A place in a target's slot, to be given back with [`Slots::leave`]. Not a permit:
/// it gives nothing back by itself.
#[derive(Debug)]
pub(super) struct Place(usize);

/// The targets that have connections, and how many each.
pub(super) struct Slots<L: Layout> {
    slots: Box<[L::Of<Slot>]>,
    /// Targets in use at most. Fewer than there are slots, to keep searches short.
    capacity: usize,
    hasher: KeyHasher,
    claims: L::Of<Mutex<Claims>>,
}

impl<L: Layout> Slots<L> {
    /// Room for `capacity` different targets, each with at most `max_per_target` places.
    pub(super) fn new(capacity: usize, max_per_target: u32) -> Self {
        // Half as many again: a search in a full table then looks at about five slots.
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

    /// Takes a place at `key`.
    ///
    /// # Errors
    /// [`Refused::Target`] when the target holds as many as it may, [`Refused::TableFull`]
    /// when `key` is new and the table is full. Nothing is taken then.
    pub(super) fn enter(&self, key: TargetKey) -> Result<Place, Refused> {
        match self.join_in_use(key) {
            Some(place) => Ok(place),
            None => self.join_or_claim(key),
        }
    }

    /// Gives a place back; the last one frees the slot for other keys.
    pub(super) fn leave(&self, Place(index): Place) {
        let Some(slot) = self.slots.get(index) else {
            debug_assert!(false, "a place outside the table");
            return;
        };
        if slot.gauge.try_leave() {
            return;
        }
        let mut claims = lock(&self.claims);
        // Somebody may have joined meanwhile; only the operation itself knows.
        if slot.gauge.release() {
            for (_, before) in self.search(slot.key()).take_while(|(at, _)| *at != index) {
                change_passed(before, u32::wrapping_sub);
            }
            claims.in_use -= 1;
        }
    }

    /// Sets a new limit for every target. Places taken stay taken. Walks the whole
    /// table under the lock: meant for a reload, not for a hot path.
    pub(super) fn set_max_per_target(&self, limit: u32) {
        let mut claims = lock(&self.claims);
        claims.max_per_target = limit;
        for slot in self.slots.iter().filter(|slot| slot.gauge.count() > 0) {
            slot.gauge.set_limit(limit);
        }
    }

    /// Targets that have connections now.
    pub(super) fn in_use(&self) -> usize {
        lock(&self.claims).in_use
    }

    /// Connections of `key` now.
    pub(super) fn count(&self, key: TargetKey) -> u32 {
        let _exact = lock(&self.claims);
        self.find(key).map_or(0, |(_, slot)| slot.gauge.count())
    }

    /// Returns whether [`Slots::enter`] would refuse `key`, nobody else asking.
    pub(super) fn is_full(&self, key: TargetKey) -> bool {
        let claims = lock(&self.claims);
        let count = self.find(key).map_or(0, |(_, slot)| slot.gauge.count());
        count >= claims.max_per_target
    }

    /// Every target in use with its connections, in no order, each once. A target that
    /// came during the call may be missing.
    pub(super) fn counts(&self) -> Vec<(TargetKey, u32)> {
        // The walk over all slots goes without the lock, so that it can't hold up the shards.
        let candidates: Vec<&L::Of<Slot>> = self
            .slots
            .iter()
            .filter(|slot| slot.gauge.count() > 0)
            .collect();
        let _exact = lock(&self.claims);
        candidates
            .into_iter()
            .map(|slot| (slot.key(), slot.gauge.count()))
            .filter(|(_, count)| *count > 0)
            .collect()
    }

    /// Without the lock: yes, or don't know.
    fn join_in_use(&self, key: TargetKey) -> Option<Place> {
        let (index, slot) = self.find(key)?;
        if !slot.gauge.try_join() {
            return None;
        }
        let place = Place(index);
        if slot.key() == key {
            return Some(place);
        }
        // Between the search and the join the slot went to another target, which had a
        // place too many for this moment, though never more than its limit.
        self.leave(place);
        None
    }

    fn join_or_claim(&self, key: TargetKey) -> Result<Place, Refused> {
        let mut claims = lock(&self.claims);
        if let Some((index, slot)) = self.find(key) {
            let joined = slot.gauge.try_join();
            return joined.then_some(Place(index)).ok_or(Refused::Target);
        }
        if claims.max_per_target == 0 {
            return Err(Refused::Target);
        }
        if claims.in_use >= self.capacity {
            return Err(Refused::TableFull);
        }
        let taken = |(_, slot): &(usize, &Slot)| slot.gauge.count() > 0;
        let Some((index, slot)) = self.search(key).find(|entry| !taken(entry)) else {
            debug_assert!(false, "fewer slots than the capacity");
            return Err(Refused::TableFull);
        };
        for (_, before) in self.search(key).take_while(taken) {
            change_passed(before, u32::wrapping_add);
        }
        slot.set_key(key);
        slot.gauge.set_limit(claims.max_per_target);
        let opened = slot.gauge.try_acquire();
        debug_assert!(opened, "a free slot had no room");
        claims.in_use += 1;
        Ok(Place(index))
    }

    /// The slot of `key`: exact under the mutex, a guess without.
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

    /// All slots, in the order in which `key` tries them.
    fn search(&self, key: TargetKey) -> impl Iterator<Item = (usize, &Slot)> {
        let home = (self.hasher.hash_one(key) as usize) % self.slots.len();
        let (before, from) = self.slots.split_at(home);
        let from = (home..).zip(from);
        let before = (0..).zip(before);
        from.chain(before).map(|(index, slot)| (index, &**slot))
    }
}

/// Changes `passed` by one. Load and store, not one operation: only the holder of the
/// mutex writes it.
fn change_passed(slot: &Slot, change: fn(u32, u32) -> u32) {
    let passed = slot.passed.load(Ordering::Relaxed);
    slot.passed.store(change(passed, 1), Ordering::Relaxed);
}
