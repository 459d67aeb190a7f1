//! 503: the pool of connections that are not logged in is full; in the compatible dialect also a
//! limit that is reached.

use super::common::raw::{Answer, Raw, exchange};
use super::common::{Admin, Bridge, Client, DEADLINE, Fixture, Options, poll, wait_until};
use super::{assert_refused, bridge};
use serde_json::json;
use std::collections::VecDeque;

const PATH: &str = "/ws/127.0.0.1/1";

fn ask(bridge: &Bridge, options: &Options) -> Answer {
    Raw::connect(bridge.addr()).ask(bridge.addr(), PATH, options)
}

/// Waits until a slot is free again.
fn admits(bridge: &Bridge, options: &Options) {
    let admitted = || ask(bridge, options).status == 101;
    wait_until("the slot was never returned", admitted);
}

fn assert_busy(answer: &Answer) {
    assert_refused(answer, 503, "busy");
    let seconds = answer.header("retry-after").and_then(|s| s.parse().ok());
    assert!(seconds.is_some_and(|s: u32| s > 0), "{answer:?}");
}

#[test]
fn the_pool_admits_its_limit() {
    let bridge = bridge(&["limits.max_unauthenticated=2"]);
    let dialects = [Options::v1(), Options::compatible()];
    let held: Vec<Raw> = dialects
        .iter()
        .map(|dialect| Raw::upgrade(bridge.addr(), PATH, dialect))
        .collect();
    for dialect in &dialects {
        assert_busy(&ask(&bridge, dialect));
    }
    // A request that needs no slot is served.
    let health = format!("GET /readyz HTTP/1.1\r\nHost: {}\r\n\r\n", bridge.addr());
    assert_eq!(exchange(bridge.addr(), &health).status, 200);
    // Clients that vanish return their slots.
    drop(held);
    for dialect in &dialects {
        admits(&bridge, dialect);
    }
}

#[test]
fn a_login_returns_its_slot() {
    let fixture = Fixture::new(&["limits.max_unauthenticated=1"]);
    let _logged_in: Vec<Client> = (0..3).map(|_| fixture.ready()).collect();
    let waiting = fixture.v1();
    assert_busy(&ask(&fixture.bridge, &Options::v1()));
    drop(waiting);
}

#[test]
fn a_failed_login_returns_its_slot() {
    let bridge = bridge(&["limits.max_unauthenticated=1"]);
    for _ in 0..5 {
        let mut client = poll(DEADLINE, || {
            Client::try_connect(bridge.addr(), PATH, &Options::v1()).ok()
        })
        .expect("the slot was never returned");
        client.auth_v1(&json!({ "username": "u" }));
        assert_eq!(client.until_close().0, 4502);
    }
}

/// A full `max_connections` is reported to an `sshard.v1` client after `auth`, to a compatible one
/// by HTTP.
#[test]
fn a_reached_limit_refuses_the_compatible_dialect_alone() {
    let limits = [
        "limits.max_connections=1",
        "limits.max_connections_per_host=1",
    ];
    let fixture = Fixture::new(&limits);
    let held = fixture.ready();
    assert_busy(&ask(&fixture.bridge, &Options::compatible()));
    assert_eq!(ask(&fixture.bridge, &Options::v1()).status, 101);
    drop(held);
    admits(&fixture.bridge, &Options::compatible());
}

/// One client holds the whole pool until others connect.
#[test]
fn a_client_that_fills_the_pool_yields_to_others() {
    const POOL: usize = 32;
    let fixture = Fixture::new(&[
        "limits.max_unauthenticated=32",
        "server.shards=2",
        "session.auth_timeout=1h",
    ]);
    let (bridge, path) = (&fixture.bridge, fixture.path());
    let mut logged_in: Vec<Client> = (0..3).map(|_| fixture.ready()).collect();
    let mut held: VecDeque<Raw> = (0..POOL)
        .map(|_| Raw::upgrade(bridge.addr(), &path, &Options::v1()))
        .collect();
    assert_busy(&ask(bridge, &Options::v1()));
    let mut others = Vec::new();
    for n in 1..=20 {
        let mut other = Raw::connect_from(bridge.addr(), [127, 8, 8, n].into());
        let answer = other.ask(bridge.addr(), &path, &Options::v1());
        assert_eq!(answer.status, 101, "{n}: {answer:?}");
        others.push(other);
        // The oldest gets an error, and has ended before the next one connects.
        let mut oldest = held.pop_front().unwrap();
        assert_eq!(oldest.text()["type"], "hello");
        let error = oldest.text();
        assert_eq!([&error["code"], &error["stage"]], ["limit", "auth"]);
        assert_eq!(error["retryable"], true, "{error}");
        assert_eq!(oldest.until_close().0, 1013);
        oldest.send_frame(0x88, &1013_u16.to_be_bytes());
        assert_eq!(oldest.rest(), b"");
    }
    assert_busy(&ask(bridge, &Options::v1()));
    // Those of others, and those that have logged in, are there.
    for other in &mut others {
        assert_eq!(other.text()["type"], "hello");
        other.send_frame(0x89, b"there");
        assert_eq!(other.frame().map(|frame| frame.first), Some(0x8a));
    }
    for client in &mut logged_in {
        client.send_json(&json!({ "type": "ping", "data": "there" }));
        assert_eq!(client.wait_type("pong")["data"], "there");
    }
    drop((held, others, logged_in));
    Admin::of(bridge).wait_empty();
}
