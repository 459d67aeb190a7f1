//! Threads that take and give back as fast as they can, while the counts are watched.
//!
//! The workers also keep counts of their own, raised after a permit was taken and lowered before it
//! goes back, so that a count that passes its limit would show.

use std::sync::Barrier;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::thread;

use super::super::{LimitTable, Limits, TargetPermit};
use super::{client, counts, target};

const WORKERS: u32 = 4;
const ROUNDS: u32 = 20_000;
const TARGETS: u8 = 4;
const LIMITS: Limits = Limits {
    max_connections: 5,
    max_per_target: 2,
    max_unauthenticated: 3,
    max_per_client: 2,
};

/// Permits held, seen from outside the table.
#[derive(Default)]
struct Shadow {
    pool: AtomicU32,
    all: AtomicU32,
    targets: [AtomicU32; TARGETS as usize],
}

fn enter(held: &AtomicU32, limit: u32) {
    let before = held.fetch_add(1, Ordering::SeqCst);
    assert!(before < limit, "{before} were held, {limit} are allowed");
}

fn leave(held: &AtomicU32) {
    held.fetch_sub(1, Ordering::SeqCst);
}

/// Small numbers without a pattern that the threads would share.
struct Dice(u32);

impl Dice {
    fn roll(&mut self) -> u32 {
        self.0 = self.0.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        self.0 >> 16
    }
}

fn give_back(shadow: &Shadow, held: Option<(TargetPermit, u8)>) {
    if let Some((permit, number)) = held {
        leave(&shadow.targets[usize::from(number)]);
        leave(&shadow.all);
        drop(permit);
    }
}

/// Returns how many permits for targets it was given.
fn work(table: &std::sync::Arc<LimitTable>, shadow: &Shadow, seed: u32) -> u32 {
    let mut dice = Dice(seed);
    let mut held: Vec<Option<(TargetPermit, u8)>> = vec![None, None];
    let mut taken = 0;
    for _ in 0..ROUNDS {
        let at = (dice.roll() % 2) as usize;
        give_back(shadow, held[at].take());
        let Ok(admission) = table.admit(client((dice.roll() % 3) as u8)) else {
            continue;
        };
        enter(&shadow.pool, LIMITS.max_unauthenticated);
        let number = (dice.roll() % u32::from(TARGETS)) as u8;
        if let Ok(permit) = admission.target(target(number)) {
            enter(&shadow.all, LIMITS.max_connections);
            enter(&shadow.targets[usize::from(number)], LIMITS.max_per_target);
            held[at] = Some((permit, number));
            taken += 1;
        }
        leave(&shadow.pool);
        drop(admission.logged_in());
    }
    held.into_iter().for_each(|one| give_back(shadow, one));
    taken
}

fn watch(table: &LimitTable) {
    let (connections, unauthenticated, targets) = counts(table);
    assert!(connections <= LIMITS.max_connections);
    assert!(unauthenticated <= LIMITS.max_unauthenticated);
    assert!(targets <= LIMITS.max_connections as usize);
    let listed = table.per_target();
    assert!(
        listed
            .iter()
            .all(|(_, n)| (1..=LIMITS.max_per_target).contains(n))
    );
    for (i, (key, _)) in listed.iter().enumerate() {
        assert!(
            listed[..i].iter().all(|(other, _)| other != key),
            "one target, two entries"
        );
    }
    for number in 0..TARGETS {
        assert!(table.target_count(target(number)) <= LIMITS.max_per_target);
    }
}

#[test]
fn no_limit_is_passed_at_any_instant() {
    let table = LimitTable::new(LIMITS, LIMITS.max_connections as usize);
    let shadow = Shadow::default();
    let done = AtomicBool::new(false);
    let start = Barrier::new(WORKERS as usize + 1);
    let (table, shadow, done, start) = (&table, &shadow, &done, &start);
    let taken = thread::scope(|scope| {
        let watcher = scope.spawn(move || {
            start.wait();
            while !done.load(Ordering::SeqCst) {
                watch(table);
            }
        });
        let run = |seed| {
            start.wait();
            work(table, shadow, seed)
        };
        let workers: Vec<_> = (1..=WORKERS)
            .map(|seed| scope.spawn(move || run(seed)))
            .collect();
        let results: Vec<_> = workers.into_iter().map(|worker| worker.join()).collect();
        // Before any result is looked at, or a failed worker would leave the watcher running.
        done.store(true, Ordering::SeqCst);
        watcher.join().unwrap();
        results
            .into_iter()
            .map(|result| result.unwrap())
            .sum::<u32>()
    });
    assert!(taken > 0, "the workers never got in");
    assert_eq!(counts(table), (0, 0, 0));
    assert_eq!(table.per_target(), []);
}
