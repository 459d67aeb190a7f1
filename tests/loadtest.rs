//! The load generator and its sink with the bridge between them: each scenario counts exactly what
//! its plan demands. No times are checked.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::disallowed_methods,
    reason = "a failed step of a test has nowhere to go but the test's output; tests need the clock"
)]

mod common;
#[path = "loadtest/failures.rs"]
mod failures;
#[path = "loadtest/fixture.rs"]
mod fixture;
#[path = "loadtest/scenarios.rs"]
mod scenarios;
#[path = "loadtest/sink.rs"]
mod sink;
