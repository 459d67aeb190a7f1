//! Deadlines of the running bridge: in every stage, a session that makes no progress ends by that
//! stage's deadline, with its close code, and leaves no descriptor and no thread behind.
#![cfg(test)]

mod client;
#[path = "../common/mod.rs"]
mod common;
mod crowd;
mod full;
mod keepalive;
mod libc_shim;
mod relay;
mod server;
