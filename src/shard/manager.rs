//! Sessions of one shard: a handle for each, by which the shard finds, ends and drains them, and a
//! registration whose Drop removes the session and counts its end. It serves no session itself:
//! [`BridgeSession`] does.

use super::placement::Reservation;
use super::pool::PreAuthPermit;
use crate::bridge::{BridgeSession, Created, Drain, SessionContext, SessionControl};
use crate::error::{LimitKind, Reason, SessionError, Stage};
use crate::http::Upgrade;
use crate::registry::{
    NewSession, OwnedRecord, RecordKey, Registry, RegistryFull, SessionId, State,
};
use crate::runtime;
use crate::telemetry::OwnCounters;
use crate::ws::WsConnection;
use futures_lite::FutureExt;
use std::cell::{Cell, RefCell};
use std::collections::HashMap;
use std::panic::AssertUnwindSafe;
use std::rc::Rc;
use tracing::Instrument as _;

/// Owned by one shard; no other thread touches it.
pub(crate) struct ConnectionManager {
    registry: Registry,
    counters: OwnCounters,
    sessions: RefCell<HashMap<SessionId, SessionHandle>>,
    drain: Cell<Option<Drain>>,
}

/// The manager's handle of a session.
#[derive(Clone)]
struct SessionHandle {
    key: RecordKey,
    control: Rc<SessionControl>,
    is_awaited: Rc<Cell<bool>>,
}

/// Guard of a session's entry at the manager. Drop removes the session and counts its end.
#[must_use = "dropping it removes the session"]
pub(super) struct SessionRegistration {
    manager: Rc<ConnectionManager>,
    record: Rc<OwnedRecord>,
    control: Rc<SessionControl>,
    /// Stage and reason of the end.
    ended: Cell<(Stage, Reason)>,
    /// A drain waits for it.
    is_awaited: Rc<Cell<bool>>,
}

impl ConnectionManager {
    /// A manager without sessions.
    pub(super) fn new(registry: Registry, counters: OwnCounters) -> Self {
        Self {
            registry,
            counters,
            sessions: RefCell::default(),
            drain: Cell::default(),
        }
    }

    /// Registers a session. During a drain it receives the drain at once.
    ///
    /// # Errors
    /// [`RegistryFull`]; nothing is registered then.
    pub(super) fn create_session(
        self: &Rc<Self>,
        session: NewSession,
    ) -> Result<SessionRegistration, RegistryFull> {
        let id = session.id;
        let record = Rc::new(self.registry.insert(session)?);
        let control = Rc::new(SessionControl::default());
        if let Some(drain) = self.drain.get() {
            control.drain(drain);
        }
        let awaited = self.drain.get().is_none_or(|drain| drain.admit);
        let is_awaited = Rc::new(Cell::new(awaited));
        let handle = SessionHandle {
            key: record.key(),
            control: Rc::clone(&control),
            is_awaited: Rc::clone(&is_awaited),
        };
        self.sessions.borrow_mut().insert(id, handle);
        self.counters.started.add(1);
        self.counters.awaited.add(u64::from(awaited));
        self.counters.note_state(None, Some(record.state()));
        Ok(SessionRegistration {
            manager: Rc::clone(self),
            record,
            control,
            // Counted if the session is dropped before it has ended.
            ended: Cell::new((Stage::Auth, Reason::Internal)),
            is_awaited,
        })
    }

    /// Ends a session for an administrator. Returns whether it is here.
    pub(super) fn remove_session(&self, id: SessionId) -> bool {
        let handle = self.sessions.borrow().get(&id).cloned();
        let killed = handle.map(|handle| handle.control.kill(SessionError::Killed));
        killed.is_some()
    }

    /// Ends a session that has not logged in: another connection was given its slot.
    pub(super) fn displace(&self, id: SessionId) {
        let handle = self.sessions.borrow().get(&id).cloned();
        if let Some(handle) = handle
            && matches!(
                self.state(&handle),
                Some(State::Created | State::Connecting)
            )
        {
            handle.control.kill(LimitKind::Unauthenticated.into());
        }
    }

