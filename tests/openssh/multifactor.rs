//! Servers that want more than one method (RFC 4252 section 5.1, partial success).

use crate::common::{Client, KeyPair, account};
use crate::{OpensshFixture, expect_close, expect_error, expect_shell, next_json, with_password};
use serde_json::{Value, json};

struct Factors {
    fixture: OpensshFixture,
    key: KeyPair,
}

impl Factors {
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
        let mut client = self.fixture.v1();
        client.auth_v1(fields);
        client
    }

    fn accepts_key_and_password(&self) {
        let mut client = self.auth(&with_password(self.key()));
        let ready = next_json(&mut client);
        assert_eq!(ready["type"], "ready", "{ready}");
        expect_shell(&mut client);
    }
}

#[test]
fn key_then_password_logs_in() {
    Factors::want("publickey,password").accepts_key_and_password();
}

#[test]
fn key_then_interactive_is_answered_with_the_password() {
    Factors::want("publickey,keyboard-interactive").accepts_key_and_password();
}

#[test]
fn password_then_key_logs_in() {
    Factors::want("password,publickey").accepts_key_and_password();
}

#[test]
fn interactive_then_key_logs_in() {
    Factors::want("keyboard-interactive,publickey").accepts_key_and_password();
}

#[test]
fn key_then_interactive_asks_the_user() {
    let factors = Factors::want("publickey,keyboard-interactive");
    let mut client = factors.auth(&factors.key());
    let prompt = next_json(&mut client);
    assert_eq!(prompt["type"], "prompt", "{prompt}");
    client.send_json(&json!({
        "type": "answer", "id": prompt["id"], "answers": [account().password],
    }));
    assert_eq!(next_json(&mut client)["type"], "ready");
    expect_shell(&mut client);
}

#[test]
fn a_missing_second_factor_fails_the_login() {
    let factors = Factors::want("publickey,password");
    let mut client = factors.auth(&factors.key());
    expect_error(&mut client, "login", "login-failed", 4401);
    let mut client = factors.auth(&with_password(json!({})));
    expect_error(&mut client, "login", "login-failed", 4401);
    let mut client = factors.fixture.compatible();
    client.login_compatible(account().user, &account().password);
    expect_close(&mut client, 4401);
}

#[test]
fn a_wrong_second_factor_fails_the_login() {
    let factors = Factors::want("publickey,password");
    let mut fields = factors.key();
    fields["password"] = "wrong".into();
    let mut client = factors.auth(&fields);
    expect_error(&mut client, "login", "login-failed", 4401);
}

#[test]
fn one_password_answers_both_factors_in_the_compatible_dialect() {
    let factors = Factors::want("password,keyboard-interactive");
    let mut client = factors.fixture.compatible();
    client.login_compatible(account().user, &account().password);
    expect_shell(&mut client);
}
