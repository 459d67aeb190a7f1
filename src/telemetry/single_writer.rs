//! Counter that one thread writes and every thread may read: a plain load and store, without an
//! atomic read-modify-write.

use std::sync::atomic::{AtomicU64, Ordering};

/// A number that one thread writes and any thread reads.
#[derive(Debug, Default)]
pub struct SingleWriterCounter(AtomicU64);

impl SingleWriterCounter {
    /// Value. A thread that reads it sees, in counters read after it, all that their writer counted
    /// before it.
    pub fn get(&self) -> u64 {
        self.0.load(Ordering::Acquire)
    }

    /// Replaces the value. Only the one writer may.
    pub fn set(&self, value: u64) {
        self.0.store(value, Ordering::Release);
    }

    /// Adds to the value. Only the one writer may.
    pub fn add(&self, more: u64) {
        self.set(self.get().wrapping_add(more));
    }

    /// Subtracts from the value. Only the one writer may.
    pub fn sub(&self, less: u64) {
        self.set(self.get().wrapping_sub(less));
    }
}
