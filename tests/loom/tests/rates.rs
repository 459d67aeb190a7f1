//! Two threads at the table of rates, which has no lock: whatever they do to each other, no key
//! gets more than its rate.
//!
//! The table is one group of two slots, so that all keys meet. Does NOT look at more than one take
//! of each thread, nor at executions with more than a few interruptions.
#![cfg(loom)]
#![allow(
    clippy::unwrap_used,
    clippy::disallowed_methods,
    reason = "in a model, a step that must succeed fails it otherwise; any instant will do"
)]

use std::sync::Arc;
use std::time::{Duration, Instant};

use loom::thread;
use sshard_loom::limits::{Rate, RateTable};

const INTERVAL: Duration = Duration::from_millis(10);

fn model(check: impl Fn(Arc<RateTable>, Instant) + Sync + Send + 'static) {
    let epoch = Instant::now();
    let mut model = loom::model::Builder::new();
    model.preemption_bound = Some(3);
    model.check(move || check(Arc::new(RateTable::new(2, epoch)), epoch));
}

fn takes(table: &RateTable, key: u32, now: Instant) -> bool {
    table.take(key, Rate::new(1, INTERVAL), now).is_ok()
}

/// Both threads take, at their own time; how many got one.
fn race(table: &Arc<RateTable>, first: (u32, Instant), second: (u32, Instant)) -> usize {
    let other = Arc::clone(table);
    let thread = thread::spawn(move || takes(&other, second.0, second.1));
    let mine = takes(table, first.0, first.1);
    let theirs = thread.join().unwrap();
    usize::from(mine) + usize::from(theirs)
}

#[test]
fn the_only_one_goes_to_one() {
    model(|table, now| assert_eq!(race(&table, (1, now), (1, now)), 1));
}

#[test]
fn two_keys_get_one_each() {
    model(|table, now| assert_eq!(race(&table, (1, now), (2, now)), 2));
}

/// To the second thread the first slot is free already, to the first it is not yet: they reach
/// for different slots, and the key must not have both.
#[test]
fn a_key_never_has_two_slots() {
    model(|table, start| {
        assert!(takes(&table, 7, start));
        let (before, after) = (start + INTERVAL * 9 / 10, start + INTERVAL * 11 / 10);
        assert_eq!(race(&table, (1, before), (1, after)), 1);
        assert!(!takes(&table, 1, after));
    });
}

#[test]
fn a_slot_that_is_given_back_is_given_once() {
    model(|table, now| {
        let token = table.take(1, Rate::new(1, INTERVAL), now).ok().unwrap();
        let other = Arc::clone(&table);
        let thread = thread::spawn(move || other.give_back(token, now));
        let mine = takes(&table, 1, now);
        thread.join().unwrap();
        assert_eq!(takes(&table, 1, now), !mine);
        assert!(!takes(&table, 1, now));
    });
}

#[test]
fn a_charge_is_not_lost_to_a_take() {
    model(|table, now| {
        let other = Arc::clone(&table);
        let thread = thread::spawn(move || {
            other.charge(1, Rate::new(1, INTERVAL), 1, INTERVAL * 9, now);
        });
        takes(&table, 1, now);
        thread.join().unwrap();
        assert!(!takes(&table, 1, now));
    });
}
