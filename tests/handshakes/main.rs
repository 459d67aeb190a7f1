//! Connections before their HTTP request: the PROXY protocol, and how many may be there at once.
#![cfg(test)]

#[path = "../common/mod.rs"]
mod common;

mod bound;
mod proxy;
mod transfer;

use common::Bridge;
use common::raw::upgrade_request;
use std::net::SocketAddr;

/// An upgrade request for a target that is never reached.
fn upgrade(addr: SocketAddr) -> String {
    let request = upgrade_request(addr, "/ws/127.0.0.1/1");
    format!("{request}Sec-WebSocket-Protocol: sshard.v1\r\n\r\n")
}

/// A health request.
fn health(bridge: &Bridge) -> String {
    format!("GET /readyz HTTP/1.1\r\nHost: {}\r\n\r\n", bridge.addr())
}
