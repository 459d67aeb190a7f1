//! Backpressure through the running bridge, against a real sshd: bulk output is held back, nothing
//! of it is lost, and it does not hold up input, resize or signals.
#![cfg(test)]
#![allow(clippy::disallowed_methods, reason = "tests need the clock")]

#[path = "../common/mod.rs"]
mod common;
mod fixture;
mod key_exchange;
mod numbered;
mod paste;
mod pipe;
mod stopped;
