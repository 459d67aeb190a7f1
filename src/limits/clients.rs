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
//! Does not bound the number of clients, wait for a slot, or count a connection that came while the
//! limit was off.

use std::collections::HashMap;

use super::Refused;
use super::key::ClientKey;
use super::striped::{STRIPES, Striped};

/// Counts of the clients of one stripe.
struct Counts {
    /// 0 is off.
    limit: u32,
    held: HashMap<ClientKey, u32>,
}

/// Connections per client.
pub(super) struct Clients {
    stripes: Striped<Counts>,
}

impl Clients {
    /// No connections; at most `limit` for each client, 0 for no limit.
    pub(super) fn new(limit: u32) -> Self {
        Self {
            stripes: Striped::new(STRIPES, || Counts {
                limit,
                held: HashMap::new(),
            }),
        }
    }

    /// Takes a slot of `key`, to be given back with [`Clients::leave`]; returns whether it did, or
    /// else the limit is off.
    ///
    /// # Errors
    /// [`Refused::Client`]: the client holds as many as it may.
    pub(super) fn enter(&self, key: ClientKey) -> Result<bool, Refused> {
        let mut counts = self.stripes.lock(self.stripes.hash(key));
        if counts.limit == 0 {
            return Ok(false);
        }
        let held = counts.held.get(&key).copied().unwrap_or(0);
        if held >= counts.limit {
            return Err(Refused::Client);
        }
        counts.held.insert(key, held + 1);
        Ok(true)
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
    pub(super) fn set_limit(&self, limit: u32) {
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
        let slots = Clients::new(1);
        for number in 0..100 {
            assert_eq!(slots.enter(client(number)), Ok(true));
            assert_eq!(slots.enter(client(number)), Err(Refused::Client));
        }
        slots.leave(client(7));
        assert_eq!(slots.enter(client(7)), Ok(true));
        assert_eq!(slots.enter(client(8)), Err(Refused::Client));
    }

    #[test]
    fn a_client_without_connections_has_no_entry() {
        let slots = Clients::new(2);
        for number in 0..100 {
            assert_eq!(slots.enter(client(number)), Ok(true));
            assert_eq!(slots.enter(client(number)), Ok(true));
            slots.leave(client(number));
            slots.leave(client(number));
        }
        let mut stripes = slots.stripes.lock_each();
        assert!(stripes.all(|counts| counts.held.is_empty()));
    }

    #[test]
    fn without_a_limit_nothing_is_counted() {
        let slots = Clients::new(0);
        assert_eq!(slots.enter(client(1)), Ok(false));
        slots.set_limit(1);
        assert_eq!(slots.enter(client(1)), Ok(true));
        assert_eq!(slots.enter(client(1)), Err(Refused::Client));
        slots.set_limit(0);
        assert_eq!(slots.enter(client(1)), Ok(false));
    }
}
