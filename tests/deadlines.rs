//! Deadlines of the running bridge: whoever keeps it waiting, in whatever stage, the session ends
//! by that stage's deadline, with its close code, and leaves no descriptor and no thread behind.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a failed step of a test has nowhere to go but the test's output"
)]

#[path = "deadlines/client.rs"]
mod client;
mod common;
#[path = "deadlines/crowd.rs"]
mod crowd;
#[path = "deadlines/full.rs"]
mod full;
#[path = "deadlines/libc_shim.rs"]
mod libc_shim;
#[path = "deadlines/relay.rs"]
mod relay;
#[path = "deadlines/server.rs"]
mod server;
