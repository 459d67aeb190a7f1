//! Tests of the table as its users see it.
#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a test fails by panicking"
)]

mod model;
mod rate;
mod stress;

use futures_util::FutureExt as _;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::sync::Arc;

use super::{Counts, LimitTable, Limits, Refused, TargetKey};

const ROOMY: Limits = Limits {
    max_connections: 100,
    max_per_target: 100,
    max_unauthenticated: 100,
    max_per_client: 0,
};

fn client(last: u8) -> IpAddr {
    IpAddr::from([192, 0, 2, last])
}

fn target(number: u8) -> TargetKey {
    SocketAddr::from((Ipv4Addr::new(198, 51, 100, number), 22)).into()
}

fn counts(table: &LimitTable) -> (u32, u32, usize) {
    let Counts {
        connections,
        unauthenticated,
        targets_in_use,
    } = table.snapshot();
    (connections, unauthenticated, targets_in_use)
}

#[test]
fn a_session_takes_and_gives_back_step_by_step() {
    let table = LimitTable::new(ROOMY, 4);
    let admission = table.admit(client(1)).ok().unwrap();
    assert_eq!(counts(&table), (0, 1, 0));
    let permit = admission.target(target(1)).ok();
    assert!(permit.is_some());
    assert_eq!(counts(&table), (1, 1, 1));
    let client_permit = admission.logged_in();
    assert_eq!(counts(&table), (1, 0, 1));
    assert_eq!(table.per_target(), [(target(1), 1)]);
    drop(permit);
    drop(client_permit);
    assert_eq!(counts(&table), (0, 0, 0));
    assert_eq!(table.per_target(), []);
    assert_eq!(Arc::strong_count(&table), 1);
}

#[test]
fn each_limit_refuses_under_its_own_name() {
    let limits = Limits {
        max_connections: 2,
        max_per_target: 1,
        max_unauthenticated: 3,
        max_per_client: 2,
    };
    let table = LimitTable::new(limits, 4);
    let first = table.admit(client(1)).ok().unwrap();
    let _second = table.admit(client(1)).ok().unwrap();
    assert_eq!(table.admit(client(1)).err(), Some(Refused::Client));
    let _third = table.admit(client(2)).ok().unwrap();
    assert_eq!(table.admit(client(2)).err(), Some(Refused::Unauthenticated));

    let _a = first.target(target(1)).ok().unwrap();
    assert_eq!(first.target(target(1)).err(), Some(Refused::Target));
    assert_eq!(
        counts(&table),
        (1, 3, 1),
        "a refusal for the target keeps nothing"
    );
    let _b = first.target(target(2)).ok().unwrap();
    assert_eq!(first.target(target(3)).err(), Some(Refused::Global));
    assert_eq!(table.target_count(target(3)), 0);
}

#[test]
fn a_full_table_refuses_new_targets_and_joins_known_ones() {
    let table = LimitTable::new(ROOMY, 2);
    let admission = table.admit(client(1)).ok().unwrap();
    let a = admission.target(target(1)).ok();
    let _b = admission.target(target(2)).ok().unwrap();
    assert_eq!(admission.target(target(3)).err(), Some(Refused::TableFull));
    assert_eq!(counts(&table).0, 2);
    assert!(admission.target(target(2)).is_ok());
    drop(a);
    assert!(admission.target(target(3)).is_ok());

    let none = LimitTable::new(ROOMY, 0);
    let admission = none.admit(client(1)).ok().unwrap();
    assert_eq!(admission.target(target(1)).err(), Some(Refused::TableFull));
    assert_eq!(counts(&none).0, 0);
}

#[test]
fn any_number_of_targets_may_follow_each_other() {
    let table = LimitTable::new(ROOMY, 3);
    let admission = table.admit(client(1)).ok().unwrap();
    // Two overlap at each moment, so that searches pass slots in use and freed ones.
    let mut previous = None;
    for number in 0..=255 {
        let current = admission.target(target(number)).ok();
        assert!(current.is_some());
        assert_eq!(table.target_count(target(number)), 1);
        drop(previous);
        previous = current;
    }
    drop(previous);
    assert_eq!(counts(&table), (0, 1, 0));
}

/// Both up and down, of the whole and of one target, while permits are held.
#[test]
fn a_changed_limit_is_in_force_at_the_next_answer() {
    let table = LimitTable::new(ROOMY, 4);
    let admission = table.admit(client(1)).ok().unwrap();
    let answer = || admission.acquire(target(1)).now_or_never().unwrap();
    let limit = |max_connections, max_per_target| {
        table.set_limits(Limits {
            max_connections,
            max_per_target,
            ..ROOMY
        });
    };
    limit(4, 2);
    let mut held = vec![answer().ok(), answer().ok()];
    assert_eq!(answer().err(), Some(Refused::Target));
    limit(4, 3);
    held.push(answer().ok());
    limit(3, 9);
    assert_eq!(answer().err(), Some(Refused::Global));
    limit(0, 0);
    assert!(held.iter().all(Option::is_some));
    assert_eq!(counts(&table), (3, 1, 1), "nobody is turned out");
    drop(held);
    assert_eq!(answer().err(), Some(Refused::Global));
    limit(1, 1);
    assert!(answer().is_ok());
    assert_eq!(counts(&table), (0, 1, 0));
}

#[test]
fn permits_may_cross_threads() {
    fn crosses<T: Send + 'static>() {}
    crosses::<super::ConnectionPermit>();
    crosses::<super::TargetPermit>();
    crosses::<super::ClientPermit>();
    crosses::<Arc<LimitTable>>();
}
