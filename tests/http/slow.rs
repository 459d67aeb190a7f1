//! `server.upgrade_timeout`: from the connection to the end of the upgrade.

use super::bridge;
use super::common::raw::{Raw, upgrade_request};
use super::common::{DEADLINE, Options, poll};

const PATH: &str = "/ws/127.0.0.1/1";

#[test]
fn who_says_nothing_or_half_is_hung_up_on() {
    let bridge = bridge(&["server.upgrade_timeout=200ms"]);
    let head = upgrade_request(bridge.addr(), PATH);
    for said in [
        "",
        "G",
        "GET /healthz HTTP/1.1\r\n",
        &head,
        &format!("{head}\r"),
    ] {
        let mut raw = Raw::connect(bridge.addr());
        raw.send(said.as_bytes());
        assert_eq!(raw.rest(), b"", "after {said:?}");
    }
}

#[test]
fn trickling_buys_no_time() {
    let bridge = bridge(&["server.upgrade_timeout=200ms"]);
    let mut raw = Raw::connect(bridge.addr());
    raw.send(b"GET /healthz HTTP/1.1\r\n");
    // Far below the largest head, so only the clock can end this.
    let mut lines = 0;
    let ended = poll(DEADLINE, || {
        if lines < 60 && raw.try_send(b"X: y\r\n").is_err() {
            return Some(());
        }
        lines += 1;
        raw.has_arrived().then_some(())
    });
    assert!(ended.is_some(), "still served after {lines} lines");
    assert_eq!(raw.rest(), b"");
}

#[test]
fn the_deadline_ends_with_the_upgrade() {
    let bridge = bridge(&["server.upgrade_timeout=1s", "session.auth_timeout=3s"]);
    let mut raw = Raw::upgrade(bridge.addr(), PATH, &Options::v1());
    assert_eq!(raw.text()["type"], "hello");
    // Only later the session's own deadline ends it.
    assert_eq!(raw.until_close().0, 4408);
}

#[test]
fn a_silent_client_delays_nobody() {
    let bridge = bridge(&["server.upgrade_timeout=1h"]);
    let silent: Vec<Raw> = (0..20).map(|_| Raw::connect(bridge.addr())).collect();
    assert_eq!(super::upgrade_v1(&bridge, PATH).status, 101);
    drop(silent);
}
