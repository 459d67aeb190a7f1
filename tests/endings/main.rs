//! From the end of a session to the end of its TCP connection: whatever the cause, a client that
//! answers the close frame is not kept waiting, and one that is gone is found.
#![cfg(test)]
#![allow(clippy::disallowed_methods, reason = "tests need the clock")]

#[path = "../common/mod.rs"]
mod common;
mod times;
mod vanished;
