//! Many sessions: limits under load and after a reload, and targets that die.
#![cfg(test)]
#![allow(clippy::disallowed_methods, reason = "tests need the clock")]
#![allow(clippy::disallowed_types, reason = "tests are threads with locks")]

#[path = "../common/mod.rs"]
mod common;
mod crowd;
mod fixture;
mod limits_live;
mod reload;
mod sshd_death;
