//! Admission over real sockets: pages of other sites, clients behind proxies, rates, failed logins,
//! tickets. The tables of the pure parts are beside the source.
#![cfg(test)]
#![allow(
    clippy::disallowed_methods,
    reason = "tickets are made for the time of day"
)]

#[path = "../common/mod.rs"]
mod common;

mod busy;
mod client_ip;
mod origins;
mod penalties;
mod rate;
mod throttle;
mod ticket_reloads;
mod tickets;

use common::fixture::{bridge_to, path_to};
use common::raw::{Answer, Raw, upgrade_request};
use common::{Bridge, Client, Options, Received, ScriptedSsh, run};
use serde_json::Value;
use std::net::SocketAddr;

/// Makes the tests' own address a trusted proxy, so that they can set client addresses.
const BEHIND_PROXY: &str = "server.trusted_proxies=127.0.0.1";

/// Two failed logins at once, and no more for the duration of a test.
const SLOW_LOGINS: [&str; 3] = [
    BEHIND_PROXY,
    "rate_limit.login_failures=2",
    "rate_limit.login_period=1h",
];

/// Bridge whose only target is never reached.
fn bridge(settings: &[&str]) -> Bridge {
    bridge_to(&[SocketAddr::from(([127, 0, 0, 1], 1))], settings)
}

/// Response to an upgrade with these header lines, each with its line break.
fn upgrade(bridge: &Bridge, headers: &str) -> Answer {
    open(bridge, headers).0
}

/// As [`upgrade`], with the connection.
fn open(bridge: &Bridge, headers: &str) -> (Answer, Raw) {
    let mut raw = Raw::connect(bridge.addr());
    let request = upgrade_request(bridge.addr(), "/ws/127.0.0.1/1");
    raw.send(format!("{request}Sec-WebSocket-Protocol: sshard.v1\r\n{headers}\r\n").as_bytes());
    (raw.answer(), raw)
}

/// Client with the address `client`, behind a proxy, that has sent these fields as `auth`.
fn auth(bridge: &Bridge, target: SocketAddr, client: &str, fields: &Value) -> Client {
    let options = Options::v1().header("X-Forwarded-For", client);
    let mut client = Client::connect(bridge.addr(), &path_to(target), &options);
    client.auth_v1(fields);
    client
}

/// Number of connections that the server has had.
fn connected(ssh: &ScriptedSsh) -> usize {
    let seen = ssh.received();
    seen.iter()
        .filter(|seen| **seen == Received::Connected)
        .count()
}

/// Expects that the bridge does not start with this setting, and says why.
fn refuses_setting(setting: &str, said: &str) {
    let args = ["serve", "--allow", "a:22", "--set", setting, "--check"];
    let ended = run(&args, &[]);
    assert_eq!(ended.code, Some(78), "{setting}: {ended:?}");
    assert!(ended.stderr.contains(said), "{setting}: {ended:?}");
}

/// Expects the session to end with this `error` and close code; returns the error.
fn expect_refused(client: &mut Client, code: &str, close: u16) -> Value {
    let error = client.wait_type("error");
    assert_eq!(error["code"], code, "{error}");
    assert_eq!(client.until_close().0, close);
    error
}
