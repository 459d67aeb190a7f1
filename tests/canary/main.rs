//! Leaks of secrets: they are sent in sessions with every kind of end, at log level trace, and then
//! searched for in all that the bridge emits: logs, metrics, statistics, the administrator's API,
//! the audit log, its arguments and environment, and its messages to clients.
#![cfg(test)]
#![allow(clippy::disallowed_methods, reason = "tests need the clock")]
#![allow(clippy::disallowed_types, reason = "tests are threads with locks")]

#[path = "../common/mod.rs"]
mod common;

mod leaks;
mod memory;
mod search;
#[path = "../faults/ways.rs"]
#[allow(
    dead_code,
    reason = "shared with the tests of faults, which use all of it"
)]
mod ways;
