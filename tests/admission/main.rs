//! Admission over real sockets: pages of other sites, clients behind proxies, rates, failed logins,
//! tickets. The tables of the pure parts are beside the source.
#![cfg(test)]
#![allow(
    clippy::disallowed_methods,
    reason = "tickets are made for the time of day"
)]

#[path = "../common/mod.rs"]
mod common;

mod client_ip;
mod origins;
mod penalties;
mod rate;
mod throttle;
mod tickets;

use common::raw::{Answer, exchange, upgrade_request};
use common::{Bridge, Client, fixture};
use std::net::SocketAddr;

/// Makes the tests' own address a trusted proxy, so that they can set client addresses.
const BEHIND_PROXY: &str = "server.trusted_proxies=127.0.0.1";

/// Bridge whose only target is never reached.
fn bridge(settings: &[&str]) -> Bridge {
    fixture::bridge_to(&[SocketAddr::from(([127, 0, 0, 1], 1))], settings)
}

/// Response to an upgrade with these header lines, each with its line break.
fn upgrade(bridge: &Bridge, headers: &str) -> Answer {
    let request = upgrade_request(bridge.addr(), "/ws/127.0.0.1/1");
    exchange(
        bridge.addr(),
        &format!("{request}Sec-WebSocket-Protocol: sshard.v1\r\n{headers}\r\n"),
    )
}

/// Expects the session to end with this `error` and close code; returns the error.
fn expect_refused(client: &mut Client, code: &str, close: u16) -> serde_json::Value {
    let error = client.wait_type("error");
    assert_eq!(error["code"], code, "{error}");
    assert_eq!(client.until_close().0, close);
    error
}
