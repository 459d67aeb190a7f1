//! Read credit of one SSH connection: set by the session, spent by the stream. Moves no bytes
//! itself.
//!
//! russh re-opens the SSH window on receipt, so the socket is the only place where output can be
//! held back. Without credit reads pend; writes go on, so that Ctrl-C and resize are still sent.

use crate::runtime::WakerSlot;
use std::cell::Cell;
use std::task::Waker;

/// Bytes that may still be read, and bytes read so far. Lives on one shard.
#[derive(Debug, Default)]
pub struct ReadCredit {
    /// `None` for any number.
    left: Cell<Option<usize>>,
    reader: WakerSlot,
    bytes_read: Cell<u64>,
}

impl ReadCredit {
    /// Stops reads until [`Self::resume`] or [`Self::allow`].
    pub fn stop(&self) {
        if !self.is_stopped() {
            self.left.set(Some(0));
        }
    }

    /// Lifts the limit.
    pub fn resume(&self) {
        if self.left.replace(None).is_some() {
            self.reader.wake();
        }
    }

    /// Returns whether reads are stopped.
    pub fn is_stopped(&self) -> bool {
        self.left.get().is_some()
    }

    /// Lets `bytes` be read although reads are stopped. Replaces what was left, so that the sum
    /// stays bounded.
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

    /// Most bytes that the next read may take; 0 means to wait.
    pub(super) fn available(&self) -> usize {
        self.left.get().unwrap_or(usize::MAX)
    }

    /// Counts bytes that were read.
    pub(super) fn spend(&self, bytes: usize) {
        self.bytes_read.set(self.bytes_read.get() + bytes as u64);
        self.left
            .set(self.left.get().map(|left| left.saturating_sub(bytes)));
    }

    /// Sets the task to wake when there is credit again.
    pub(super) fn register(&self, waker: &Waker) {
        self.reader.register(waker);
    }
}
