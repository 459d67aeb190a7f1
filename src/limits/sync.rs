//! The primitives the limits are built from: std's, or loom's when the model
//! checker runs (`--cfg loom`, only ever set for the package in `tests/loom`).
//!
//! Does NOT replace `Arc`: methods take `self: &Arc<Self>`, which only std's
//! `Arc` can be, and no ordering of ours rests on its reference count.
#![allow(
    clippy::disallowed_types,
    reason = "once per connection and step, never on the data path; see clients.rs and slots.rs"
)]

#[cfg(loom)]
pub(super) use loom::sync::{
    Mutex, MutexGuard,
    atomic::{AtomicU32, AtomicU64, Ordering, fence},
};
#[cfg(not(loom))]
pub(super) use std::sync::{
    Mutex, MutexGuard,
    atomic::{AtomicU32, AtomicU64, Ordering, fence},
};

/// Places keys: seeded at random, so that nobody outside can choose keys that collide.
#[cfg(not(loom))]
pub(super) type KeyHasher = std::hash::RandomState;

/// The model checker replays executions, so keys must land in the same place each time.
#[cfg(loom)]
pub(super) type KeyHasher = std::hash::BuildHasherDefault<std::hash::DefaultHasher>;

/// Locks, also after a panic elsewhere: nothing in this module can panic between
/// two writes that belong together, so the data is whole even then.
pub(super) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex
        .lock()
        .unwrap_or_else(std::sync::PoisonError::into_inner)
}
