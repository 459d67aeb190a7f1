//! Placement of connections on shards. The kernel's SO_REUSEPORT hash spreads connections evenly on
//! average but not at any one time, and an SSH session stays for hours; so by default
//! (`server.placement = "balanced"`) the shard that accepts a connection gives it to the shard with
//! the fewest, counting itself.
//!
//! A shard's load is a number of connections: those it serves, and those on their way to it from
//! the shard that accepted them. A [`Reservation`] is one unit of load on one shard, held from the
//! accept to the end of the connection and given back by Drop.
//!
//! It is taken by a compare-and-swap of the least load, which fails if that load has changed since
//! it was read; then the search starts again. While no connection ends, the other loads only grow
//! during the search, so a successful swap took a true minimum: however many shards accept at once,
//! loads that begin equal stay within one. A shard that is stuck, or whose command channel is full,
//! is an exception.
//!
//! Does not move a connection that is placed, and measures neither CPU nor traffic.

use crate::config;
use crossbeam_utils::CachePadded;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

/// Loads of all shards, shared by their threads.
#[derive(Debug)]
pub struct Placement {
    /// Connections per shard, by its index.
    loads: Box<[CachePadded<AtomicUsize>]>,
    mode: config::Placement,
}

/// One connection's unit of load on a shard, given back by Drop.
#[must_use = "dropping it takes the load off the shard"]
#[derive(Debug)]
pub struct Reservation {
    placement: Arc<Placement>,
    shard: usize,
}

impl Placement {
    /// Makes the table of `shards` shards (at least one), without load.
    pub fn new(shards: usize, mode: config::Placement) -> Arc<Self> {
        let loads = (0..shards.max(1)).map(|_| CachePadded::default()).collect();
        Arc::new(Self { loads, mode })
    }

    /// Reserves a shard for a connection that shard `accepting` has accepted. In the balanced mode
    /// a shard for which `is_stuck` is true
    /// ([`ShardCounters::is_stuck`](crate::telemetry::ShardCounters::is_stuck)) is passed over,
    /// because it would not serve the connection.
    pub fn reserve(
        self: &Arc<Self>,
        accepting: usize,
        is_stuck: impl Fn(usize) -> bool,
    ) -> Reservation {
        match self.mode {
            config::Placement::Kernel => self.reserve_on(accepting),
            config::Placement::Balanced => Reservation {
                placement: Arc::clone(self),
                shard: self.reserve_least(accepting, is_stuck),
            },
        }
    }

    /// Reserves `shard` whatever its load: in the kernel mode, or if the chosen shard did not take
    /// the connection.
    pub fn reserve_on(self: &Arc<Self>, shard: usize) -> Reservation {
        if let Some(load) = self.loads.get(shard) {
            load.fetch_add(1, Ordering::AcqRel);
        }
        Reservation {
            placement: Arc::clone(self),
            shard,
        }
    }

    /// Adds one to the least load and returns its shard. Between equal loads the accepting shard
    /// wins, which saves the transfer, and else the first.
    fn reserve_least(&self, accepting: usize, is_stuck: impl Fn(usize) -> bool) -> usize {
        loop {
            let least = self
                .loads
                .iter()
                .enumerate()
                // The accepting shard runs this code, so it is not stuck.
                .filter(|(shard, _)| *shard == accepting || !is_stuck(*shard))
                .map(|(shard, load)| (load.load(Ordering::Acquire), shard, load))
                .min_by_key(|(seen, shard, _)| (*seen, *shard != accepting));
            let Some((seen, shard, load)) = least else {
                return accepting;
            };
            let taken = load.compare_exchange(seen, seen + 1, Ordering::AcqRel, Ordering::Acquire);
            if taken.is_ok() {
                return shard;
            }
        }
    }

    /// Returns the connections per shard.
    pub fn loads(&self) -> Vec<usize> {
        let load = |l: &CachePadded<AtomicUsize>| l.load(Ordering::Acquire);
        self.loads.iter().map(load).collect()
    }
}

impl Reservation {
    /// Returns the index of the reserved shard.
    pub fn shard(&self) -> usize {
        self.shard
    }
}

impl Drop for Reservation {
    fn drop(&mut self) {
        if let Some(load) = self.placement.loads.get(self.shard) {
            let before = load.fetch_sub(1, Ordering::AcqRel);
            debug_assert!(before > 0, "a reservation was given back twice");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn balanced_loads_differ_by_one_at_most_whichever_shard_accepts() {
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
    fn a_stuck_shard_gets_no_connection_of_another_shard() {
        let placement = Placement::new(3, config::Placement::Balanced);
        let held: Vec<_> = (0..6)
            .map(|n| placement.reserve(n % 2, |shard| shard == 2))
            .collect();
        assert_eq!(placement.loads(), [3, 3, 0]);
        let own = placement.reserve(2, |_| true);
        assert_eq!(own.shard(), 2, "it accepts, so it is not stuck");
        drop(held);
    }

    #[test]
    fn concurrent_reservations_keep_the_loads_equal() {
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
    fn kernel_placement_keeps_a_connection_on_the_accepting_shard() {
        let placement = Placement::new(2, config::Placement::Kernel);
        let held: Vec<_> = (0..5).map(|_| placement.reserve(1, |_| true)).collect();
        assert_eq!(placement.loads(), [0, 5]);
        drop(held);
    }
}
