//! The program for its operator: shards and CPUs, listeners, drain, settings, limits of the
//! machine, the log, the subcommands. Sessions themselves are tested elsewhere.
#![cfg(test)]
#![allow(clippy::disallowed_methods, reason = "tests need the clock")]

mod check;
mod command_line;
#[path = "../common/mod.rs"]
mod common;
mod cpus;
mod doctor;
mod drain;
mod drain_deadline;
mod fixture;
mod listen;
mod log;
mod log_limits;
mod machine;
mod sessions;
mod settings;
mod shards;
mod tune;
