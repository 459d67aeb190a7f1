//! The program for its operator: shards and CPUs, listeners, drain, settings, limits of the
//! machine, the log, the subcommands. Sessions themselves are tested elsewhere.
#![allow(
    clippy::disallowed_methods,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a failed step of a test has nowhere to go but the test's output; times are those of processes"
)]

#[path = "operations/check.rs"]
mod check;
#[path = "operations/command_line.rs"]
mod command_line;
mod common;
#[path = "operations/cpus.rs"]
mod cpus;
#[path = "operations/doctor.rs"]
mod doctor;
#[path = "operations/drain.rs"]
mod drain;
#[path = "operations/drain_deadline.rs"]
mod drain_deadline;
#[path = "operations/listen.rs"]
mod listen;
#[path = "operations/log.rs"]
mod log;
#[path = "operations/log_limits.rs"]
mod log_limits;
#[path = "operations/machine.rs"]
mod machine;
#[path = "operations/scene.rs"]
mod scene;
#[path = "operations/sessions.rs"]
mod sessions;
#[path = "operations/settings.rs"]
mod settings;
#[path = "operations/shards.rs"]
mod shards;
#[path = "operations/tune.rs"]
mod tune;
