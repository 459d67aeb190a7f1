//! The valve of one SSH connection: shared by the stream adapter (which asks
//! it before every read) and the session (which opens and closes it). It moves no bytes itself.
//!
//! russh re-opens the SSH window on receipt, so the socket is the only place
//! where output can be held back. A closed gate makes reads pend; writes go
//! on, so Ctrl-C and resize still leave.

use std::cell::{Cell, RefCell};
use std::task::Waker;

/// See the module's description. Single-threaded: lives on one shard.
#[derive(Debug, Default)]
pub struct Gate {
    closed: Cell<bool>,
    /// Bytes that may still pass a closed gate.
    allowance: Cell<usize>,
    reader: RefCell<Option<Waker>>,
    bytes_read: Cell<u64>,
}

impl Gate {
    /// Stops reads, until [`Gate::open`] or a grant.
    pub fn close(&self) {
        self.closed.set(true);
    }

    /// Lets reads go on.
    pub fn open(&self) {
        self.allowance.set(0);
        if self.closed.replace(false) {
            wake(&self.reader);
        }
    }

    /// Whether reads are held back.
    pub fn is_closed(&self) -> bool {
        self.closed.get()
    }

    /// Lets `bytes` through although the gate is closed. Replaces, not adds
    /// to, what is left of the last grant: the sum stays bounded.
    pub fn grant(&self, bytes: usize) {
        self.allowance.set(bytes);
        wake(&self.reader);
    }

    /// Total bytes read from the socket.
    pub fn bytes_read(&self) -> u64 {
        self.bytes_read.get()
    }

    /// Most bytes the next read may take; 0 means wait.
    pub(super) fn read_budget(&self) -> usize {
        if self.closed.get() {
            self.allowance.get()
        } else {
            usize::MAX
        }
    }

    pub(super) fn note_read(&self, bytes: usize) {
        self.bytes_read.set(self.bytes_read.get() + bytes as u64);
        self.allowance
            .set(self.allowance.get().saturating_sub(bytes));
    }

    pub(super) fn park_reader(&self, waker: &Waker) {
        park(&self.reader, waker);
    }
}

fn park(slot: &RefCell<Option<Waker>>, waker: &Waker) {
    let mut slot = slot.borrow_mut();
    slot.get_or_insert_with(|| waker.clone()).clone_from(waker);
}

fn wake(slot: &RefCell<Option<Waker>>) {
    // Taken out first: waking may run code that parks again.
    let waker = slot.borrow_mut().take();
    if let Some(waker) = waker {
        waker.wake();
    }
}
