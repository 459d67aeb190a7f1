//! One counter with its limit, both in one atomic word.
//!
//! They share the word so that "is there room, and if so take it" is a single
//! compare-and-swap. The count is never above the limit, not even between two
//! instructions, and once `set_limit` has returned nobody gets in under the old
//! limit. Does NOT know what is counted; does NOT block.

use super::sync::{AtomicU64, Ordering};

/// Word layout: limit in the upper 32 bits, count in the lower 32. The count
/// cannot carry into the limit: it only grows while it is below a `u32`.
const COUNT_BITS: u32 = 32;
const COUNT_MASK: u64 = (1 << COUNT_BITS) - 1;

fn pack(limit: u32, count: u32) -> u64 {
    (u64::from(limit) << COUNT_BITS) | u64::from(count)
}

fn count_of(word: u64) -> u64 {
    word & COUNT_MASK
}

fn has_room(word: u64) -> bool {
    count_of(word) < word >> COUNT_BITS
}

/// A counter that refuses to pass its limit.
///
/// Every write is a read-modify-write with `AcqRel`: whoever enters sees all that
/// those who opened or left the gauge before it have written.
#[derive(Debug)]
pub(super) struct Gauge(AtomicU64);

impl Gauge {
    /// Nothing taken, room for `limit`.
    pub(super) fn new(limit: u32) -> Self {
        Self(AtomicU64::new(pack(limit, 0)))
    }

    /// Places taken now.
    pub(super) fn count(&self) -> u32 {
        // Masked to 32 bits, so the cast loses nothing.
        count_of(self.0.load(Ordering::Acquire)) as u32
    }

    /// Whether there is no place now.
    pub(super) fn is_full(&self) -> bool {
        !has_room(self.0.load(Ordering::Acquire))
    }

    /// Takes a place if there is one.
    #[must_use]
    pub(super) fn try_acquire(&self) -> bool {
        self.update(|word| has_room(word).then(|| word + 1))
    }

    /// Takes a place if there is one and somebody else already holds one.
    #[must_use]
    pub(super) fn try_join(&self) -> bool {
        self.update(|word| (count_of(word) >= 1 && has_room(word)).then(|| word + 1))
    }

    /// Gives a place back; says whether it was the last one.
    pub(super) fn release(&self) -> bool {
        let held = self.swap(|word| (count_of(word) >= 1).then(|| word - 1));
        debug_assert!(held.is_some(), "a place was given back that nobody held");
        held.is_some_and(|word| count_of(word) == 1)
    }

    /// Gives a place back unless it is the last one; says whether it did.
    #[must_use]
    pub(super) fn try_leave(&self) -> bool {
        self.update(|word| (count_of(word) >= 2).then(|| word - 1))
    }

    /// Sets a new limit. Places taken stay taken, also those above it.
    pub(super) fn set_limit(&self, limit: u32) {
        self.update(|word| Some((word & COUNT_MASK) | pack(limit, 0)));
    }

    fn update(&self, next: impl Fn(u64) -> Option<u64>) -> bool {
        self.swap(next).is_some()
    }

    /// Replaces the word by `next` of it and returns what it was; `None` when `next` declines.
    fn swap(&self, next: impl Fn(u64) -> Option<u64>) -> Option<u64> {
        self.0
            .fetch_update(Ordering::AcqRel, Ordering::Acquire, next)
            .ok()
    }
}

#[cfg(all(test, not(loom)))]
mod tests {
    use super::*;

    #[test]
    fn fills_to_the_limit_and_no_further() {
        let gauge = Gauge::new(2);
        assert!(gauge.try_acquire());
        assert!(gauge.try_acquire());
        assert!(!gauge.try_acquire());
        assert_eq!(gauge.count(), 2);
        assert!(!gauge.release());
        assert!(gauge.release());
        assert!(gauge.try_acquire());
    }

    #[test]
    fn joining_and_leaving_stop_at_one() {
        let gauge = Gauge::new(2);
        assert!(!gauge.try_join());
        assert!(gauge.try_acquire());
        assert!(!gauge.try_leave());
        assert!(gauge.try_join());
        assert!(!gauge.try_join());
        assert!(gauge.try_leave());
        assert_eq!(gauge.count(), 1);
    }

    #[test]
    fn a_lowered_limit_keeps_who_is_in_and_admits_nobody() {
        let gauge = Gauge::new(3);
        assert!(gauge.try_acquire() && gauge.try_acquire());
        gauge.set_limit(1);
        assert_eq!(gauge.count(), 2);
        gauge.release();
        assert!(!gauge.try_acquire());
        gauge.release();
        assert!(gauge.try_acquire());
    }

    #[test]
    fn the_largest_limit_does_not_disturb_the_count() {
        let gauge = Gauge::new(u32::MAX);
        assert!(gauge.try_acquire());
        gauge.set_limit(0);
        assert_eq!(gauge.count(), 1);
        assert!(!gauge.try_acquire());
    }

    #[test]
    #[cfg(debug_assertions)]
    #[should_panic(expected = "nobody held")]
    fn giving_back_what_nobody_holds_is_noticed() {
        Gauge::new(1).release();
    }
}
