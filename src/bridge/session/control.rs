//! How a shard reaches one of its sessions: a word left beside it and a wake.

use crate::bridge::audit::SessionAudit;
use crate::bridge::state::Drain;
use crate::error::{Reason, SessionError};
use std::cell::{Cell, RefCell};
use std::rc::Rc;
use std::task::Waker;

/// Shared by a session and the shard's manager; one thread.
#[derive(Default)]
pub struct SessionControl {
    drain: Cell<Option<Drain>>,
    kill: RefCell<Option<SessionError>>,
    waker: RefCell<Option<Waker>>,
    audit: RefCell<Option<Rc<SessionAudit>>>,
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

    /// The shard stops, and the session gets no turn any more: its end is
    /// written to the audit log.
    pub fn cut_off(&self) {
        if let Some(audit) = self.audit.borrow().as_ref() {
            audit.cut_off(Reason::Drain);
        }
    }

    pub(super) fn set_audit(&self, audit: Rc<SessionAudit>) {
        *self.audit.borrow_mut() = Some(audit);
    }

    fn wake(&self) {
        let waker = self.waker.borrow().clone();
        if let Some(waker) = waker {
            waker.wake();
        }
    }

    pub(super) fn set_waker(&self, waker: &Waker) {
        let mut slot = self.waker.borrow_mut();
        slot.get_or_insert_with(|| waker.clone()).clone_from(waker);
    }

    pub(crate) fn take_drain(&self) -> Option<Drain> {
        self.drain.take()
    }

    pub(super) fn take_kill(&self) -> Option<SessionError> {
        self.kill.borrow_mut().take()
    }
}
