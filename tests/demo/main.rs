//! `sshard demo`: printed lines work as printed, others are refused, and no process stays.
#![cfg(test)]

mod access;
mod browser;
#[path = "../common/mod.rs"]
mod common;
mod ends;
mod line;
