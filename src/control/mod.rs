//! The control thread's work: signals, reload, dead shards, graceful shutdown, the hand-over to a
//! new process, and the admin listener on a thread of its own. No shard's data is touched here:
//! shards are asked by message.

pub mod admin;
mod broadcast;
mod drain;
mod events;
mod process;
mod reload;
mod signals;
mod supervise;
pub mod takeover;
#[cfg(test)]
mod tests;
mod token;

pub use broadcast::stop;
pub use events::{Event, EventSender, events};
pub use process::ProcessHandles;
pub use reload::{MachineCheck, ReloadError, Reloaded, Reloader, limits_of, warn_of_host_keys};
pub use signals::watch_signals;
pub use supervise::supervise;
pub use token::{SharedToken, Token, TokenError};