    /// Returns the key of a session's record.
    pub(super) fn session(&self, id: SessionId) -> Option<RecordKey> {
        self.sessions.borrow().get(&id).map(|handle| handle.key)
    }

    /// Returns the keys of all sessions' records, in no order.
    pub(super) fn open_sessions(&self) -> Vec<RecordKey> {
        let sessions = self.sessions.borrow();
        sessions.values().map(|handle| handle.key).collect()
    }

    /// Marks every session that is left as aborted: the shard stops.
    pub(super) fn abort(&self) {
        for handle in self.handles() {
            handle.control.abort();
        }
    }

    /// Drains every session, present and to come.
    pub(super) fn shutdown(&self, drain: Drain) {
        self.drain.set(Some(drain));
        let handles = self.handles();
        tracing::debug!(sessions = handles.len(), "shard draining");
        for handle in handles {
            // A session that has not sent `auth` will be refused, so the drain does not wait for
            // it.
            if !drain.admit
                && self.state(&handle) == Some(State::Created)
                && handle.is_awaited.replace(false)
            {
                self.counters.awaited.sub(1);
            }
            handle.control.drain(drain);
        }
    }

    /// Ends every session there is, for this reason.
    pub(super) fn end_all(&self, reason: &SessionError) {
        for handle in self.handles() {
            handle.control.kill(reason.clone());
        }
    }

    /// Returns a copy of all handles: a woken session may end and remove itself.
    fn handles(&self) -> Vec<SessionHandle> {
        self.sessions.borrow().values().cloned().collect()
    }

    fn state(&self, handle: &SessionHandle) -> Option<State> {
        self.registry.read(handle.key, |record| record.state())
    }
}

impl SessionRegistration {
    /// Returns the session of an upgraded connection, ready to run.
    pub(super) fn session(
        &self,
        upgrade: Upgrade,
        permit: PreAuthPermit,
        ws: WsConnection,
        context: &Rc<SessionContext>,
    ) -> BridgeSession {
        let created = Created {
            permit: (permit.connection, upgrade.ticket),
            login_slot: permit.login_slot,
        };
        BridgeSession::new(
            Rc::clone(context),
            Rc::clone(&self.record),
            Rc::clone(&self.control),
            created,
            upgrade.target,
            ws,
            upgrade.dialect,
        )
    }

    /// Serves the session to its end, in a task of its own. `reservation`: its load on the shard.
    pub(super) fn spawn(self, session: Box<BridgeSession>, reservation: Reservation) {
        let span = session.span().clone();
        let task = async move {
            let _reservation = reservation;
            match AssertUnwindSafe(session.run()).catch_unwind().await {
                Ok(ended) => self.ended.set(ended),
                Err(_) => {
                    tracing::error!(session = %self.record.id(), "the task of a session panicked; please report this")
                }
            }
            // Before the reservation: the load is released once the session is no longer counted.
            drop(self);
        };
        runtime::spawn(task.instrument(span));
    }
}

