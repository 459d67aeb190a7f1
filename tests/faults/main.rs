//! A bridge inside this process, so that a fault of its own can be planted: what one session's
//! panic does to the others, and that every kind of end leaves nothing behind.
#![cfg(test)]
#![allow(clippy::disallowed_methods, reason = "tests need the clock")]
#![allow(clippy::disallowed_types, reason = "tests are threads with locks")]

#[path = "../common/mod.rs"]
mod common;
mod containment;
mod end_kinds;
mod endings;
