//! Keyboard-interactive by PAM: answered with the password, by the user, or not at all.

use crate::common::{Client, account};
use crate::{OpensshFixture, expect_error, expect_ready, expect_shell, next_json};
use serde_json::{Value, json};

const INTERACTIVE_ONLY: &[&str] = &["PasswordAuthentication no"];

/// Sends `auth` without a password and returns the prompt that follows.
fn asked(fixture: &OpensshFixture, user: &str) -> (Client, Value) {
    let mut client = fixture.auth(&json!({ "username": user }));
    let prompt = next_json(&mut client);
    assert_eq!(prompt["type"], "prompt", "{prompt}");
    (client, prompt)
}

#[test]
fn the_password_of_auth_answers_the_prompt() {
    let fixture = OpensshFixture::with(INTERACTIVE_ONLY, &[]);
    expect_shell(&mut fixture.ready(json!({})));
    fixture.sshd.wait_log("Accepted keyboard-interactive/pam");
}

/// Though passwords are allowed, as well.
#[test]
fn without_a_password_the_user_is_asked() {
    for lines in [INTERACTIVE_ONLY, &[]] {
        let fixture = OpensshFixture::with(lines, &[]);
        let (mut client, prompt) = asked(&fixture, account().user);
        let prompts = prompt["prompts"].as_array().unwrap();
        assert_eq!(prompts.len(), 1, "{prompt}");
        assert!(prompts[0]["text"].as_str().unwrap().contains("Password"));
        assert_eq!(prompts[0]["echo"], false);
        client.answer(&prompt, &[&account().password]);
        // PAM ends with a round without prompts, which the user does not see.
        expect_ready(&mut client);
        expect_shell(&mut client);
        fixture.sshd.wait_log("Accepted keyboard-interactive/pam");
    }
}

/// An unknown user is asked like any other.
#[test]
fn a_wrong_answer_ends_the_login() {
    let fixture = OpensshFixture::with(INTERACTIVE_ONLY, &[]);
    for user in [account().user, "sshard-nobody"] {
        let (mut client, prompt) = asked(&fixture, user);
        client.answer(&prompt, &["wrong"]);
        expect_error(&mut client, "login", "login-failed", 4401);
    }
}

#[test]
fn a_wrong_password_is_not_asked_for_again() {
    let fixture = OpensshFixture::with(INTERACTIVE_ONLY, &[]);
    let fields = json!({ "username": account().user, "password": "wrong" });
    let mut client = fixture.auth(&fields);
    expect_error(&mut client, "login", "login-failed", 4401);
}

#[test]
fn the_login_fails_where_no_method_is_left() {
    let fixture = OpensshFixture::with(&["KbdInteractiveAuthentication no"], &[]);
    let mut client = fixture.auth(&json!({ "username": account().user }));
    expect_error(&mut client, "login", "login-failed", 4401);
}