impl Drop for SessionRegistration {
    fn drop(&mut self) {
        let manager = &self.manager;
        manager.sessions.borrow_mut().remove(&self.record.id());
        let (stage, reason) = self.ended.get();
        manager.counters.note_ending(stage, reason);
        let counters = &manager.counters;
        counters.note_state(Some(self.record.state()), None);
        counters.awaited.sub(u64::from(self.is_awaited.get()));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::registry::SessionRecord;
    use crate::telemetry::Counters;
    use std::net::{IpAddr, Ipv4Addr};
    use std::time::Duration;

    fn manager() -> (Rc<ConnectionManager>, Registry) {
        let registry = Registry::default();
        let counters = Counters::new(1, crate::clock::now()).of_shard(0);
        let manager = ConnectionManager::new(registry.clone(), counters);
        (Rc::new(manager), registry)
    }

    fn session() -> NewSession {
        NewSession {
            id: SessionId::random().unwrap(),
            shard: 0,
            client: IpAddr::V4(Ipv4Addr::LOCALHOST),
            target: "db".to_owned(),
        }
    }

    fn drain(admit: bool) -> Drain {
        let deadline = crate::clock::now() + Duration::from_secs(9);
        Drain { deadline, admit }
    }

    #[test]
    fn a_session_is_found_by_its_id_until_it_ends() {
        let (manager, registry) = manager();
        let (one, two) = (session(), session());
        let (first, second) = (one.id, two.id);
        let registration = manager.create_session(one).unwrap();
        let other = manager.create_session(two).unwrap();
        assert_eq!(manager.open_sessions().len(), 2);
        let key = manager.session(first).unwrap();
        assert!(manager.open_sessions().contains(&key));
        assert_eq!(registry.read(key, |record| record.id()), Some(first));

        drop(registration);
        assert_eq!(manager.session(first), None);
        assert_eq!(registry.read(key, |record| record.id()), None);
        assert!(!manager.remove_session(first));
        assert!(manager.remove_session(second));
        drop(other);
        assert_eq!(manager.open_sessions().len(), 0);
    }

    #[test]
    fn a_detached_session_is_listed_with_its_last_client_and_can_be_ended() {
        let (manager, registry) = manager();
        let registration = manager.create_session(session()).unwrap();
        let id = registration.record.id();
        let last = IpAddr::from([192, 0, 2, 9]);
        registration.record.set_client(last);
        registration.record.set_state(State::Detached);
        let [key] = manager.open_sessions()[..] else {
            panic!("one session is listed");
        };
        let look = |record: &SessionRecord| (record.id(), record.state_since(), record.client_ip());
        let (listed, (state, since), client) = registry.read(key, look).unwrap();
        assert_eq!((listed, state, client), (id, State::Detached, last));
        assert!(since <= registration.record.duration(crate::clock::now()));
        // Logged in, so not displaced.
        manager.displace(id);
        assert!(registration.control.take_kill().is_none());
        assert!(manager.remove_session(id));
        let killed = registration.control.take_kill();
        assert!(matches!(killed, Some(SessionError::Killed)));
    }

    #[test]
    fn every_session_is_counted_when_it_starts_and_when_it_ends() {
        let (manager, _) = manager();
        let registration = manager.create_session(session()).unwrap();
        let lost = manager.create_session(session()).unwrap();
        let stats = manager.counters.stats();
        assert_eq!((stats.total, stats.open), (2, 2));
        registration.ended.set((Stage::Auth, Reason::ClientClosed));
        drop((registration, lost));
        let stats = manager.counters.stats();
        assert_eq!((stats.total, stats.open), (2, 0));
        assert_eq!((stats.successful, stats.failed), (1, 1));
    }

    #[test]
    fn a_session_that_comes_while_the_shard_drains_gets_the_drain() {
        let (manager, _) = manager();
        let before = manager.create_session(session()).unwrap();
        let drain = drain(true);
        manager.shutdown(drain);
        let after = manager.create_session(session()).unwrap();
        for registration in [before, after] {
            assert_eq!(registration.control.take_drain(), Some(drain));
        }
    }

    #[test]
    fn a_drain_waits_for_sessions_past_auth_and_for_those_it_admits() {
        for (admit, waited_for) in [(true, 3), (false, 1)] {
            let (manager, _) = manager();
            let awaited = || manager.counters.awaited.get();
            let before = manager.create_session(session()).unwrap();
            before.record.set_state(State::Connecting);
            let silent = manager.create_session(session()).unwrap();
            manager.shutdown(drain(admit));
            let after = manager.create_session(session()).unwrap();
            assert_eq!(awaited(), waited_for, "{admit}");
            drop((silent, after));
            assert_eq!(awaited(), 1, "{admit}");
            drop(before);
            assert_eq!(awaited(), 0, "{admit}");
        }
    }
}
