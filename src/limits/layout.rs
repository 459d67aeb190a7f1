//! How the shared counters lie in memory: padded to cache lines.
//!
//! A type parameter and not a plain `CachePadded`, so that `benches/limits.rs`
//! can put an unpadded table beside the padded one and measure the difference.
//! Does NOT hold any counter itself.

use std::ops::Deref;

use crossbeam_utils::CachePadded;

/// Decides what each shared counter is wrapped in.
pub trait Layout {
    /// The wrapper; it must hold its `T` inline.
    type Of<T>: Deref<Target = T> + From<T>;
}

/// Each counter on cache lines of its own (128 bytes on x86-64): two shards that
/// work on different targets never pull a line from each other.
#[derive(Debug, Clone, Copy)]
pub struct Padded;

impl Layout for Padded {
    type Of<T> = CachePadded<T>;
}
