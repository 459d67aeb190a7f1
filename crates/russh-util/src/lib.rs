//! Spawn function of russh's background tasks.
//!
//! russh starts every session loop through [`runtime::spawn`] of a crate named `russh-util`. This
//! is sshard's own implementation of that crate, with the same public API and one addition,
//! [`runtime::set_thread_spawner`]: on a thread with a spawner of its own the spawner takes the
//! loop; on any other thread it goes to tokio, as upstream. Uses neither glommio nor SSH.

pub mod runtime;
pub mod time;
