//! Two tables against the running server: first messages, with what each dialect makes of them, and
//! WebSocket frames that break RFC 6455, with the close code the RFC gives them.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::disallowed_methods,
    reason = "a failed step of a test has nowhere to go but the test's output"
)]

mod common;

#[path = "corpus/first.rs"]
mod first;
#[path = "corpus/frames.rs"]
mod frames;
#[path = "corpus/shapes.rs"]
mod shapes;
#[path = "corpus/values.rs"]
mod values;
