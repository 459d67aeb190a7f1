//! Backpressure through the running bridge, against a real sshd: what floods is held back, what
//! is held back is not lost, and nothing that is held back holds up anything else.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::disallowed_methods,
    reason = "a failed step of a test has nowhere to go but the test's output"
)]

mod common;
#[path = "backpressure/numbered.rs"]
mod numbered;
#[path = "backpressure/paste.rs"]
mod paste;
#[path = "backpressure/pipe.rs"]
mod pipe;
#[path = "backpressure/rekey.rs"]
mod rekey;
#[path = "backpressure/stage.rs"]
mod stage;
#[path = "backpressure/stopped.rs"]
mod stopped;
