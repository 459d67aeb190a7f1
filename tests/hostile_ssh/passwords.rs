//! Servers that neither accept nor refuse a password.

use crate::asyncssh;
use crate::common::fixture::{auth_at, bridge_to};
use serde_json::json;

#[test]
fn an_expired_password_is_reported_without_waiting_for_the_deadline() {
    let ssh = asyncssh(&[]);
    let bridge = bridge_to(&[ssh.addr()], &["ssh.auth_timeout=1h"]);
    let fields = json!({ "username": "expired", "password": "old" });
    let mut client = auth_at(&bridge, ssh.addr(), &fields);
    let error = client.expect_error(4401, "an expired password");
    assert_eq!(error["code"], "password-expired", "{error}");
    assert_eq!(error["stage"], "login");
    assert_eq!(error["retryable"], false);
    let message = error["message"].as_str().unwrap();
    assert!(message.contains("expired"), "{message}");
}

#[test]
fn a_reply_that_comes_after_other_packets_counts() {
    let ssh = asyncssh(&[]);
    for (password, wanted) in [("right", "ready"), ("wrong", "error")] {
        let bridge = bridge_to(&[ssh.addr()], &[]);
        let fields = json!({ "username": "chatty", "password": password });
        let told = auth_at(&bridge, ssh.addr(), &fields).wait_type(wanted);
        assert!(wanted == "ready" || told["retryable"] == false, "{told}");
    }
}
