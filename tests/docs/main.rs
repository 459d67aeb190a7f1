//! Markdown files: their links exist, the names in them are the program's, and the README is short
//! and its commands print what it shows.
#![cfg(test)]

#[path = "../common/mod.rs"]
mod common;
mod facts;
mod links;
mod operations;
mod pages;
mod readme;
#[path = "../layering/tree.rs"]
#[allow(dead_code, reason = "the checker of layers uses the rest")]
mod tree;
