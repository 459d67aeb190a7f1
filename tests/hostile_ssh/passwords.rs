//! Servers that neither accept nor refuse a password.

use crate::asyncssh;
use crate::common::fixture::{bridge_to, path_to};
use crate::common::{Client, Options};
use serde_json::{Value, json};
use std::time::{Duration, Instant};

#[test]
fn an_expired_password_is_reported_within_seconds() {
    let ssh = asyncssh(&[]);
    let bridge = bridge_to(&[ssh.addr()], &[]);
    let start = Instant::now();
    let mut client = Client::connect(bridge.addr(), &path_to(ssh.addr()), &Options::v1());
    client.auth_v1(&json!({ "username": "expired", "password": "old" }));
    let error: Value = client.wait_type("error");
    assert_eq!(error["code"], "password-expired", "{error}");
    assert_eq!(error["stage"], "login");
    assert_eq!(error["retryable"], false);
    assert!(
        error["message"].as_str().unwrap().contains("expired"),
        "{error}"
    );
    assert_eq!(client.until_close().0, 4401);
    // A third of the deadline at the most.
    assert!(
        start.elapsed() < Duration::from_secs(10),
        "{:?}",
        start.elapsed()
    );
}

#[test]
fn a_reply_that_comes_after_other_packets_counts() {
    let ssh = asyncssh(&[]);
    for (password, wanted) in [("right", "ready"), ("wrong", "error")] {
        let bridge = bridge_to(&[ssh.addr()], &[]);
        let mut client = Client::connect(bridge.addr(), &path_to(ssh.addr()), &Options::v1());
        client.auth_v1(&json!({ "username": "chatty", "password": password }));
        let told = client.wait_type(wanted);
        assert!(wanted == "ready" || told["retryable"] == false, "{told}");
    }
}
