//! The clock type russh measures rekey intervals with.

pub use std::time::Instant;
