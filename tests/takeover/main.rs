//! Restart without a refused connection: listeners handed from process to process, or by systemd.
#![cfg(test)]
#![allow(clippy::disallowed_methods, reason = "tests need the clock")]
#![allow(clippy::disallowed_types, reason = "tests are threads with locks")]

mod activation;
#[path = "../common/mod.rs"]
mod common;
mod faults;
mod fixture;
mod handover;
