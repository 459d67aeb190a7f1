//! Login by password, accepted and refused.

use crate::common::{DEADLINE, account, wait_until};
use crate::{OpensshFixture, expect_error, expect_ready, expect_shell, next_json, with_password};
use serde_json::{Value, json};

/// The account's name with another password.
fn wrong_password() -> Value {
    json!({ "username": account().user, "password": "wrong" })
}

#[test]
fn a_password_logs_in_in_both_dialects() {
    let fixture = OpensshFixture::start();
    expect_shell(&mut fixture.ready(json!({})));
    expect_shell(&mut fixture.compatible(&account().password));
    wait_until("both are accepted", || {
        let log = fixture.sshd.log();
        log.matches("Accepted password for sshard-test").count() == 2
    });
}

#[test]
fn a_wrong_password_is_refused_after_one_attempt() {
    let fixture = OpensshFixture::start();
    let mut client = fixture.auth(&wrong_password());
    let error = expect_error(&mut client, "login", "login-failed", 4401);
    assert_eq!(error["retryable"], false);
    fixture
        .bridge
        .wait_stderr("the SSH server refused the login", DEADLINE);
    let log = fixture.bridge.stderr();
    let refused = log
        .lines()
        .find(|l| l.contains("the SSH server refused the login"));
    let refused = refused.expect("a log line of the refusal");
    for part in ["publickey,password,keyboard-interactive", "refused="] {
        assert!(refused.contains(part), "{part} is not in {refused}");
    }
    assert!(!refused.contains(account().user), "{refused}");
    fixture
        .sshd
        .wait_log("Connection closed by authenticating user");
    assert_eq!(fixture.sshd.log().matches("Failed password").count(), 1);
    assert!(!fixture.sshd.log().contains("Failed keyboard-interactive"));
}

#[test]
fn an_unknown_user_looks_like_a_wrong_password() {
    let fixture = OpensshFixture::start();
    let errors = [account().user, "sshard-nobody"].map(|user| {
        let mut client = fixture.auth(&json!({ "username": user, "password": "wrong" }));
        expect_error(&mut client, "login", "login-failed", 4401)
    });
    assert_eq!(errors[0], errors[1]);
}

#[test]
fn the_servers_banner_is_passed_on() {
    let banner = tempfile::NamedTempFile::new().unwrap();
    let text = "Nur für Befugte.\n\"Keep out\" \\ <b>\n";
    std::fs::write(banner.path(), text).unwrap();
    let fixture = OpensshFixture::with(&[&format!("Banner {}", banner.path().display())], &[]);
    let mut client = fixture.auth(&with_password(json!({})));
    let message = next_json(&mut client);
    assert_eq!(message["type"], "banner");
    // Whether line ends become CR LF depends on OpenSSH's version.
    let shown = message["text"].as_str().unwrap().replace("\r\n", "\n");
    assert_eq!(shown, text);
    expect_ready(&mut client);
    expect_shell(&mut client);
}

/// sshd ends the connection in place of the last refusal; "none" does not count.
#[test]
fn a_server_that_allows_one_attempt_refuses_a_wrong_password_for_good() {
    let fixture = OpensshFixture::with(&["MaxAuthTries 1"], &[]);
    expect_shell(&mut fixture.ready(json!({})));
    let mut client = fixture.auth(&wrong_password());
    let error = expect_error(&mut client, "login", "login-failed", 4401);
    assert_eq!(error["retryable"], false, "{error}");
    let message = error["message"].as_str().unwrap();
    let words = "Too many authentication failures";
    assert!(message.contains(words), "{message}");
}
