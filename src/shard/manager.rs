//! The sessions of one shard: their handles, their records in the registry, and their counters.

use super::placement::Reservation;
use super::pool::PreAuthPermit;
use crate::bridge::{
    BridgeSession, Created, Drain, SessionContext, SessionControl, SessionStart, SessionSummary,
    Ticketed,
};
use crate::error::{LimitKind, Reason, SessionError, Stage};
use crate::http::Upgrade;
use crate::limits::{LimitTable, TargetKey};
use crate::registry::{Entry, NewSession, RecordKey, Registry, RegistryFull, SessionId, State};
use crate::runtime;
use crate::telemetry::{OwnCounters, SessionStats};
use crate::ws::WsConnection;
use futures_lite::FutureExt;
use std::cell::{Cell, RefCell};
use std::collections::HashMap;
use std::panic::AssertUnwindSafe;
use std::rc::Rc;
use std::sync::Arc;

/// Owned by one shard; no other thread touches it.
pub struct ConnectionManager {
    registry: Registry,
    limits: Arc<LimitTable>,
    counters: OwnCounters,
    sessions: RefCell<HashMap<SessionId, Handle>>,
    drain: Cell<Option<Drain>>,
}

/// What the manager keeps of a session.
struct Handle {
    key: RecordKey,
    control: Rc<SessionControl>,
    is_awaited: Rc<Cell<bool>>,
}

/// Registration of a session with its manager. Drop removes the session and counts its end.
#[must_use = "dropping it removes the session"]
pub struct Registration {
    manager: Rc<ConnectionManager>,
    record: Rc<Entry>,
    control: Rc<SessionControl>,
    ended: Cell<(Stage, Reason)>,
    /// A drain waits for it.
    is_awaited: Rc<Cell<bool>>,
}

impl ConnectionManager {
    /// A manager without sessions.
    pub fn new(registry: Registry, limits: Arc<LimitTable>, counters: OwnCounters) -> Self {
        Self {
            registry,
            limits,
            counters,
            sessions: RefCell::default(),
            drain: Cell::default(),
        }
    }

    /// Enters a session. One that comes while the shard drains starts draining at once.
    ///
    /// # Errors
    /// [`RegistryFull`]; nothing is entered then.
    pub fn create_session(
        self: &Rc<Self>,
        session: NewSession,
    ) -> Result<Registration, RegistryFull> {
        let id = session.id;
        let record = Rc::new(self.registry.insert(session)?);
        let control = Rc::new(SessionControl::default());
        if let Some(drain) = self.drain.get() {
            control.drain(drain);
        }
        let awaited = self.drain.get().is_none_or(|drain| drain.admit);
        let is_awaited = Rc::new(Cell::new(awaited));
        let handle = Handle {
            key: record.key(),
            control: Rc::clone(&control),
            is_awaited: Rc::clone(&is_awaited),
        };
        self.sessions.borrow_mut().insert(id, handle);
        self.counters.started.add(1);
        self.counters.awaited.add(u64::from(awaited));
        self.counters.note_state(None, Some(record.state()));
        Ok(Registration {
            manager: Rc::clone(self),
            record,
            control,
            // What is counted if the session is dropped without a word.
            ended: Cell::new((Stage::Auth, Reason::Internal)),
            is_awaited,
        })
    }

    /// Makes the session of an upgraded connection, ready to run.
    pub fn initialize_session(
        &self,
        registration: &Registration,
        upgrade: Upgrade<PreAuthPermit>,
        ws: WsConnection,
        context: &Rc<SessionContext>,
    ) -> BridgeSession {
        BridgeSession::new(SessionStart {
            record: Rc::clone(&registration.record),
            dialect: upgrade.dialect,
            target: upgrade.target,
            created: Created {
                admission: Ticketed {
                    admission: upgrade.permit.admission,
                    ticket: upgrade.ticket,
                },
                login_slot: upgrade.permit.login_slot,
            },
            ws,
            context: Rc::clone(context),
            control: Rc::clone(&registration.control),
        })
    }

    /// Ends a session on an administrator's word. Whether it is here.
    pub fn remove_session(&self, id: SessionId) -> bool {
        let control = self.sessions.borrow().get(&id).map(Handle::control);
        control
            .inspect(|control| control.kill(SessionError::Killed))
            .is_some()
    }

