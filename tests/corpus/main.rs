//! Two tables against the running server: first messages, with what each dialect makes of them, and
//! WebSocket frames that break RFC 6455, with the close code the RFC gives them.
#![cfg(test)]
#![allow(clippy::disallowed_methods, reason = "tests need the clock")]

#[path = "../common/mod.rs"]
mod common;

mod first;
mod frames;
mod shapes;
mod values;
