//! How a shard reaches one of its sessions: a word left beside it and a wake.

use crate::bridge::state::Drain;
use crate::error::SessionError;
use std::cell::{Cell, RefCell};
use std::task::Waker;

/// Shared by a session and the shard's manager; one thread.
#[derive(Debug, Default)]
pub struct SessionControl {
    drain: Cell<Option<Drain>>,
    kill: RefCell<Option<SessionError>>,
    waker: RefCell<Option<Waker>>,
}

impl SessionControl {
    /// The session is to end by itself, at the latest at its deadline.
    pub fn drain(&self, drain: Drain) {
        self.drain.set(Some(drain));
        self.wake();
    }

    /// The session is to end now.
    pub fn kill(&self, reason: SessionError) {
        *self.kill.borrow_mut() = Some(reason);
        self.wake();
    }

    fn wake(&self) {
        let waker = self.waker.borrow().clone();
        if let Some(waker) = waker {
            waker.wake();
        }
    }

    pub(super) fn set_waker(&self, waker: &Waker) {
        let mut slot = self.waker.borrow_mut();
        match slot.as_mut() {
            Some(parked) => parked.clone_from(waker),
            None => *slot = Some(waker.clone()),
        }
    }

    pub(crate) fn take_drain(&self) -> Option<Drain> {
        self.drain.take()
    }

    pub(super) fn take_kill(&self) -> Option<SessionError> {
        self.kill.borrow_mut().take()
    }
}
