//! The control thread's work: signals, reload, dead shards, and the orderly
//! end.

pub mod admin;
mod broadcast;
mod reload;
mod signals;
mod supervise;
pub mod takeover;
mod token;

pub use broadcast::stop;
pub use reload::{HostCheck, ReloadError, Reloaded, Reloader, limits_of};
pub use signals::watch_signals;
pub use supervise::{Event, EventSender, ProcessHandles, events, supervise};
pub use token::{SharedToken, Token, TokenError};
