//! One counter with its limit, both in one atomic word.
//!
//! They share the word so that check and increment are a single compare-and-swap. The count never
//! passes the limit, not even between two instructions, and once `set_limit` has returned no
//! increment happens under the old limit. Does not block.

use super::sync::{AtomicU64, Ordering};

/// Layout of the word: limit in the upper 32 bits, count in the lower 32. The count cannot carry
/// into the limit: it only grows while it is below a `u32`.
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
/// Every write is a read-modify-write with `AcqRel`: a thread that acquires sees all that was
/// written before an earlier release.
#[derive(Debug)]
pub(super) struct Gauge(AtomicU64);

impl Gauge {
    /// A count of zero, under `limit`.
    pub(super) fn new(limit: u32) -> Self {
        Self(AtomicU64::new(pack(limit, 0)))
    }

    /// Current count.
    pub(super) fn count(&self) -> u32 {
        // Masked to 32 bits, so the cast loses nothing.
        count_of(self.0.load(Ordering::Acquire)) as u32
    }

    /// Returns whether the limit is reached.
    pub(super) fn is_full(&self) -> bool {
        !has_room(self.0.load(Ordering::Acquire))
    }

    /// Increments the count if it is below the limit.
    #[must_use]
    pub(super) fn try_acquire(&self) -> bool {
        self.update(|word| has_room(word).then(|| word + 1))
            .is_some()
    }

    /// Increments the count if it is above zero and below the limit.
    #[must_use]
    pub(super) fn try_join(&self) -> bool {
        self.update(|word| (count_of(word) >= 1 && has_room(word)).then(|| word + 1))
            .is_some()
    }

    /// Decrements the count; returns whether it is zero now.
    pub(super) fn release(&self) -> bool {
        let held = self.update(|word| (count_of(word) >= 1).then(|| word - 1));
        debug_assert!(held.is_some(), "released more often than acquired");
        held.is_some_and(|word| count_of(word) == 1)
    }

    /// Decrements the count if it stays above zero; returns whether it did.
    #[must_use]
    pub(super) fn try_leave(&self) -> bool {
        self.update(|word| (count_of(word) >= 2).then(|| word - 1))
            .is_some()
    }

    /// Sets a new limit. The count stays, also above it.
    pub(super) fn set_limit(&self, limit: u32) {
        self.update(|word| Some((word & COUNT_MASK) | pack(limit, 0)));
    }

    /// Replaces the word by `next` of it, unless that is `None`; returns the word before.
    fn update(&self, next: impl Fn(u64) -> Option<u64>) -> Option<u64> {
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
    fn a_lowered_limit_keeps_the_count_and_refuses_increments() {
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
    #[should_panic(expected = "more often than acquired")]
    fn a_release_without_an_acquire_is_noticed() {
        Gauge::new(1).release();
    }
}
