//! A bridge inside this process, so that a fault of its own can be planted: what one session's
//! panic does to the others, and that every way to end leaves nothing behind.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::disallowed_methods,
    clippy::disallowed_types,
    reason = "a failed step of a test has nowhere to go but the test's output; tests are threads"
)]

mod common;
#[path = "faults/containment.rs"]
mod containment;
#[path = "faults/endings.rs"]
mod endings;
#[path = "faults/ways.rs"]
mod ways;
