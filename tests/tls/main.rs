//! TLS on the public listener, over real sockets: sessions, what is refused, certificates that are
//! good or bad, and their replacement while sessions run.
#![cfg(test)]
#![allow(clippy::disallowed_methods, reason = "tests need the clock")]

#[path = "../common/mod.rs"]
mod common;

mod certificate;
mod fixture;
mod refusals;
mod reload;
mod session;
