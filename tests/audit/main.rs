//! The audit log of the running server: lines, rotation, and errors of the file.
#![cfg(test)]
#![allow(clippy::disallowed_methods, reason = "tests need the clock")]
#![allow(clippy::disallowed_types, reason = "tests are threads with locks")]

#[path = "../common/mod.rs"]
mod common;

mod file;
mod fixture;
mod lines;
