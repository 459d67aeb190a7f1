//! Restart without a refused connection: listeners handed from process to process, or by systemd.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::disallowed_methods,
    clippy::disallowed_types,
    reason = "a failed step of a test has nowhere to go but the test's output; tests are threads"
)]

#[path = "takeover/activation.rs"]
mod activation;
mod common;
#[path = "takeover/faults.rs"]
mod faults;
#[path = "takeover/handover.rs"]
mod handover;
#[path = "takeover/site.rs"]
mod site;
