//! Model checks of the limits: every interleaving of two threads, and of three those with few
//! preemptions. Tables have the smallest size that shows the race, so that targets meet in the same
//! slots. Does NOT check more threads than the race needs.
#![cfg(loom)]
#![allow(
    clippy::unwrap_used,
    reason = "in a model, a step that must succeed fails it otherwise"
)]

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::sync::Arc;

use loom::thread;
use sshard_loom::limits::{ConnectionPermit, LimitTable, Limits, Refused, TargetKey};

const ROOMY: Limits = Limits {
    max_connections: 4,
    max_per_target: 4,
    max_unauthenticated: 4,
    max_per_client: 0,
};

fn client() -> IpAddr {
    IpAddr::V4(Ipv4Addr::LOCALHOST)
}

fn target(number: u8) -> TargetKey {
    SocketAddr::from(([198, 51, 100, number], 22)).into()
}

fn admitted(limits: Limits, slots: usize) -> (Arc<LimitTable>, Arc<ConnectionPermit>) {
    let table = LimitTable::new(limits, slots);
    let admission = Arc::new(table.admit(client()).ok().unwrap());
    (table, admission)
}

/// Asserts that every permit has been returned.
fn assert_empty(table: &LimitTable) {
    let counts = table.snapshot();
    assert_eq!((counts.connections, counts.targets_in_use), (0, 0));
    assert_eq!(table.per_target(), []);
}

/// Two threads ask for a target each, at once: one of them is `refused`, or none, and the targets
/// then hold one of these numbers of connections.
fn race(limits: Limits, targets: [u8; 2], refused: Option<Refused>, held: &'static [&[(u8, u32)]]) {
    loom::model(move || {
        let (table, admission) = admitted(limits, 2);
        let other = Arc::clone(&admission);
        let thread = thread::spawn(move || other.target(target(targets[1])));
        let mine = admission.target(target(targets[0]));
        let theirs = thread.join().unwrap();
        let errors = [&mine, &theirs].map(|result| result.as_ref().err().copied());
        assert!(errors == [refused, None] || errors == [None, refused]);
        let mut found = table.per_target();
        found.sort();
        let is_found = |held: &&[(u8, u32)]| {
            let held = held.iter().map(|(number, count)| (target(*number), *count));
            held.eq(found.iter().copied())
        };
        assert!(held.iter().any(is_found), "{found:?}");
        let connections = table.snapshot().connections;
        assert_eq!(connections, 2 - u32::from(refused.is_some()));
        drop((mine, theirs));
        assert_empty(&table);
    });
}

#[test]
fn two_permits_of_one_target_are_counted_together() {
    race(ROOMY, [1, 1], None, &[&[(1, 2)]]);
}

#[test]
fn permits_of_two_targets_are_counted_apart() {
    race(ROOMY, [1, 2], None, &[&[(1, 1), (2, 1)]]);
}

#[test]
fn the_last_permit_of_a_target_is_given_once() {
    let limits = Limits {
        max_per_target: 1,
        ..ROOMY
    };
    race(limits, [1, 1], Some(Refused::Target), &[&[(1, 1)]]);
}

#[test]
fn the_last_global_permit_is_given_once() {
    let limits = Limits {
        max_connections: 1,
        ..ROOMY
    };
    let held: &[&[_]] = &[&[(1, 1)], &[(2, 1)]];
    race(limits, [1, 2], Some(Refused::Global), held);
}

#[test]
fn a_permit_counts_globally_and_at_its_target_or_not_at_all() {
    loom::model(|| {
        let limits = Limits {
            max_connections: 2,
            max_per_target: 1,
            ..ROOMY
        };
        let (table, admission) = admitted(limits, 2);
        let held = admission.target(target(1));
        let other = Arc::clone(&admission);
        let thread = thread::spawn(move || other.target(target(1)).err());
        // May be refused too, while the other one counts globally for an instant.
        let mine = admission.target(target(2));
        let theirs = thread.join().unwrap();
        assert!(theirs.is_some_and(|refused| refused != Refused::TableFull));
        assert!(mine.is_ok() || mine.as_ref().err() == Some(&Refused::Global));
        let expected = 1 + u32::from(mine.is_ok());
        assert_eq!(table.snapshot().connections, expected);
        assert_eq!(table.per_target().len(), expected as usize);
        drop((held, mine));
        assert_empty(&table);
    });
}