    /// Ends a session that has not logged in: its place in the pool is another's.
    pub fn displace(&self, id: SessionId) {
        let sessions = self.sessions.borrow();
        let Some(handle) = sessions.get(&id) else {
            return;
        };
        let state = self.registry.read(handle.key, |record| record.state());
        if matches!(state, Some(State::Created | State::Connecting)) {
            handle.control.kill(LimitKind::Unauthenticated.into());
        }
    }

    /// Where the record of a session is.
    pub fn session(&self, id: SessionId) -> Option<RecordKey> {
        self.sessions.borrow().get(&id).map(|handle| handle.key)
    }

    /// Where the records of all sessions are, in no order.
    pub fn active_sessions(&self) -> Vec<RecordKey> {
        self.sessions
            .borrow()
            .values()
            .map(|handle| handle.key)
            .collect()
    }

    /// Sessions there are now.
    pub fn active_session_count(&self) -> usize {
        self.sessions.borrow().len()
    }

    /// Connections to a target, those of all shards.
    pub fn host_connection_count(&self, target: TargetKey) -> u32 {
        self.limits.target_count(target)
    }

    /// How the sessions of this shard went so far.
    pub fn stats(&self) -> SessionStats {
        self.counters.stats()
    }

    /// Marks every session that is left as aborted: the shard stops.
    pub fn abort(&self) {
        for handle in self.sessions.borrow().values() {
            handle.control.abort();
        }
    }

    /// Tells every session, present and to come, that the server drains.
    pub fn shutdown(&self, drain: Drain) {
        self.drain.set(Some(drain));
        if !drain.admit {
            self.await_no_created_sessions();
        }
        let controls = self.controls();
        tracing::debug!(sessions = controls.len(), "draining");
        for control in controls {
            control.drain(drain);
        }
    }

    /// Controls of all sessions, copied out: a woken session may end and remove itself.
    fn controls(&self) -> Vec<Rc<SessionControl>> {
        self.sessions
            .borrow()
            .values()
            .map(Handle::control)
            .collect()
    }

    /// Excludes sessions that have not sent `auth` yet from those a drain waits for: they will be
    /// refused.
    fn await_no_created_sessions(&self) {
        for handle in self.sessions.borrow().values() {
            let state = self.registry.read(handle.key, |record| record.state());
            if state == Some(State::Created) && handle.is_awaited.replace(false) {
                self.counters.awaited.sub(1);
            }
        }
    }

    /// Ends every session there is, for this reason.
    pub fn end_all(&self, reason: &SessionError) {
        for control in self.controls() {
            control.kill(reason.clone());
        }
    }
}

impl Handle {
    fn control(&self) -> Rc<SessionControl> {
        Rc::clone(&self.control)
    }
}

impl Registration {
    /// Serves the session to its end, in a task of its own. `reservation`: its place on the shard.
    pub(super) fn spawn(self, session: Box<BridgeSession>, reservation: Reservation) {
        runtime::spawn(async move {
            let _place = reservation;
            match AssertUnwindSafe(session.run()).catch_unwind().await {
                Ok(summary) => self.end(summary),
                Err(_) => tracing::error!("the task of a session panicked"),
            }
        });
    }

    /// Takes what is counted of the session: how it ended.
    fn end(self, summary: SessionSummary) {
        self.ended.set((summary.stage, summary.reason));
    }
}

