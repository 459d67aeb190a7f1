//! Synchronisation primitives of the limits: std's, or loom's under the model checker (`--cfg
//! loom`, only ever set for the package in `tests/loom`).
//!
//! Does not replace `Arc`: methods take `self: &Arc<Self>`, which only std's `Arc` can be, and no
//! ordering here depends on its reference count.
#![allow(
    clippy::disallowed_types,
    reason = "once per connection and step, never on the data path; see slots.rs and striped.rs"
)]

#[cfg(loom)]
pub(super) use loom::sync::{
    Mutex, MutexGuard,
    atomic::{AtomicU32, AtomicU64, Ordering},
};
#[cfg(not(loom))]
pub(super) use std::sync::{
    Mutex, MutexGuard,
    atomic::{AtomicU32, AtomicU64, Ordering},
};

/// Hasher of keys, seeded at random, so that nobody outside can choose keys that collide.
#[cfg(not(loom))]
pub(super) type KeyHasher = std::hash::RandomState;

/// Hasher without a seed: the model checker replays executions, in which keys must have the same
/// hash.
#[cfg(loom)]
pub(super) type KeyHasher = std::hash::BuildHasherDefault<std::hash::DefaultHasher>;

/// Locks, also after a panic elsewhere: nothing in this module can panic between two writes that
/// belong together, so that the data is consistent even then.
pub(super) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex
        .lock()
        .unwrap_or_else(std::sync::PoisonError::into_inner)
}
