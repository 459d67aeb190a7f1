//! `server.upgrade_timeout`: from the connection to the end of the upgrade. Requests that trickle
//! in are in `deadlines`, silent crowds in `handshakes`.

use super::bridge;
use super::common::Options;
use super::common::raw::{Raw, upgrade_request};

const PATH: &str = "/ws/127.0.0.1/1";

#[test]
fn silent_and_incomplete_requests_are_closed_at_the_deadline() {
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
fn the_deadline_ends_with_the_upgrade() {
    let bridge = bridge(&["server.upgrade_timeout=3s", "session.auth_timeout=6s"]);
    let mut raw = Raw::upgrade(bridge.addr(), PATH, &Options::v1());
    assert_eq!(raw.text()["type"], "hello");
    // Only later the session's own deadline ends it.
    assert_eq!(raw.until_close().0, 4408);
}
