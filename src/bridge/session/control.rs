//! Commands of a shard to one of its sessions. A command is stored here and wakes the session,
//! which runs it in its next poll.

use crate::bridge::audit::SessionAudit;
use crate::bridge::state::Drain;
use crate::error::{Reason, SessionError};
use crate::runtime::WakerSlot;
use std::cell::{Cell, RefCell};
use std::rc::Rc;

/// Commands that a session and its shard's manager share. One thread.
#[derive(Default)]
pub struct SessionControl {
    drain: Cell<Option<Drain>>,
    kill: RefCell<Option<SessionError>>,
    pub(super) waker: WakerSlot,
    pub(super) audit: RefCell<Option<Rc<SessionAudit>>>,
}

impl SessionControl {
    /// Has the session end by the deadline.
    pub fn drain(&self, drain: Drain) {
        self.drain.set(Some(drain));
        self.waker.wake();
    }

    /// Ends the session in its next poll.
    pub fn kill(&self, reason: SessionError) {
        *self.kill.borrow_mut() = Some(reason);
        self.waker.wake();
    }

    /// Writes the end of a session that is not polled any more, because the shard stops, to the
    /// audit log.
    pub fn abort(&self) {
        if let Some(audit) = self.audit.borrow().as_ref() {
            audit.abort(Reason::Drain);
        }
    }

    pub(crate) fn take_drain(&self) -> Option<Drain> {
        self.drain.take()
    }

    pub(crate) fn take_kill(&self) -> Option<SessionError> {
        self.kill.borrow_mut().take()
    }
}
