//! The limits of sshard, the same source files, built for the model checker.
//!
//! Does NOT hold the models: they are in `tests/`. Empty without `--cfg loom`.

#[cfg(loom)]
#[path = "../../../src/limits/mod.rs"]
pub mod limits;
