//! Many sessions: limits under load and after a reload, and targets that die.
#![cfg(test)]
#![allow(
    clippy::disallowed_methods,
    clippy::disallowed_types,
    reason = "tests are threads that wait for real programs: they need the clock and locks"
)]

#[path = "../common/mod.rs"]
mod common;
mod crowd;
mod limits_live;
mod reload;
mod site;
mod sshd_death;
