//! The control thread's work: signals, reload, dead shards, and the orderly
//! end.

pub mod admin;
mod circular;
mod reload;
mod signals;
mod supervise;
pub mod takeover;
mod token;

pub use circular::stop;
pub use reload::{HostCheck, ReloadError, Reloaded, Reloader, limits_of};
pub use signals::watch_signals;
pub use supervise::{Event, EventSender, Supervised, events, supervise};
pub use token::{SharedToken, Token, TokenError};
