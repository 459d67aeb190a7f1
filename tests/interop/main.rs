//! SSH servers of other projects, as their users run them: login, terminal, resize, output, input
//! and exit status with each, key exchanges under load, and the time of bulk output. OpenSSH has
//! tests of its own in `openssh` and `backpressure`; servers that misbehave are in `hostile_ssh`.
#![cfg(test)]
#![allow(clippy::disallowed_methods, reason = "tests need the clock")]

#[path = "../common/mod.rs"]
mod common;

mod nagle;
mod servers;
mod table;
