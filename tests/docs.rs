//! Markdown files: their links exist, the names in them are the program's, and the README is short
//! and its commands print what it shows.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a failed step of a test has nowhere to go but the test's output"
)]

mod common;
#[path = "docs/facts.rs"]
mod facts;
#[path = "docs/links.rs"]
mod links;
#[path = "docs/operations.rs"]
mod operations;
#[path = "docs/pages.rs"]
mod pages;
#[path = "docs/readme.rs"]
mod readme;
#[path = "layering/tree.rs"]
#[allow(dead_code, reason = "the checker of layers uses the rest")]
mod tree;
