//! The audit log of the running server: lines, rotation, and errors of the file.
#![cfg(test)]
#![allow(
    clippy::disallowed_methods,
    clippy::disallowed_types,
    reason = "tests are threads that wait for real programs: they need the clock and locks"
)]

#[path = "../common/mod.rs"]
mod common;

mod file;
mod lines;
mod site;
