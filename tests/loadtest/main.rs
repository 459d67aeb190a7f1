//! The load generator and its sink with the bridge between them: each scenario counts exactly what
//! its plan demands. No times are checked.
#![cfg(test)]
#![allow(clippy::disallowed_methods, reason = "tests need the clock")]

#[path = "../common/mod.rs"]
mod common;
mod failures;
mod fixture;
mod scenarios;
mod sink;
