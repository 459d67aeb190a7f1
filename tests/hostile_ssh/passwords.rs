//! Servers that answer a password with neither yes nor no.

use crate::asyncssh;
use crate::common::scene::{bridge_to, path_to};
use crate::common::{Client, Options};
use serde_json::{Value, json};
use std::time::{Duration, Instant};

#[test]
fn an_expired_password_is_told_at_once() {
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

/// Text that a server sends while it checks is no answer: the verdict that comes later counts.
#[test]
fn a_server_that_talks_while_it_checks_is_waited_for() {
    let ssh = asyncssh(&[]);
    for (password, wanted) in [("right", "ready"), ("wrong", "error")] {
        let bridge = bridge_to(&[ssh.addr()], &[]);
        let mut client = Client::connect(bridge.addr(), &path_to(ssh.addr()), &Options::v1());
        client.auth_v1(&json!({ "username": "chatty", "password": password }));
        let told = client.wait_type(wanted);
        assert!(wanted == "ready" || told["retryable"] == false, "{told}");
    }
}
