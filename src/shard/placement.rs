//! Which shard serves a connection. The kernel's SO_REUSEPORT hash leaves
//! long-lived sessions unbalanced, so a place is reserved on the least loaded
//! shard, once per connection.

use crate::config;
use crossbeam_utils::CachePadded;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

/// The load of every shard: connections reserved or served.
#[derive(Debug)]
pub struct Placement {
    loads: Box<[CachePadded<AtomicUsize>]>,
    mode: config::Placement,
}

/// A place on a shard, given back by Drop.
#[must_use = "dropping it gives the place back"]
#[derive(Debug)]
pub struct Reservation {
    placement: Arc<Placement>,
    shard: usize,
}

impl Placement {
    /// No load on any of `shards` (at least one).
    pub fn new(shards: usize, mode: config::Placement) -> Arc<Self> {
        let loads = (0..shards.max(1)).map(|_| CachePadded::default()).collect();
        Arc::new(Self { loads, mode })
    }

    /// A place for a connection that shard `accepting` accepted. Balanced, it
    /// is on no shard that `is_stuck`, for that would never serve it.
    pub fn reserve(
        self: &Arc<Self>,
        accepting: usize,
        is_stuck: impl Fn(usize) -> bool,
    ) -> Reservation {
        let shard = match self.mode {
            config::Placement::Kernel => {
                self.add(accepting);
                accepting
            }
            config::Placement::Balanced => self.reserve_least(accepting, is_stuck),
        };
        Reservation {
            placement: Arc::clone(self),
            shard,
        }
    }

    /// A place on exactly this shard.
    pub fn reserve_on(self: &Arc<Self>, shard: usize) -> Reservation {
        self.add(shard);
        Reservation {
            placement: Arc::clone(self),
            shard,
        }
    }

    fn add(&self, shard: usize) {
        if let Some(load) = self.loads.get(shard) {
            load.fetch_add(1, Ordering::AcqRel);
        }
    }

    /// Looks and takes in one step: if the least loaded shard has changed
    /// since the look, look again. A tie goes to the accepting shard, which
    /// saves the hand-over.
    fn reserve_least(&self, accepting: usize, is_stuck: impl Fn(usize) -> bool) -> usize {
        loop {
            let least = self
                .loads
                .iter()
                .enumerate()
                // Whoever accepts turns.
                .filter(|(shard, _)| *shard == accepting || !is_stuck(*shard))
                .map(|(shard, load)| (load.load(Ordering::Acquire), shard != accepting, shard))
                .min();
            let Some((seen, _, shard)) = least else {
                return accepting;
            };
            let Some(load) = self.loads.get(shard) else {
                return accepting;
            };
            let taken = load.compare_exchange(seen, seen + 1, Ordering::AcqRel, Ordering::Acquire);
            if taken.is_ok() {
                return shard;
            }
        }
    }

    /// Connections per shard, now.
    pub fn loads(&self) -> Vec<usize> {
        let load = |l: &CachePadded<AtomicUsize>| l.load(Ordering::Acquire);
        self.loads.iter().map(load).collect()
    }
}

impl Reservation {
    /// The shard.
    pub fn shard(&self) -> usize {
        self.shard
    }
}

impl Drop for Reservation {
    fn drop(&mut self) {
        if let Some(load) = self.placement.loads.get(self.shard) {
            let before = load.fetch_sub(1, Ordering::AcqRel);
            debug_assert!(before > 0, "a place was given back twice");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn balanced_keeps_shards_within_one_whoever_accepts() {
        let placement = Placement::new(3, config::Placement::Balanced);
        let mut held = Vec::new();
        for round in 0..100 {
            held.push(placement.reserve(round % 2, |_| false));
            let loads = placement.loads();
            let spread = loads.iter().max().zip(loads.iter().min());
            assert!(spread.is_some_and(|(max, min)| max - min <= 1), "{loads:?}");
        }
        drop(held);
        assert_eq!(placement.loads(), [0, 0, 0]);
    }

    #[test]
    fn a_stuck_shard_gets_nothing_from_the_others() {
        let placement = Placement::new(3, config::Placement::Balanced);
        let held: Vec<_> = (0..6)
            .map(|n| placement.reserve(n % 2, |shard| shard == 2))
            .collect();
        assert_eq!(placement.loads(), [3, 3, 0]);
        let own = placement.reserve(2, |_| true);
        assert_eq!(own.shard(), 2, "it accepts, so it turns");
        drop(held);
    }

    #[test]
    fn two_threads_at_once_stay_within_one() {
        let placement = Placement::new(2, config::Placement::Balanced);
        let held: Vec<Reservation> = std::thread::scope(|scope| {
            let take = |shard: usize| {
                let placement = &placement;
                move || {
                    (0..1000)
                        .map(|_| placement.reserve(shard, |_| false))
                        .collect::<Vec<_>>()
                }
            };
            let threads = [scope.spawn(take(0)), scope.spawn(take(1))];
            threads
                .into_iter()
                .filter_map(|thread| thread.join().ok())
                .flatten()
                .collect()
        });
        assert_eq!(held.len(), 2000);
        assert_eq!(placement.loads(), [1000, 1000]);
    }

    #[test]
    fn kernel_leaves_a_connection_where_it_is() {
        let placement = Placement::new(2, config::Placement::Kernel);
        let held: Vec<_> = (0..5).map(|_| placement.reserve(1, |_| true)).collect();
        assert_eq!(placement.loads(), [0, 5]);
        drop(held);
    }
}
