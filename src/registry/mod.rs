//! The registry: one small record per session of the process, written by its owner, read from any
//! thread without a lock.
//!
//! Records live in a `sharded_slab::Slab`: inserted and removed on the owner's thread, read by key
//! from any. The slab offers no iteration to readers, so that each shard keeps the keys of its own
//! sessions. A key is never made from client input: a forged one races the slab's page allocation.

mod id;
mod location;
mod record;

pub use id::SessionId;
pub use location::{Instance, InstanceId, SessionLocation};
pub use record::{NewSession, SessionRecord, State};

use sharded_slab::{OwnedEntry, Slab};
use std::ops::Deref;
use std::sync::Arc;

/// Key of a record. Only [`Registry::insert`] makes one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RecordKey(usize);

/// The slab has no room for another record on this thread.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the registry of sessions is full")]
pub struct RegistryFull;

/// The records of all sessions of a process. Cheap to clone.
#[derive(Debug, Clone, Default)]
pub struct Registry {
    slab: Arc<Slab<SessionRecord>>,
    instance: Arc<Instance>,
}

impl Registry {
    /// A registry of this process, without sessions.
    pub fn new(instance: Instance) -> Self {
        Self {
            slab: Arc::default(),
            instance: Arc::new(instance),
        }
    }

    /// Process that owns the sessions.
    pub fn instance(&self) -> &Instance {
        &self.instance
    }

    /// Returns the location of a record's session.
    pub fn location(&self, record: &SessionRecord) -> SessionLocation {
        self.instance.location(record.shard())
    }

    /// Inserts the record of a session, on the thread of its shard.
    ///
    /// # Errors
    /// [`RegistryFull`]; no limit on connections can be so large.
    pub fn insert(&self, session: NewSession) -> Result<OwnedRecord, RegistryFull> {
        let key = self
            .slab
            .insert(SessionRecord::new(session))
            .ok_or(RegistryFull)?;
        let record = Arc::clone(&self.slab).get_owned(key).ok_or(RegistryFull)?;
        Ok(OwnedRecord {
            registry: self.clone(),
            key: RecordKey(key),
            record,
        })
    }

    /// Reads a record; `None` if its session has ended, also where its slot was reused.
    pub fn read<T>(&self, key: RecordKey, look: impl FnOnce(&SessionRecord) -> T) -> Option<T> {
        self.slab.get(key.0).map(|record| look(&record))
    }
}

/// Owning handle of a record; Drop removes it from the registry.
#[must_use = "dropping it removes the record"]
pub struct OwnedRecord {
    registry: Registry,
    key: RecordKey,
    record: OwnedEntry<SessionRecord>,
}

impl OwnedRecord {
    /// Key for readers.
    pub fn key(&self) -> RecordKey {
        self.key
    }
}

impl Deref for OwnedRecord {
    type Target = SessionRecord;

    fn deref(&self) -> &SessionRecord {
        &self.record
    }
}

impl Drop for OwnedRecord {
    fn drop(&mut self) {
        self.registry.slab.remove(self.key.0);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    pub(super) fn session() -> NewSession {
        NewSession {
            id: SessionId::random().unwrap(),
            shard: 0,
            client: [192, 0, 2, 7].into(),
            target: "db".to_owned(),
        }
    }

    #[test]
    fn a_record_is_read_from_another_thread_until_its_owner_is_dropped() {
        let registry = Registry::default();
        let entry = registry.insert(session()).unwrap();
        let (id, key) = (entry.id(), entry.key());
        entry.set_traffic(3, 5);
        let read = || registry.read(key, |record| (record.id(), record.traffic()));
        let elsewhere = std::thread::scope(|scope| scope.spawn(read).join().unwrap());
        assert_eq!(elsewhere, Some((id, (3, 5))));
        drop(entry);
        assert_eq!(read(), None);
    }

    #[test]
    fn the_location_of_a_session_is_its_process_and_its_shard() {
        let instance = Instance::random("edge-1".to_owned()).unwrap();
        let registry = Registry::new(instance.clone());
        let at = |shard| NewSession { shard, ..session() };
        for shard in 0..2 {
            let entry = registry.insert(at(shard)).unwrap();
            assert_eq!(registry.location(&entry), instance.location(shard));
        }
    }

    #[test]
    fn the_key_of_an_ended_session_does_not_find_its_successor() {
        let registry = Registry::default();
        let first = registry.insert(session()).unwrap();
        let old = first.key();
        drop(first);
        for _ in 0..100 {
            let next = registry.insert(session()).unwrap();
            assert_ne!(next.key(), old);
            assert_eq!(registry.read(old, SessionRecord::id), None);
        }
    }

    #[test]
    fn a_record_may_be_removed_while_it_is_read() {
        let registry = Registry::default();
        let entry = registry.insert(session()).unwrap();
        let (id, key) = (entry.id(), entry.key());
        let seen = registry.read(key, |record| {
            drop(entry);
            record.id()
        });
        assert_eq!(seen, Some(id));
        assert_eq!(registry.read(key, SessionRecord::id), None);
    }
}
