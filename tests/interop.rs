//! SSH servers of other projects, as their users run them: login, terminal, resize, output, input
//! and exit status with each, key exchanges under load, and the time of bulk output. OpenSSH has
//! tests of its own in `openssh`; servers that misbehave are in `hostile_ssh`.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a failed step of a test has nowhere to go but the test's output"
)]
#![allow(
    clippy::disallowed_methods,
    reason = "tests are threads that wait for real programs: they need the clock"
)]

mod common;

#[path = "interop/nagle.rs"]
mod nagle;
#[path = "interop/servers.rs"]
mod servers;
#[path = "interop/table.rs"]
mod table;
