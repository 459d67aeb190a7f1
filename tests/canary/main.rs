//! Leaks of secrets: they are sent in sessions with every kind of end, at log level trace, and then
//! searched for in all that the bridge emits: logs, metrics, statistics, the admin API,
//! the audit log, its arguments and environment, and its messages to clients.
#![cfg(test)]
#![allow(clippy::disallowed_methods, reason = "tests need the clock")]
#![allow(clippy::disallowed_types, reason = "tests are threads with locks")]

#[path = "../common/mod.rs"]
mod common;

#[path = "../faults/end_kinds.rs"]
#[allow(
    dead_code,
    reason = "shared with the tests of faults, which use all of it"
)]
mod end_kinds;
mod leaks;
mod memory;
mod search;
