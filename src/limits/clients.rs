//! How many connections each client network holds. Off while the limit is 0.
//!
//! A map behind a mutex, split into parts, and not atomics like the targets: it is
//! touched twice in the life of a connection, the lock is held for one map
//! operation, and clients are too many and too short-lived for a fixed table.
//! Does NOT count a connection that came while the limit was off.
#![allow(clippy::disallowed_types, reason = "see above")]

use std::collections::HashMap;
use std::hash::BuildHasher;

use super::key::ClientKey;
use super::layout::Layout;
use super::sync::{KeyHasher, Mutex, lock};

/// Enough that two shards rarely meet on one lock.
const PARTS: usize = 16;

/// The limit stands inside each lock, so that it can't change between look and take.
struct Part {
    limit: u32,
    counts: HashMap<ClientKey, u32>,
}

/// The client networks that hold connections. Grows with the connections that are
/// open, not with those that ever were.
pub(super) struct Clients<L: Layout> {
    hasher: KeyHasher,
    parts: [L::Of<Mutex<Part>>; PARTS],
}

/// What became of a connection that asked for its client's place.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Entry {
    /// A place was taken and has to be given back with [`Clients::release`].
    Counted,
    /// The limit is off; nothing was taken.
    Off,
    /// The client holds as many as it may.
    Full,
}

impl<L: Layout> Clients<L> {
    /// Nobody counted; `limit` connections for each client, 0 for no limit.
    pub(super) fn new(limit: u32) -> Self {
        let part = |_| {
            let counts = HashMap::new();
            Mutex::new(Part { limit, counts }).into()
        };
        Self {
            hasher: KeyHasher::default(),
            parts: std::array::from_fn(part),
        }
    }

    /// Takes a place for `client` if the limit is on and there is one.
    pub(super) fn enter(&self, client: ClientKey) -> Entry {
        self.with(client, |part| {
            if part.limit == 0 {
                return Entry::Off;
            }
            let held = part.counts.get(&client).copied().unwrap_or(0);
            if held >= part.limit {
                return Entry::Full;
            }
            part.counts.insert(client, held + 1);
            Entry::Counted
        })
    }

    /// Gives back a place that [`Clients::enter`] counted.
    pub(super) fn release(&self, client: ClientKey) {
        self.with(client, |part| {
            let held = part.counts.get_mut(&client);
            debug_assert!(held.is_some(), "a client's place was given back twice");
            match held {
                Some(count) if *count > 1 => *count -= 1,
                _ => {
                    part.counts.remove(&client);
                }
            }
        });
    }

    /// Sets a new limit for every client. Places taken stay taken.
    pub(super) fn set_limit(&self, limit: u32) {
        for part in &self.parts {
            lock(part).limit = limit;
        }
    }

    #[allow(clippy::indexing_slicing, reason = "taken modulo the length")]
    fn with<R>(&self, client: ClientKey, work: impl FnOnce(&mut Part) -> R) -> R {
        let pick = (self.hasher.hash_one(client) as usize) % PARTS;
        work(&mut lock(&self.parts[pick]))
    }
}

#[cfg(all(test, not(loom)))]
mod tests {
    use super::super::layout::Padded;
    use super::*;
    use std::net::IpAddr;

    fn client(last: u8) -> ClientKey {
        IpAddr::from([192, 0, 2, last]).into()
    }

    #[test]
    fn each_client_has_its_own_places() {
        let clients = Clients::<Padded>::new(1);
        for last in 0..100 {
            assert_eq!(clients.enter(client(last)), Entry::Counted);
            assert_eq!(clients.enter(client(last)), Entry::Full);
        }
        clients.release(client(7));
        assert_eq!(clients.enter(client(7)), Entry::Counted);
        assert_eq!(clients.enter(client(8)), Entry::Full);
    }

    #[test]
    fn nothing_is_kept_about_clients_that_left() {
        let clients = Clients::<Padded>::new(2);
        for last in 0..100 {
            assert_eq!(clients.enter(client(last)), Entry::Counted);
            assert_eq!(clients.enter(client(last)), Entry::Counted);
            clients.release(client(last));
            clients.release(client(last));
        }
        assert!(
            clients
                .parts
                .iter()
                .all(|part| lock(part).counts.is_empty())
        );
    }

    #[test]
    fn zero_turns_the_limit_off() {
        let clients = Clients::<Padded>::new(0);
        assert_eq!(clients.enter(client(1)), Entry::Off);
        clients.set_limit(1);
        assert_eq!(clients.enter(client(1)), Entry::Counted);
        assert_eq!(clients.enter(client(1)), Entry::Full);
    }
}
