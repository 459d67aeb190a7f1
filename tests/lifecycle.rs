//! Many sessions: limits under load and after a reload, and targets that die.
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
#[path = "lifecycle/crowd.rs"]
mod crowd;
#[path = "lifecycle/limits_live.rs"]
mod limits_live;
#[path = "lifecycle/reload.rs"]
mod reload;
#[path = "lifecycle/site.rs"]
mod site;
#[path = "lifecycle/sshd_death.rs"]
mod sshd_death;
