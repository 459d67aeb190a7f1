//! `sshard demo`: printed lines work as printed, others are refused, and no process stays.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a failed step of a test has nowhere to go but the test's output"
)]

#[path = "demo/access.rs"]
mod access;
#[path = "demo/browser.rs"]
mod browser;
mod common;
#[path = "demo/ends.rs"]
mod ends;
#[path = "demo/line.rs"]
mod line;
#[path = "demo/scene.rs"]
mod scene;
