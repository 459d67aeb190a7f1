//! Leaks of secrets: they are sent in sessions with every kind of end, at log level trace, and then
//! searched for in all that the bridge emits: logs, metrics, statistics, the administrator's API,
//! the audit log, its arguments and environment, and its messages to clients.
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

#[path = "canary/leaks.rs"]
mod leaks;
#[path = "canary/memory.rs"]
mod memory;
#[path = "canary/search.rs"]
mod search;
#[path = "faults/ways.rs"]
#[allow(
    dead_code,
    reason = "shared with the tests of faults, which use all of it"
)]
mod ways;
