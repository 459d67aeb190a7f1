//! Credentials that a server is sent, and prompts that the password answers.

use super::common::{Fixture, Received, Round};
use serde_json::{Value, json};

fn credentials() -> Value {
    json!({ "username": "u", "password": "secret" })
}

#[test]
fn a_server_that_needs_no_credentials_is_sent_no_password() {
    let fixture = Fixture::new(&[]);
    fixture.ready_with(&credentials());
    let _compatible = fixture.login_compatible("u", "secret");
    fixture.ssh.wait_count(&Received::Shell, 2);
    assert!(!fixture.ssh.saw(|s| matches!(s, Received::Password(..))));
}

/// The first and only prompt of its round, and hidden: only its text differs from the password's.
#[test]
fn a_prompt_for_a_code_goes_to_the_user_and_the_next_for_the_password_does_not() {
    for code in [
        "Verification code: ",
        "Enter PASSCODE: ",
        "Токен:",
        "验证码:",
    ] {
        let rounds = vec![
            Round::of(&[(code, false)]),
            Round::of(&[("Password: ", false)]),
        ];
        let fixture = Fixture::asking(rounds, &[]);
        let mut client = fixture.auth(&credentials());
        let prompt = client.wait_type("prompt");
        assert_eq!(prompt["prompts"][0]["text"], code, "{prompt}");
        client.answer(&prompt, &["123456"]);
        client.wait_type("ready");
        assert_eq!(fixture.ssh.answers(), [["123456"], ["secret"]]);
    }
}
