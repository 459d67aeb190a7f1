//! ConnectionManager: the sessions a shard owns, and how to reach them all.

use crate::bridge::{SessionControl, SessionId};
use std::cell::{Cell, RefCell};
use std::collections::HashMap;
use std::rc::Rc;
use std::time::Instant;

/// Owned by one shard; no other thread touches it.
#[derive(Debug, Default)]
pub struct ConnectionManager {
    sessions: RefCell<HashMap<SessionId, Rc<SessionControl>>>,
    draining: Cell<Option<Instant>>,
}

/// A session's entry; Drop removes it.
#[must_use = "dropping it removes the session"]
pub struct Registration<'a> {
    manager: &'a ConnectionManager,
    id: SessionId,
    control: Rc<SessionControl>,
}

impl ConnectionManager {
    /// Enters a session. One that comes while the shard drains is told so at
    /// once.
    pub fn create_session(&self, id: SessionId) -> Registration<'_> {
        let control = Rc::new(SessionControl::default());
        if let Some(deadline) = self.draining.get() {
            control.drain(deadline);
        }
        self.sessions.borrow_mut().insert(id, Rc::clone(&control));
        Registration {
            manager: self,
            id,
            control,
        }
    }

    /// Sessions there are now.
    pub fn active_session_count(&self) -> usize {
        self.sessions.borrow().len()
    }

    /// Tells every session, present and to come, that the server drains.
    pub fn drain(&self, deadline: Instant) {
        self.draining.set(Some(deadline));
        // Copied out: a woken session may end and remove itself.
        let controls: Vec<_> = self.sessions.borrow().values().cloned().collect();
        tracing::debug!(sessions = controls.len(), "draining");
        for control in controls {
            control.drain(deadline);
        }
    }
}

impl Registration<'_> {
    /// How the shard reaches the session.
    pub fn control(&self) -> Rc<SessionControl> {
        Rc::clone(&self.control)
    }
}

impl Drop for Registration<'_> {
    fn drop(&mut self) {
        self.manager.sessions.borrow_mut().remove(&self.id);
    }
}