#[test]
fn a_permit_may_be_returned_while_another_is_taken() {
    loom::model(|| {
        let (table, admission) = admitted(ROOMY, 2);
        let held = admission.target(target(1));
        let thread = thread::spawn(move || drop(held));
        let mine = admission.target(target(1));
        thread.join().unwrap();
        assert!(mine.is_ok());
        assert_eq!(table.per_target(), [(target(1), 1)]);
        assert_eq!(table.snapshot().targets_in_use, 1);
        drop(mine);
        assert_empty(&table);
    });
}

#[test]
fn a_slot_may_change_its_target_while_a_permit_is_taken() {
    loom::model(|| {
        // One slot: the other thread frees it and may claim it for another target between this
        // thread's search and its increment.
        let (table, admission) = admitted(ROOMY, 1);
        let held = admission.target(target(1));
        let other = Arc::clone(&admission);
        let thread = thread::spawn(move || {
            drop(held);
            other.target(target(2))
        });
        let mine = admission.target(target(1));
        let theirs = thread.join().unwrap();
        let expected = match (&mine, &theirs) {
            (Ok(_), Err(Refused::TableFull)) => vec![(target(1), 1)],
            (Err(Refused::TableFull), Ok(_)) => vec![(target(2), 1)],
            _ => vec![],
        };
        assert_eq!(expected.len(), 1, "one slot, one target");
        assert_eq!(table.per_target(), expected);
        drop((mine, theirs));
        assert_empty(&table);
    });
}

#[test]
fn two_permits_may_be_returned_while_a_third_is_taken() {
    let mut model = loom::model::Builder::new();
    // Three threads have too many interleavings to try all: a race that needs more than two
    // preemptions is not found.
    model.preemption_bound = Some(2);
    model.check(|| {
        let (table, admission) = admitted(ROOMY, 1);
        let (one, two) = (admission.target(target(1)), admission.target(target(1)));
        let first = thread::spawn(move || drop(one));
        let second = thread::spawn(move || drop(two));
        let mine = admission.target(target(1));
        assert!(mine.is_ok());
        first.join().unwrap();
        second.join().unwrap();
        assert_eq!(table.per_target(), [(target(1), 1)]);
        drop(mine);
        assert_empty(&table);
    });
}

#[test]
fn no_permit_is_given_after_a_limit_was_lowered() {
    loom::model(|| {
        let (table, admission) = admitted(ROOMY, 1);
        let held = admission.target(target(1));
        let other = Arc::clone(&admission);
        let thread = thread::spawn(move || other.target(target(1)));
        table.set_limits(Limits {
            max_per_target: 1,
            ..ROOMY
        });
        let after = table.target_count(target(1));
        let theirs = thread.join().unwrap();
        assert_eq!(table.target_count(target(1)), after);
        drop((held, theirs));
        assert_empty(&table);
    });
}

#[test]
fn the_last_unauthenticated_connection_is_admitted_once() {
    loom::model(|| {
        let limits = Limits {
            max_unauthenticated: 1,
            max_per_client: 2,
            ..ROOMY
        };
        let table = LimitTable::new(limits, 1);
        let other = Arc::clone(&table);
        let thread = thread::spawn(move || other.admit(client()).map(ConnectionPermit::logged_in));
        let mine = table.admit(client());
        let theirs = thread.join().unwrap();
        // Both are admitted when one has logged in before the other asked.
        assert!(mine.is_ok() || theirs.is_ok());
        assert_eq!(table.snapshot().unauthenticated, u32::from(mine.is_ok()));
        drop((mine, theirs));
        assert_eq!(table.snapshot().unauthenticated, 0);
    });
}

#[test]
fn the_last_connection_of_a_client_is_admitted_once() {
    loom::model(|| {
        let limits = Limits {
            max_per_client: 1,
            ..ROOMY
        };
        let table = LimitTable::new(limits, 1);
        let other = Arc::clone(&table);
        let thread = thread::spawn(move || other.admit(client()));
        let mine = table.admit(client());
        let theirs = thread.join().unwrap();
        assert!(mine.is_ok() != theirs.is_ok());
        drop((mine, theirs));
        assert!(table.admit(client()).is_ok());
    });
}
