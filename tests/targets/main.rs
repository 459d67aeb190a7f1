//! Target policy and name resolution, against the running server and real sockets. Every test runs
//! in a network and mount namespace of its own, with a name server of its own: it changes nothing
//! of the machine and sends nothing out of it, and addresses like 169.254.169.254 have listeners
//! that count connections.
#![cfg(test)]
#![allow(clippy::disallowed_methods, reason = "tests need the clock")]
#![allow(clippy::disallowed_types, reason = "tests are threads with locks")]

#[path = "../common/mod.rs"]
mod common;

mod dns;
mod hanging;
mod host_keys;
mod inside;
mod names;
mod own;
mod spellings;
