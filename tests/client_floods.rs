//! Clients that send as fast as they can, every kind of bytes that is no terminal input: effect on
//! other sessions of the shard, and the end of the flood.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::disallowed_methods,
    reason = "a failed step of a test has nowhere to go but the test's output"
)]

mod common;
#[path = "client_floods/crowd.rs"]
mod crowd;
#[path = "client_floods/fairness.rs"]
mod fairness;
#[path = "client_floods/honest.rs"]
mod honest;
