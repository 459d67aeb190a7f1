//! The control thread's work: signals, dead shards, and the orderly end.

mod signals;
mod supervise;

pub use signals::watch_signals;
pub use supervise::{Event, Supervised, events, supervise};
