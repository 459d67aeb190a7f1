//! The dialect `sshard.v1` against the running server: every line of `src/message/PROTOCOL.md` that
//! concerns it, bounds included. The SSH side is the scripted server, which records what reached
//! it; what needs OpenSSH itself is in `openssh`.
#![cfg(test)]
#![allow(clippy::disallowed_methods, reason = "tests need the clock")]

#[path = "../common/mod.rs"]
mod common;

mod bad_text;
mod bounds;
mod exit;
mod failures;
mod frames;
mod hello;
mod input_flow;
mod lenient;
mod limits;
mod login;
mod long_texts;
mod methods;
mod order;
mod output_flow;
mod progress;
mod relay;
mod timeouts;

use common::{Client, Event};
use serde_json::{Value, json};

/// Expects an `error` with the fields that the page specifies, and a close with `code`. Returns the
/// error.
fn assert_fails(client: &mut Client, code: u16, about: &str) -> Value {
    let error = client.expect_error(code, about);
    let text = |field: &str| error[field].as_str().unwrap_or_default().to_owned();
    assert!(!text("code").is_empty(), "{about}: {error}");
    assert!(!text("message").is_empty(), "{about}: {error}");
    assert!(error["retryable"].is_boolean(), "{about}: {error}");
    let stages = [
        "upgrade",
        "auth",
        "resolve",
        "connect",
        "handshake",
        "host_key",
        "login",
        "shell",
        "relay",
    ];
    assert!(stages.contains(&text("stage").as_str()), "{about}: {error}");
    error
}

/// Expects that a bad control message ends with 4400.
fn assert_bad(client: &mut Client, about: &str) -> Value {
    let error = assert_fails(client, 4400, about);
    let code = error["code"].as_str().unwrap();
    assert!(["bad-message", "out-of-order"].contains(&code), "{error}");
    assert_eq!(error["retryable"], false, "{about}");
    error
}

/// Expects a `pong`: the session has processed all messages before the `ping`, and runs.
fn assert_alive(client: &mut Client, about: &str) {
    client.send_json(&json!({ "type": "ping", "data": "alive?" }));
    loop {
        match client.recv() {
            Event::Json(value) if value["type"] == "pong" => {
                assert_eq!(value["data"], "alive?", "{about}");
                return;
            }
            Event::Output(bytes) => client.output.extend(bytes),
            Event::Json(value) if value["type"] == "input_ack" => {}
            other => panic!("{about}: {other:?} in place of a pong"),
        }
    }
}
