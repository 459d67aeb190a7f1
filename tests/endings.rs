//! From the end of a session to the end of its TCP connection: whatever the cause, a client that
//! answers the close frame is not kept waiting, and one that is gone is found.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::disallowed_methods,
    reason = "a failed step of a test has nowhere to go but the test's output"
)]

mod common;
#[path = "endings/times.rs"]
mod times;
#[path = "endings/vanished.rs"]
mod vanished;
