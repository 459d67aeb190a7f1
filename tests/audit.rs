//! The audit log of the running server: lines, rotation, and errors of the file.
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

#[path = "audit/file.rs"]
mod file;
#[path = "audit/lines.rs"]
mod lines;
#[path = "audit/site.rs"]
mod site;
