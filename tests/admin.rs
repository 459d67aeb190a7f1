//! The administrator's listener, for operators and for untrusted peers.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::disallowed_methods,
    reason = "a failed step of a test has nowhere to go but the test's output; tests need the clock"
)]

#[path = "admin/access.rs"]
mod access;
mod common;
#[path = "admin/health.rs"]
mod health;
#[path = "admin/metrics.rs"]
mod metrics;
#[path = "admin/page.rs"]
mod page;
#[path = "admin/sessions.rs"]
mod sessions;
#[path = "admin/stats.rs"]
mod stats;
