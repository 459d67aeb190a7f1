//! Login by password, accepted and refused.

use crate::common::{DEADLINE, Event, account};
use crate::{OpensshFixture, expect_close, expect_error, expect_shell, next_json, with_password};
use serde_json::json;

#[test]
fn a_password_logs_in() {
    let fixture = OpensshFixture::start();
    let mut client = fixture.v1();
    let hello = next_json(&mut client);
    assert_eq!(
        (&hello["type"], &hello["version"]),
        (&json!("hello"), &json!(1))
    );
    let mut auth = with_password(json!({}));
    auth["type"] = "auth".into();
    client.send_json(&auth);
    let ready = next_json(&mut client);
    assert_eq!(ready["type"], "ready", "{ready}");
    let session = ready["session"].as_str().unwrap();
    assert!(session.len() == 32 && session.bytes().all(|b| b.is_ascii_hexdigit()));
    assert_eq!(ready["input_window"], 64 * 1024);
    expect_shell(&mut client);
    fixture.sshd.wait_log("Accepted password for sshard-test");
}

#[test]
fn a_password_logs_in_in_the_compatible_dialect() {
    let fixture = OpensshFixture::start();
    let mut client = fixture.compatible();
    client.login_compatible(account().user, &account().password);
    expect_shell(&mut client);
}

#[test]
fn the_compatible_login_may_come_as_binary_with_input_behind_it() {
    let fixture = OpensshFixture::start();
    let mut client = fixture.compatible();
    let mut first = with_password(json!({})).to_string().into_bytes();
    first.extend(b"exit 9\r");
    client.send_binary(&first);
    assert_eq!(client.until_close(), (1000, "exit=9".to_owned()));
}

#[test]
fn a_wrong_password_is_refused_after_one_attempt() {
    let fixture = OpensshFixture::start();
    let mut client = fixture.v1();
    client.auth_v1(&json!({ "username": account().user, "password": "wrong" }));
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
fn a_wrong_password_is_refused_in_the_compatible_dialect() {
    let fixture = OpensshFixture::start();
    let mut client = fixture.compatible();
    client.login_compatible(account().user, "wrong");
    expect_close(&mut client, 4401);
}

#[test]
fn an_unknown_user_looks_like_a_wrong_password() {
    let fixture = OpensshFixture::start();
    let mut errors = Vec::new();
    for user in [account().user, "sshard-nobody"] {
        let mut client = fixture.v1();
        client.auth_v1(&json!({ "username": user, "password": "wrong" }));
        errors.push(expect_error(&mut client, "login", "login-failed", 4401));
    }
    assert_eq!(errors[0], errors[1]);
    let mut client = fixture.compatible();
    client.login_compatible("sshard-nobody", "wrong");
    expect_close(&mut client, 4401);
}

#[test]
fn a_refused_login_does_not_affect_the_next() {
    let fixture = OpensshFixture::start();
    let mut client = fixture.v1();
    client.auth_v1(&json!({ "username": account().user, "password": "wrong" }));
    expect_error(&mut client, "login", "login-failed", 4401);
    expect_shell(&mut fixture.ready(json!({})));
}

#[test]
fn the_servers_banner_is_passed_on() {
    let banner = tempfile::NamedTempFile::new().unwrap();
    let text = "Nur für Befugte.\n\"Keep out\" \\ <b>\n";
    std::fs::write(banner.path(), text).unwrap();
    let fixture = OpensshFixture::with(&[&format!("Banner {}", banner.path().display())], &[]);
    let mut client = fixture.v1();
    client.auth_v1(&with_password(json!({})));
    let message = next_json(&mut client);
    assert_eq!(message["type"], "banner");
    // Whether line ends become CR LF depends on OpenSSH's version.
    let shown = message["text"].as_str().unwrap().replace("\r\n", "\n");
    assert_eq!(shown, text);
    assert_eq!(next_json(&mut client)["type"], "ready");
    expect_shell(&mut client);

    let mut client = fixture.compatible();
    client.login_compatible(account().user, &account().password);
    // Nothing but terminal output may come.
    match client.recv() {
        Event::Output(bytes) => assert!(!String::from_utf8_lossy(&bytes).contains("Keep out")),
        other => panic!("no output but {other:?}"),
    }
    expect_shell(&mut client);
}

/// sshd ends the connection in place of the last refusal; "none" does not count.
#[test]
fn a_server_that_allows_one_attempt_refuses_a_wrong_password_for_good() {
    let fixture = OpensshFixture::with(&["MaxAuthTries 1"], &[]);
    expect_shell(&mut fixture.ready(json!({})));
    let mut client = fixture.v1();
    client.auth_v1(&json!({ "username": account().user, "password": "wrong" }));
    let error = expect_error(&mut client, "login", "login-failed", 4401);
    assert_eq!(error["retryable"], false, "{error}");
}
