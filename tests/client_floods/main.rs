//! Clients that send as fast as they can, every kind of bytes that is no terminal input: effect on
//! other sessions of the shard, and the end of the flood.
#![cfg(test)]
#![allow(clippy::disallowed_methods, reason = "tests need the clock")]

#[path = "../common/mod.rs"]
mod common;
mod crowd;
mod fairness;
mod honest;
