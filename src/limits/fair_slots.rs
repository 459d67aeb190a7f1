//! A bounded number of slots, shared fairly between clients: when none is free, the client with the
//! most slots loses its oldest one. Of several with as many, it is the one whose slot is the oldest
//! of all.
//!
//! So a new connection always gets a slot, and a client that floods displaces its own. For one
//! thread; finding the largest holder is logarithmic in the number of holders. Does not use the
//! clock, and does not wait.

use super::key::ClientKey;
use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet, HashMap};

/// Holder that a slot is counted for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
enum Holder {
    /// Client network, with all its slots.
    Client(ClientKey),
    /// Unknown client behind a proxy: the slot counts by itself until [`FairSlots::assign`].
    Unknown(SlotId),
}

/// Identifier of a slot; older ones are lower.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct SlotId(u64);

/// Taken slots, each with a value of type `T`, which a displaced slot returns.
#[derive(Debug)]
pub struct FairSlots<T> {
    next: u64,
    slots: HashMap<SlotId, (Holder, T)>,
    /// Slots of each holder, oldest first; no holder without slots.
    holders: HashMap<Holder, BTreeSet<SlotId>>,
    /// Holders by the number of their slots and their oldest one: the last one loses its oldest.
    order: BTreeMap<(usize, Reverse<SlotId>), Holder>,
}

impl<T> Default for FairSlots<T> {
    /// No slot taken.
    fn default() -> Self {
        Self {
            next: 0,
            slots: HashMap::new(),
            holders: HashMap::new(),
            order: BTreeMap::new(),
        }
    }
}

impl<T> FairSlots<T> {
    /// Takes a slot for `client` (`None` for one not known yet) of `capacity` in all (at least
    /// one). Returns the displaced values, more than one only if `capacity` was larger before.
    pub fn insert(
        &mut self,
        client: Option<ClientKey>,
        value: T,
        capacity: usize,
    ) -> (SlotId, Vec<T>) {
        let id = SlotId(self.next);
        self.next += 1;
        let holder = client.map_or(Holder::Unknown(id), Holder::Client);
        self.slots.insert(id, (holder, value));
        self.change(holder, |slots| slots.insert(id));
        let mut displaced = Vec::new();
        while self.slots.len() > capacity.max(1) {
            // The new slot counts for its holder, and is never the oldest.
            displaced.extend(self.displace(0));
        }
        (id, displaced)
    }

    /// Removes the oldest slot of the largest holder, if it holds more than this many.
    pub fn displace(&mut self, more_than: usize) -> Option<T> {
        let (count, Reverse(oldest)) = self.order.keys().next_back().copied()?;
        if count <= more_than {
            return None;
        }
        self.remove(oldest)
    }

    /// Returns whether a slot is still taken.
    pub fn contains(&self, id: SlotId) -> bool {
        self.slots.contains_key(&id)
    }

    /// Assigns a slot to a client. Has no effect on one that was displaced.
    pub fn assign(&mut self, id: SlotId, client: ClientKey) {
        let holder = Holder::Client(client);
        let Some((known, _)) = self.slots.get_mut(&id) else {
            return;
        };
        let before = std::mem::replace(known, holder);
        self.change(before, |slots| slots.remove(&id));
        self.change(holder, |slots| slots.insert(id));
    }

    /// Removes a slot; `None` if it was displaced before.
    pub fn remove(&mut self, id: SlotId) -> Option<T> {
        let (holder, value) = self.slots.remove(&id)?;
        self.change(holder, |slots| slots.remove(&id));
        Some(value)
    }

    /// Number of slots that are taken.
    pub fn len(&self) -> usize {
        self.slots.len()
    }

    /// Returns whether no slot is taken.
    pub fn is_empty(&self) -> bool {
        self.slots.is_empty()
    }

    /// Number of slots that a client has taken.
    pub fn held_by(&self, client: ClientKey) -> usize {
        let slots = self.holders.get(&Holder::Client(client));
        slots.map_or(0, BTreeSet::len)
    }

    /// Changes the slots of a holder, and its position in the order.
    fn change(&mut self, holder: Holder, change: impl FnOnce(&mut BTreeSet<SlotId>) -> bool) {
        let slots = self.holders.entry(holder).or_default();
        if let Some(oldest) = slots.first() {
            self.order.remove(&(slots.len(), Reverse(*oldest)));
        }
        change(slots);
        match slots.first() {
            Some(oldest) => {
                self.order.insert((slots.len(), Reverse(*oldest)), holder);
            }
            None => {
                self.holders.remove(&holder);
            }
        }
    }
}

