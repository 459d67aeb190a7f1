//! Waker of one task that waits for an event of its own thread.

use std::cell::RefCell;
use std::task::Waker;

/// Waker of a task that waits for something on this thread. One task waits at a time.
#[derive(Debug, Default)]
pub struct WakerSlot(RefCell<Option<Waker>>);

impl WakerSlot {
    /// Sets the task to wake next.
    pub fn register(&self, waker: &Waker) {
        let mut slot = self.0.borrow_mut();
        slot.get_or_insert_with(|| waker.clone()).clone_from(waker);
    }

    /// Wakes the task, which is to register again.
    pub fn wake(&self) {
        // Taken out first: waking may run code that registers.
        let waker = self.0.take();
        if let Some(waker) = waker {
            waker.wake();
        }
    }
}
