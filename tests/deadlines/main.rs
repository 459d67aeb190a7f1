//! Deadlines of the running bridge: whoever keeps it waiting, in whatever stage, the session ends
//! by that stage's deadline, with its close code, and leaves no descriptor and no thread behind.
#![cfg(test)]

mod client;
#[path = "../common/mod.rs"]
mod common;
mod crowd;
mod full;
mod libc_shim;
mod relay;
mod server;
