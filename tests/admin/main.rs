//! The admin listener, for operators and for untrusted peers.
#![cfg(test)]
#![allow(clippy::disallowed_methods, reason = "tests need the clock")]

mod access;
#[path = "../common/mod.rs"]
mod common;
mod health;
mod metrics;
mod page;
mod sessions;
mod stats;
