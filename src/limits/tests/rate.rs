//! Tests of the rates: compared with a plain model, with a full table, and under threads.

use std::collections::HashMap;
use std::sync::Barrier;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use proptest::prelude::*;

use super::super::{Rate, RateTable};
use super::client;

const SECOND: Duration = Duration::from_secs(1);

#[expect(clippy::disallowed_methods, reason = "any instant will do")]
fn epoch() -> Instant {
    Instant::now()
}

/// A table of many entries, and the start of its time.
fn table() -> (RateTable, Instant) {
    let start = epoch();
    (RateTable::new(1024, start), start)
}

/// Ten in two seconds.
fn rate() -> Rate {
    Rate::per(10, 2 * SECOND)
}

fn takes(table: &RateTable, key: u32, now: Instant, times: usize) -> usize {
    (0..times)
        .filter(|_| table.take(key, rate(), now).is_ok())
        .count()
}

#[test]
fn a_burst_then_one_by_one() {
    let (table, start) = table();
    assert_eq!(takes(&table, 1, start, 20), 10);
    let wait = table.take(1, rate(), start).unwrap_err();
    assert_eq!(wait, Duration::from_millis(200));
    assert_eq!(table.check(1, rate(), start), Err(wait));
    assert_eq!(takes(&table, 1, start + wait - SECOND / 1000, 20), 0);
    assert_eq!(takes(&table, 1, start + wait, 20), 1);
    assert_eq!(takes(&table, 1, start + SECOND, 20), 4);
    assert_eq!(takes(&table, 1, start + 100 * SECOND, 20), 10);
    // Another key has its own.
    assert_eq!(takes(&table, 2, start, 20), 10);
}

#[test]
fn a_clock_that_stands_still_or_goes_back_gives_nothing() {
    let (table, start) = table();
    assert_eq!(takes(&table, 1, start + SECOND, 20), 10);
    assert_eq!(takes(&table, 1, start, 20), 0);
}

#[test]
fn a_token_given_back_can_be_taken_again_once() {
    let (table, start) = table();
    let tokens: Vec<_> = (0..10).map(|_| table.take(1, rate(), start)).collect();
    for token in tokens {
        table.give_back(token.unwrap(), start);
    }
    assert_eq!(takes(&table, 1, start, 20), 10);

    // What time has given back is not given back a second time.
    let token = table.take(2, rate(), start).unwrap();
    let later = start + SECOND;
    assert_eq!(takes(&table, 2, later, 20), 10);
    table.give_back(token, later);
    assert_eq!(takes(&table, 2, later, 20), 0);
}

#[test]
fn a_charge_beyond_the_burst_is_a_debt_with_a_bound() {
    let (table, start) = table();
    // Ten in two seconds, so fifteen are a second of debt.
    table.charge(1, rate(), 15, 100 * SECOND, start);
    let wait = Duration::from_millis(200);
    assert_eq!(table.check(1, rate(), start), Err(SECOND + wait));
    assert_eq!(takes(&table, 1, start + SECOND, 20), 0);
    assert_eq!(takes(&table, 1, start + 3 * SECOND, 20), 10);
    table.charge(2, rate(), 1000, 4 * SECOND, start);
    assert_eq!(table.check(2, rate(), start), Err(2 * SECOND + wait));
    // A lower bound takes nothing back.
    table.charge(2, rate(), 1, SECOND, start);
    assert_eq!(table.check(2, rate(), start), Err(2 * SECOND + wait));
    // Another key has its own, and one that is forgotten has all.
    assert_eq!(takes(&table, 3, start, 20), 10);
    table.forget(2);
    assert_eq!(takes(&table, 2, start, 20), 10);
    table.forget(99);
}

#[test]
fn many_are_available_only_together() {
    let (table, start) = table();
    assert_eq!(takes(&table, 1, start, 7), 7);
    for (count, there) in [(1, true), (3, true), (4, false), (11, false)] {
        let found = table.check_many(1, rate(), count, start);
        assert_eq!(found.is_ok(), there, "{count}");
    }
    let wait = table.check_many(1, rate(), 4, start);
    assert_eq!(wait, Err(Duration::from_millis(200)));
}

#[test]
fn a_new_rate_is_in_force_at_once() {
    let (table, start) = table();
    let slow = Rate::new(1, 3600 * SECOND);
    assert!(table.take(1, slow, start).is_ok());
    assert!(table.take(1, slow, start + SECOND).is_err());
    // The one counts.
    assert_eq!(takes(&table, 1, start + SECOND, 20), 9);
    assert_eq!(takes(&table, 1, start + 2 * SECOND, 20), 5);
}

/// As after a reload, while attempts from before it end.
#[test]
fn what_was_taken_counts_at_another_rate() {
    let (table, start) = table();
    let slow = Rate::per(20, 40 * SECOND);
    assert_eq!(takes(&table, 1, start, 20), 10);
    for other in 2..50 {
        assert!(table.take(other, slow, start).is_ok());
        assert_eq!(table.check_many(1, slow, 11, start), Err(2 * SECOND));
        assert_eq!(takes(&table, 1, start, 20), 0);
    }
    assert_eq!(takes(&table, 1, start + SECOND, 20), 5);
    // A wait at the new rate passes as told, even if nothing is taken in between.
    let fast = Rate::new(2, 5 * SECOND);
    assert!(table.take(70, Rate::new(2, 3600 * SECOND), start).is_ok());
    assert!(table.take(70, Rate::new(2, 3600 * SECOND), start).is_ok());
    assert_eq!(table.check(70, fast, start), Err(5 * SECOND));
    assert_eq!(table.check(70, fast, start + 5 * SECOND), Ok(()));
}

