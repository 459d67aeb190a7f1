//! Servers that want more than one method (RFC 4252 section 5.1, partial success).

use crate::common::{Client, KeyPair, account};
use crate::with_password;
use crate::{OpensshFixture, expect_close, expect_error, expect_ready, expect_shell, next_json};
use serde_json::{Value, json};

struct MultifactorFixture {
    fixture: OpensshFixture,
    key: KeyPair,
}

impl MultifactorFixture {
    /// Starts an sshd that requires these methods, all of them, in this order.
    fn want(methods: &str) -> Self {
        let fixture = OpensshFixture::with(&[&format!("AuthenticationMethods {methods}")], &[]);
        let key = KeyPair::generate(&["-t", "ed25519"], "");
        fixture.sshd.authorise(&key);
        Self { fixture, key }
    }

    fn key(&self) -> Value {
        json!({ "username": account().user, "private_key": self.key.private_pem() })
    }

    fn auth(&self, fields: &Value) -> Client {
        self.fixture.auth(fields)
    }
}

/// The password answers a question as well.
#[test]
fn a_key_and_a_password_log_in_in_any_order() {
    for methods in [
        "publickey,password",
        "publickey,keyboard-interactive",
        "password,publickey",
        "keyboard-interactive,publickey",
    ] {
        println!("{methods}");
        let factors = MultifactorFixture::want(methods);
        let mut client = factors.auth(&with_password(factors.key()));
        expect_ready(&mut client);
        expect_shell(&mut client);
    }
}

#[test]
fn key_then_interactive_asks_the_user() {
    let factors = MultifactorFixture::want("publickey,keyboard-interactive");
    let mut client = factors.auth(&factors.key());
    let prompt = next_json(&mut client);
    assert_eq!(prompt["type"], "prompt", "{prompt}");
    client.answer(&prompt, &[&account().password]);
    expect_ready(&mut client);
    expect_shell(&mut client);
}

#[test]
fn a_missing_or_wrong_second_factor_fails_the_login() {
    let factors = MultifactorFixture::want("publickey,password");
    let mut wrong = factors.key();
    wrong["password"] = "wrong".into();
    for fields in [factors.key(), with_password(json!({})), wrong] {
        let mut client = factors.auth(&fields);
        expect_error(&mut client, "login", "login-failed", 4401);
    }
    let mut client = factors.fixture.compatible(&account().password);
    expect_close(&mut client, 4401);
}

#[test]
fn one_password_answers_both_factors_in_the_compatible_dialect() {
    let factors = MultifactorFixture::want("password,keyboard-interactive");
    expect_shell(&mut factors.fixture.compatible(&account().password));
}
