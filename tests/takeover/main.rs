//! Restart without a refused connection: listeners handed from process to process, or by systemd.
#![cfg(test)]
#![allow(
    clippy::disallowed_methods,
    clippy::disallowed_types,
    reason = "tests are threads that wait for real programs: they need the clock and locks"
)]

mod activation;
#[path = "../common/mod.rs"]
mod common;
mod faults;
mod handover;
mod site;