#[test]
fn a_debt_lasts_no_longer_at_another_rate() {
    let (table, start) = table();
    // Of 150 s.
    table.charge(1, rate(), 750, 1000 * SECOND, start);
    let faster = Rate::new(10, SECOND / 10);
    let wait = SECOND / 10;
    assert_eq!(table.check(1, faster, start), Err(74 * SECOND + wait));
    let slower = Rate::new(2, 10 * SECOND);
    assert_eq!(table.check(1, slower, start), Err(65 * SECOND));
}

#[test]
fn a_full_group_shares_entries_and_evicts_none() {
    let start = epoch();
    // One group: every key meets every other.
    let table = RateTable::new(8, start);
    for key in 0..8 {
        assert_eq!(takes(&table, key, start, 20), 10);
    }
    // Each entry is used up, so that a crowd of new keys gets nothing and evicts none.
    let crowd: usize = (8..1000).map(|key| takes(&table, key, start, 1)).sum();
    assert_eq!(crowd, 0);
    for key in 0..8 {
        assert_eq!(takes(&table, key, start, 1), 0);
    }
    // What time gives back they share.
    let later = start + SECOND;
    let crowd: usize = (8..1000).map(|key| takes(&table, key, later, 1)).sum();
    assert_eq!(crowd, 8 * 5);
    // All TATs have passed: every key has an entry of its own again.
    let rest = later + 3 * SECOND;
    assert_eq!(takes(&table, 1000, rest, 20), 10);
    assert_eq!(takes(&table, 1001, rest, 20), 10);
}

#[test]
fn a_shared_entry_leaves_the_rest_of_its_burst() {
    let start = epoch();
    let table = RateTable::new(8, start);
    for key in 0..8 {
        assert_eq!(takes(&table, key, start, 1), 1);
    }
    assert_eq!(takes(&table, 8, start, 20), 9);
}

/// Model of the table, without entries and threads: per key, its TAT.
#[derive(Default)]
struct Model(HashMap<u32, u64>);

impl Model {
    fn take(&mut self, key: u32, burst: u64, interval: u64, now: u64) -> Result<(), u64> {
        let free_at = self.0.entry(key).or_insert(0);
        let next = (*free_at).max(now) + interval;
        let wait = next.saturating_sub(now + burst * interval);
        if wait > 0 {
            return Err(wait);
        }
        *free_at = next;
        Ok(())
    }
}

proptest! {
    #[test]
    fn the_table_does_as_the_model(
        burst in 1u32..5,
        interval in 1u64..50,
        steps in prop::collection::vec((0u32..6, 0u64..40), 1..200),
    ) {
        let start = epoch();
        let table = RateTable::new(4096, start);
        let mut model = Model::default();
        let rate = Rate::new(burst, Duration::from_millis(interval));
        let mut now = 0;
        for (key, pause) in steps {
            now += pause;
            let at = start + Duration::from_millis(now);
            let expected = model.take(key, burst.into(), interval, now);
            let wait = expected.map_err(Duration::from_millis);
            prop_assert_eq!(table.check(key, rate, at), wait);
            prop_assert_eq!(table.take(key, rate, at).map(|_| ()), wait);
        }
    }
}

/// Threads whose clocks differ, on keys that share entries: none ever gets more than its rate.
#[test]
fn threads_never_take_too_much() {
    const THREADS: u64 = 4;
    const ROUNDS: u64 = 20_000;
    const KEYS: usize = 6;
    let start = epoch();
    let table = RateTable::new(8, start);
    let rate = Rate::new(2, Duration::from_millis(1));
    let taken: [AtomicU64; KEYS] = std::array::from_fn(|_| AtomicU64::new(0));
    let barrier = Barrier::new(THREADS as usize);
    let work = |number: u64| {
        barrier.wait();
        for round in 0..ROUNDS {
            // Each thread is a little ahead of the one before.
            let now = start + Duration::from_micros(round * 200 + number * 300);
            let key = ((round * 7 + number) % 11) as usize;
            if key < KEYS && table.take(key, rate, now).is_ok() {
                taken[key].fetch_add(1, Ordering::Relaxed);
            }
        }
    };
    thread::scope(|scope| {
        for number in 0..THREADS {
            scope.spawn(move || work(number));
        }
    });
    let most = 2 + ROUNDS / 5 + 1;
    for count in &taken {
        let count = count.load(Ordering::Relaxed);
        assert!((1..=most).contains(&count), "{count} of {most}");
    }
    // And at one instant, exactly a burst.
    let at = start + 100 * SECOND;
    let all = AtomicU64::new(0);
    thread::scope(|scope| {
        for _ in 0..THREADS {
            scope.spawn(|| {
                barrier.wait();
                let got = (0..100).filter(|_| table.take(client(9), rate, at).is_ok());
                all.fetch_add(got.count() as u64, Ordering::Relaxed);
            });
        }
    });
    assert_eq!(all.load(Ordering::Relaxed), 2);
}

/// Held entries grant something, which sharing must neither give to another key nor prolong.
#[test]
fn a_key_without_an_entry_of_its_own_holds_nothing() {
    let start = epoch();
    let once = Rate::new(1, SECOND);
    let table = RateTable::new(8, start);
    for key in 0..8 {
        assert!(!table.holds(key, start));
        table.take_own(key, once, start);
        assert!(table.holds(key, start));
    }
    let later = start + SECOND / 2;
    for key in 8..1000 {
        table.take_own(key, once, later);
        assert!(!table.holds(key, later), "{key}");
    }
    for key in 0..8 {
        assert!(table.holds(key, later), "evicted: {key}");
        assert!(!table.holds(key, start + SECOND), "prolonged: {key}");
    }
    table.take_own(8, once, start + SECOND);
    assert!(table.holds(8, start + SECOND));
    table.forget(8);
    assert!(!table.holds(8, start + SECOND));
}
