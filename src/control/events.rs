//! Events of the control thread, and the bounded channel that any thread sends them over.

use super::reload::Reloaded;
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};

/// Events that may wait; signals, commands and dead shards are few.
const CAPACITY: usize = 64;

/// Event that the control thread acts on.
#[derive(Debug)]
pub enum Event {
    /// SIGTERM or SIGINT: drain. The second one: end at once.
    Terminate,
    /// SIGHUP: reload, and open the audit log anew. Without a configuration to reload, as SIGTERM.
    Hangup,
    /// An administrator's command to drain; a repetition changes nothing.
    Drain,
    /// An administrator's command to reload.
    Reload {
        /// Takes the changes, or the reason why nothing was changed.
        reply: async_channel::Sender<Result<Reloaded, String>>,
    },
    /// A new process accepts from this one's sockets, and this one no longer does.
    TakenOver,
    /// A shard's thread has ended, by itself or by a panic.
    ShardEnded(usize),
}

/// Sender of events; any thread.
pub type EventSender = SyncSender<Event>;

/// Makes the channel of events.
pub fn events() -> (EventSender, Receiver<Event>) {
    sync_channel(CAPACITY)
}