#[cfg(all(test, not(loom)))]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

    use super::*;
    use proptest::prelude::*;
    use std::net::IpAddr;

    fn client(last: u8) -> ClientKey {
        IpAddr::from([192, 0, 2, last]).into()
    }

    /// Slots of these clients, in this order, each with its number; those displaced on the way.
    fn taken(clients: &[u8], capacity: usize) -> (FairSlots<usize>, Vec<SlotId>, Vec<usize>) {
        let mut slots = FairSlots::default();
        let (mut ids, mut displaced) = (Vec::new(), Vec::new());
        for (number, last) in clients.iter().enumerate() {
            let (id, gone) = slots.insert(Some(client(*last)), number, capacity);
            ids.push(id);
            displaced.extend(gone);
        }
        (slots, ids, displaced)
    }

    #[test]
    fn the_largest_holder_loses_its_oldest() {
        for (clients, capacity, expected, held_by_last) in [
            // The flood of 2 displaces 2's alone, 4's second one 2's and then its own; at last all
            // hold one, and the oldest goes.
            (vec![1, 2, 2, 3, 2, 4, 4, 5], 4, vec![1, 2, 5, 0], 1),
            // A client that floods displaces its own.
            (
                [&[1, 2, 3][..], &[9; 1000]].concat(),
                8,
                (3..998).collect(),
                5,
            ),
            // Of many holders of one, the oldest is displaced.
            ((0..100).collect(), 10, (0..90).collect(), 1),
        ] {
            let (slots, _, displaced) = taken(&clients, capacity);
            assert_eq!(displaced, expected, "{capacity}");
            assert_eq!(slots.len(), capacity);
            let last = clients.last().copied().unwrap();
            assert_eq!(slots.held_by(client(last)), held_by_last, "{capacity}");
        }
    }

    #[test]
    fn an_unknown_client_counts_by_itself_until_assigned() {
        let mut slots = FairSlots::default();
        let ids: Vec<SlotId> = (0..4).map(|n| slots.insert(None, n, 5).0).collect();
        let (_, displaced) = slots.insert(Some(client(1)), 4, 5);
        assert!(displaced.is_empty());
        let (_, displaced) = slots.insert(Some(client(1)), 5, 5);
        assert_eq!(displaced, [4], "one holds two, and the others one each");
        for id in &ids {
            slots.assign(*id, client(7));
        }
        assert_eq!(slots.held_by(client(7)), 4);
        assert_eq!(slots.insert(None, 6, 5).1, [0]);
        slots.assign(ids[0], client(1));
        assert_eq!(slots.held_by(client(1)), 1, "it was displaced");
    }

    #[test]
    fn a_smaller_capacity_displaces_as_many_as_it_takes() {
        let (mut slots, _, _) = taken(&[1, 1, 1, 2, 2, 3], 6);
        let (_, displaced) = slots.insert(Some(client(4)), 6, 3);
        assert_eq!(displaced, [0, 1, 3, 2]);
        assert_eq!(slots.len(), 3);
    }

    proptest! {
        #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

        /// Compared with a plain list: of the largest holders, the one with the oldest slot loses
        /// it.
        #[test]
        fn the_largest_holder_loses_its_oldest_as_in_a_plain_model(
            capacity in 1_usize..6,
            steps in prop::collection::vec((0_u8..5, 0_usize..8), 0..60),
        ) {
            let mut slots = FairSlots::default();
            let mut plain: Vec<(SlotId, Option<u8>)> = Vec::new();
            for (who, what) in steps {
                let at = what % plain.len().max(1);
                match (what, plain.get(at).copied()) {
                    (0, Some((id, _))) => {
                        prop_assert!(slots.remove(id).is_some());
                        plain.remove(at);
                    }
                    (1, Some((id, None))) => {
                        slots.assign(id, client(who));
                        plain[at].1 = Some(who);
                    }
                    _ => {
                        let known = (who > 0).then_some(who);
                        let next = slots.next;
                        let (id, displaced) = slots.insert(known.map(client), next, capacity);
                        plain.push((id, known));
                        let count = |holder: Option<u8>| match holder {
                            Some(_) => plain.iter().filter(|(_, other)| *other == holder).count(),
                            None => 1,
                        };
                        let most = plain.iter().map(|(_, holder)| count(*holder)).max();
                        let first = plain.iter().position(|(_, holder)| Some(count(*holder)) == most);
                        let expected: Vec<u64> = if plain.len() > capacity {
                            vec![plain.remove(first.unwrap()).0.0]
                        } else {
                            Vec::new()
                        };
                        prop_assert_eq!(displaced, expected);
                    }
                }
                prop_assert_eq!(slots.len(), plain.len());
                prop_assert_eq!(slots.order.len(), slots.holders.len());
            }
        }
    }
}
