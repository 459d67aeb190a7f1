//! Keyboard-interactive by PAM: answered with the password, by the user, or not at all.

use crate::common::{Client, account};
use crate::{OpensshFixture, expect_close, expect_error, expect_shell, next_json, with_password};
use serde_json::{Value, json};

const INTERACTIVE_ONLY: &[&str] = &["PasswordAuthentication no"];

/// Sends `auth` without a password and returns the prompt that follows.
fn asked(fixture: &OpensshFixture) -> (Client, Value) {
    let mut client = fixture.v1();
    client.auth_v1(&json!({ "username": account().user }));
    let prompt = next_json(&mut client);
    assert_eq!(prompt["type"], "prompt", "{prompt}");
    (client, prompt)
}

fn answer(client: &mut Client, id: &Value, answers: &[&str]) {
    client.send_json(&json!({ "type": "answer", "id": id, "answers": answers }));
}

#[test]
fn the_password_of_auth_answers_the_prompt() {
    let fixture = OpensshFixture::with(INTERACTIVE_ONLY, &[]);
    expect_shell(&mut fixture.ready(json!({})));
    fixture.sshd.wait_log("Accepted keyboard-interactive/pam");
}

#[test]
fn the_password_answers_the_prompt_in_the_compatible_dialect() {
    let fixture = OpensshFixture::with(INTERACTIVE_ONLY, &[]);
    let mut client = fixture.compatible();
    client.login_compatible(account().user, &account().password);
    expect_shell(&mut client);
    fixture.sshd.wait_log("Accepted keyboard-interactive/pam");
}

#[test]
fn without_a_password_the_user_is_asked() {
    let fixture = OpensshFixture::with(INTERACTIVE_ONLY, &[]);
    let (mut client, prompt) = asked(&fixture);
    let prompts = prompt["prompts"].as_array().unwrap();
    assert_eq!(prompts.len(), 1, "{prompt}");
    assert!(prompts[0]["text"].as_str().unwrap().contains("Password"));
    assert_eq!(prompts[0]["echo"], false);
    answer(&mut client, &prompt["id"], &[&account().password]);
    // PAM ends with a round without prompts, which the user does not see.
    assert_eq!(next_json(&mut client)["type"], "ready");
    expect_shell(&mut client);
    fixture.sshd.wait_log("Accepted keyboard-interactive/pam");
}

#[test]
fn without_a_password_the_user_is_asked_though_passwords_are_allowed() {
    let fixture = OpensshFixture::start();
    let (mut client, prompt) = asked(&fixture);
    answer(&mut client, &prompt["id"], &[&account().password]);
    assert_eq!(next_json(&mut client)["type"], "ready");
    expect_shell(&mut client);
}

#[test]
fn a_wrong_answer_ends_the_login() {
    let fixture = OpensshFixture::with(INTERACTIVE_ONLY, &[]);
    let (mut client, prompt) = asked(&fixture);
    answer(&mut client, &prompt["id"], &["wrong"]);
    expect_error(&mut client, "login", "login-failed", 4401);
}

#[test]
fn a_wrong_password_is_not_asked_for_again() {
    let fixture = OpensshFixture::with(INTERACTIVE_ONLY, &[]);
    let mut client = fixture.v1();
    client.auth_v1(&json!({ "username": account().user, "password": "wrong" }));
    expect_error(&mut client, "login", "login-failed", 4401);
    let mut client = fixture.compatible();
    client.login_compatible(account().user, "wrong");
    expect_close(&mut client, 4401);
}

#[test]
fn an_unknown_user_is_asked_like_any_other() {
    let fixture = OpensshFixture::with(INTERACTIVE_ONLY, &[]);
    let mut client = fixture.v1();
    client.auth_v1(&json!({ "username": "sshard-nobody" }));
    let prompt = next_json(&mut client);
    assert_eq!(prompt["type"], "prompt", "{prompt}");
    answer(&mut client, &prompt["id"], &["whatever"]);
    expect_error(&mut client, "login", "login-failed", 4401);
}

#[test]
fn an_answer_must_fit_its_prompt() {
    let fixture = OpensshFixture::with(INTERACTIVE_ONLY, &[]);
    let (mut client, prompt) = asked(&fixture);
    answer(
        &mut client,
        &json!(prompt["id"].as_u64().unwrap() + 1),
        &["x"],
    );
    expect_error(&mut client, "login", "out-of-order", 4400);
    let (mut client, prompt) = asked(&fixture);
    answer(&mut client, &prompt["id"], &["x", "y"]);
    expect_error(&mut client, "login", "out-of-order", 4400);
}

#[test]
fn the_login_fails_where_no_method_is_left() {
    let fixture = OpensshFixture::with(&["KbdInteractiveAuthentication no"], &[]);
    let mut client = fixture.v1();
    client.auth_v1(&json!({ "username": account().user }));
    expect_error(&mut client, "login", "login-failed", 4401);
}

#[test]
fn a_client_may_close_while_it_is_asked() {
    let fixture = OpensshFixture::with(INTERACTIVE_ONLY, &[]);
    let (mut client, _) = asked(&fixture);
    client.send_json(&json!({ "type": "close" }));
    assert_eq!(client.until_close().0, 1000);
    fixture
        .sshd
        .wait_log("Connection closed by authenticating user");
    // The bridge serves on.
    let mut client = fixture.v1();
    client.auth_v1(&with_password(json!({})));
    assert_eq!(next_json(&mut client)["type"], "ready");
}
