//! The public port before the WebSocket, over real sockets: addresses, refusals, the upgrade,
//! health, and clients that are slow or send too much. What follows an upgrade is in `protocol_v1`
//! and `protocol_compat`.
#![cfg(test)]

#[path = "../common/mod.rs"]
mod common;

mod addresses;
mod full;
mod health;
mod host_header;
mod page;
mod refusals;
mod slow;
mod upgrade;

use common::raw::{Answer, Raw};
use common::{Bridge, Options, fixture};
use std::net::SocketAddr;

/// A bridge whose one target is never reached by these tests.
fn bridge(settings: &[&str]) -> Bridge {
    fixture::bridge_to(&[SocketAddr::from(([127, 0, 0, 1], 1))], settings)
}

/// The answer to an upgrade of `path` that offers `sshard.v1`.
fn upgrade_v1(bridge: &Bridge, path: &str) -> Answer {
    Raw::connect(bridge.addr()).ask(bridge.addr(), path, &Options::v1())
}

/// Expects a refusal: problem+json with its status, not cacheable, and the end of the connection.
fn assert_refused(answer: &Answer, status: u16, about: &str) {
    assert_eq!(answer.status, status, "{about}: {answer:?}");
    let kind = answer.header("content-type");
    assert_eq!(kind, Some("application/problem+json"), "{about}");
    assert_eq!(answer.header("cache-control"), Some("no-store"), "{about}");
    assert_eq!(answer.header("connection"), Some("close"), "{about}");
    let problem = answer.json();
    assert_eq!(problem["status"], status, "{about}");
    assert_eq!(problem["type"], "about:blank", "{about}");
    for word in ["title", "detail"] {
        let text = problem[word].as_str().unwrap_or_default();
        assert!(!text.is_empty(), "{about}: no {word} in {problem}");
    }
}
