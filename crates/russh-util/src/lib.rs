//! Executor of russh's background tasks.
//!
//! russh starts every session loop through [`runtime::spawn`] of a crate named
//! `russh-util`. This is sshard's own implementation of that crate, with the
//! same public API and one addition, [`runtime::set_thread_spawner`]: on a
//! thread that installed a spawner the spawner takes the loop; on
//! any other thread it goes to tokio, as upstream.
//!
//! It does not know glommio, nor anything of SSH.

pub mod runtime;
pub mod time;
