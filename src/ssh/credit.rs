//! Credit for reads of one SSH connection: given by the session, spent by the stream adapter. It moves no bytes itself.
//!
//! russh re-opens the SSH window on receipt, so the socket is the only place
//! where output can be held back. Without credit reads pend; writes go
//! on, so Ctrl-C and resize still leave.

use crate::runtime::WakerSlot;
use std::cell::Cell;
use std::task::Waker;

/// See the module's description. Single-threaded: lives on one shard.
#[derive(Debug, Default)]
pub struct ReadCredit {
    /// Bytes that may still be read; `None` for any number.
    left: Cell<Option<usize>>,
    reader: WakerSlot,
    bytes_read: Cell<u64>,
}

impl ReadCredit {
    /// Stops reads, until [`Self::resume`] or [`Self::allow`].
    pub fn stop(&self) {
        if !self.is_stopped() {
            self.left.set(Some(0));
        }
    }

    /// Lets reads go on.
    pub fn resume(&self) {
        if self.left.replace(None).is_some() {
            self.reader.wake();
        }
    }

    /// Returns whether reads are stopped.
    pub fn is_stopped(&self) -> bool {
        self.left.get().is_some()
    }

    /// Lets `bytes` be read although reads are stopped. Replaces, not adds
    /// to, what was allowed before: the sum stays bounded.
    pub fn allow(&self, bytes: usize) {
        if self.is_stopped() {
            self.left.set(Some(bytes));
            self.reader.wake();
        }
    }

    /// Total bytes read from the socket.
    pub fn bytes_read(&self) -> u64 {
        self.bytes_read.get()
    }

    /// Most bytes the next read may take; 0 means wait.
    pub(super) fn available(&self) -> usize {
        self.left.get().unwrap_or(usize::MAX)
    }

    /// `bytes` were read.
    pub(super) fn spend(&self, bytes: usize) {
        self.bytes_read.set(self.bytes_read.get() + bytes as u64);
        self.left
            .set(self.left.get().map(|left| left.saturating_sub(bytes)));
    }

    /// Whom to wake when there is credit again.
    pub(super) fn register(&self, waker: &Waker) {
        self.reader.register(waker);
    }
}
