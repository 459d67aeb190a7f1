//! Backpressure through the running bridge, against a real sshd: bulk output is held back, nothing
//! of it is lost, and it does not hold up input, resize or signals.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::disallowed_methods,
    reason = "a failed step of a test has nowhere to go but the test's output"
)]

mod common;
#[path = "backpressure/fixture.rs"]
mod fixture;
#[path = "backpressure/key_exchange.rs"]
mod key_exchange;
#[path = "backpressure/numbered.rs"]
mod numbered;
#[path = "backpressure/paste.rs"]
mod paste;
#[path = "backpressure/pipe.rs"]
mod pipe;
#[path = "backpressure/stopped.rs"]
mod stopped;
