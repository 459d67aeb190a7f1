//! Connections held per client network, every client under the same limit.
//!
//! A map from client to count, striped over several locks (`striped`). It guarantees that
//! 1. the check of the limit and the increment are one step, so that a count never passes the
//!    limit;
//! 2. once [`Clients::set_limit`] has returned, no connection enters under the old limit, because
//!    each stripe holds the limit beside its counts;
//! 3. a client without connections has no entry, so that memory follows the connections that are
//!    open.
//!
//! Does NOT bound the number of clients, wait for a slot, or count a connection that came while the
//! limit was off.

use std::collections::HashMap;

use super::key::ClientKey;
use super::striped::{STRIPES, Striped};

/// Counts of the clients of one stripe.
struct Counts {
    limit: Option<u32>,
    held: HashMap<ClientKey, u32>,
}

/// Connections per client.
pub(super) struct Clients {
    stripes: Striped<Counts>,
}

/// Answer to a connection that asks for a slot of its client.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Entry {
    /// A slot was taken, to be given back with [`Clients::leave`].
    Taken,
    /// The limit is off; nothing was taken.
    Off,
    /// The client holds as many as it may.
    Full,
}

impl Clients {
    /// No connections; at most `limit` for each client, `None` for no limit.
    pub(super) fn new(limit: Option<u32>) -> Self {
        Self {
            stripes: Striped::new(STRIPES, || Counts {
                limit,
                held: HashMap::new(),
            }),
        }
    }

    /// Takes a slot of `key` if the limit is on and not reached.
    pub(super) fn enter(&self, key: ClientKey) -> Entry {
        let mut counts = self.stripes.lock(self.stripes.hash(key));
        let Some(limit) = counts.limit else {
            return Entry::Off;
        };
        let held = counts.held.get(&key).copied().unwrap_or(0);
        if held >= limit {
            return Entry::Full;
        }
        counts.held.insert(key, held + 1);
        Entry::Taken
    }

    /// Gives back a slot that [`Clients::enter`] has taken.
    pub(super) fn leave(&self, key: ClientKey) {
        let mut counts = self.stripes.lock(self.stripes.hash(key));
        let held = counts.held.get_mut(&key);
        debug_assert!(held.is_some(), "a slot was given back twice");
        match held {
            Some(count) if *count > 1 => *count -= 1,
            _ => {
                counts.held.remove(&key);
            }
        }
    }

    /// Sets a new limit for every client. Slots that are taken stay taken, also those above it.
    pub(super) fn set_limit(&self, limit: Option<u32>) {
        self.stripes
            .lock_each()
            .for_each(|mut counts| counts.limit = limit);
    }
}

#[cfg(all(test, not(loom)))]
mod tests {
    use super::*;
    use std::net::{IpAddr, Ipv4Addr};

    fn client(number: u8) -> ClientKey {
        IpAddr::V4(Ipv4Addr::new(198, 51, 100, number)).into()
    }

    #[test]
    fn each_client_has_its_own_slots() {
        let slots = Clients::new(Some(1));
        for number in 0..100 {
            assert_eq!(slots.enter(client(number)), Entry::Taken);
            assert_eq!(slots.enter(client(number)), Entry::Full);
        }
        slots.leave(client(7));
        assert_eq!(slots.enter(client(7)), Entry::Taken);
        assert_eq!(slots.enter(client(8)), Entry::Full);
    }

    #[test]
    fn a_client_without_connections_has_no_entry() {
        let slots = Clients::new(Some(2));
        for number in 0..100 {
            assert_eq!(slots.enter(client(number)), Entry::Taken);
            assert_eq!(slots.enter(client(number)), Entry::Taken);
            slots.leave(client(number));
            slots.leave(client(number));
        }
        assert!(
            slots
                .stripes
                .lock_each()
                .all(|counts| counts.held.is_empty())
        );
    }

    #[test]
    fn no_limit_counts_nothing_and_zero_admits_nobody() {
        let slots = Clients::new(None);
        assert_eq!(slots.enter(client(1)), Entry::Off);
        slots.set_limit(Some(1));
        assert_eq!(slots.enter(client(1)), Entry::Taken);
        assert_eq!(slots.enter(client(1)), Entry::Full);
        slots.set_limit(Some(0));
        assert_eq!(slots.enter(client(2)), Entry::Full);
    }
}