impl Drop for Registration {
    fn drop(&mut self) {
        let manager = &self.manager;
        manager.sessions.borrow_mut().remove(&self.record.id());
        let (stage, reason) = self.ended.get();
        manager.counters.note_ending(stage, reason);
        let last: State = self.record.state();
        manager.counters.note_state(Some(last), None);
        manager
            .counters
            .awaited
            .sub(u64::from(self.is_awaited.get()));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::limits::Limits;
    use crate::registry::SessionRecord;
    use crate::telemetry::Counters;
    use std::net::{IpAddr, Ipv4Addr};
    use std::time::Duration;

    fn manager() -> (Rc<ConnectionManager>, Registry) {
        let limits = Limits {
            max_connections: 2,
            max_per_target: 2,
            max_unauthenticated: 2,
            max_per_client: 0,
        };
        let registry = Registry::default();
        let counters = Counters::new(1, crate::clock::now()).of_shard(0);
        let limits = LimitTable::new(limits, 2);
        (
            Rc::new(ConnectionManager::new(registry.clone(), limits, counters)),
            registry,
        )
    }

    fn session() -> NewSession {
        NewSession {
            id: SessionId::random().unwrap(),
            shard: 0,
            client: IpAddr::V4(Ipv4Addr::LOCALHOST),
            target: "db".to_owned(),
        }
    }

    #[test]
    fn a_session_is_found_by_its_id_until_it_ends() {
        let (manager, registry) = manager();
        let (one, two) = (session(), session());
        let (first, second) = (one.id, two.id);
        let registration = manager.create_session(one).unwrap();
        let other = manager.create_session(two).unwrap();
        assert_eq!(manager.active_session_count(), 2);
        let key = manager.session(first).unwrap();
        assert!(manager.active_sessions().contains(&key));
        assert_eq!(registry.read(key, |record| record.id()), Some(first));

        registration.end(SessionSummary {
            reason: Reason::Exit,
            stage: Stage::Relay,
        });
        assert_eq!(manager.session(first), None);
        assert_eq!(registry.read(key, |record| record.id()), None);
        assert!(!manager.remove_session(first));
        assert!(manager.remove_session(second));
        drop(other);
        assert_eq!(manager.active_session_count(), 0);
    }

    #[test]
    fn a_session_without_a_client_is_listed_with_its_last_one_and_can_be_ended() {
        let (manager, registry) = manager();
        let registration = manager.create_session(session()).unwrap();
        let id = registration.record.id();
        let last = IpAddr::from([192, 0, 2, 9]);
        registration.record.set_client(last);
        registration.record.set_state(State::Detached);
        let [key] = manager.active_sessions()[..] else {
            panic!("one session is listed");
        };
        let look = |record: &SessionRecord| (record.id(), record.state_since(), record.client_ip());
        let (listed, (state, since), client) = registry.read(key, look).unwrap();
        assert_eq!((listed, state, client), (id, State::Detached, last));
        assert!(since <= registration.record.duration(crate::clock::now()));
        // One that has logged in is nobody's to displace.
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
        let stats = manager.stats();
        assert_eq!((stats.total, stats.active), (2, 2));
        registration.end(SessionSummary {
            reason: Reason::ClientClosed,
            stage: Stage::Auth,
        });
        drop(lost);
        let stats = manager.stats();
        assert_eq!((stats.total, stats.active), (2, 0));
        assert_eq!((stats.successful, stats.failed), (1, 1));
    }

    #[test]
    fn a_refused_entry_leaves_nothing() {
        let target = TargetKey::from(std::net::SocketAddr::from(([127, 0, 0, 1], 22)));
        let (manager, _) = manager();
        let place = manager.limits.admit(Ipv4Addr::LOCALHOST.into()).unwrap();
        let permit = place.target(target).unwrap();
        assert_eq!(manager.host_connection_count(target), 1);
        drop(permit);
        assert_eq!(manager.host_connection_count(target), 0);
    }

    #[test]
    fn who_comes_while_it_drains_is_told_too() {
        let (manager, _) = manager();
        let before = manager.create_session(session()).unwrap();
        let drain = Drain {
            deadline: crate::clock::now() + Duration::from_secs(9),
            admit: true,
        };
        manager.shutdown(drain);
        let after = manager.create_session(session()).unwrap();
        for registration in [before, after] {
            assert_eq!(registration.control.take_drain(), Some(drain));
        }
    }

    #[test]
    fn a_drain_waits_for_those_that_it_found_at_work_and_those_it_lets_in() {
        for (admit, waited_for) in [(true, 3), (false, 1)] {
            let (manager, _) = manager();
            let awaited = || manager.counters.awaited.get();
            let before = manager.create_session(session()).unwrap();
            before.record.set_state(State::Connecting);
            let silent = manager.create_session(session()).unwrap();
            let deadline = crate::clock::now() + Duration::from_secs(9);
            manager.shutdown(Drain { deadline, admit });
            let after = manager.create_session(session()).unwrap();
            assert_eq!(awaited(), waited_for, "{admit}");
            drop((silent, after));
            assert_eq!(awaited(), 1, "{admit}");
            drop(before);
            assert_eq!(awaited(), 0, "{admit}");
        }
    }
}
