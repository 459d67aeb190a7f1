//! Credentials that a server is shown, and prompts that the password answers.

use super::common::{Client, Fixture, Login, Received, Round, SshScript};
use serde_json::{Value, json};

fn credentials() -> Value {
    json!({ "username": "u", "password": "secret" })
}

fn saw_password(fixture: &Fixture) -> bool {
    let seen = fixture.ssh.received();
    seen.iter()
        .any(|seen| matches!(seen, Received::Password(..)))
}

fn answers(texts: &[&str]) -> Received {
    Received::Answers(texts.iter().map(|text| (*text).to_owned()).collect())
}

#[test]
fn a_server_that_wants_nothing_is_shown_no_password() {
    let fixture = Fixture::new(&[]);
    fixture.ready_with(&credentials());
    assert!(!saw_password(&fixture));
    let mut client = fixture.compatible();
    client.login_compatible("u", "secret");
    fixture.ssh.wait_count(&Received::Shell, 2);
    assert!(!saw_password(&fixture));
}

#[test]
fn a_server_that_does_not_take_passwords_is_shown_none() {
    let rounds = vec![Round::of(&[("Password: ", false)])];
    let fixture = Fixture::with(SshScript::login(Login::Interactive(rounds)), &[]);
    fixture.ready_with(&credentials());
    assert!(!saw_password(&fixture));
    fixture.ssh.wait_received(&answers(&["secret"]));
}

/// The first and only prompt of its round, and hidden: what tells it from the password's are its
/// words.
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
        let fixture = Fixture::with(SshScript::login(Login::Interactive(rounds)), &[]);
        let mut client: Client = fixture.auth(&credentials());
        let prompt = client.wait_type("prompt");
        assert_eq!(prompt["prompts"][0]["text"], code, "{prompt}");
        let id = &prompt["id"];
        client.send_json(&json!({ "type": "answer", "id": id, "answers": ["123456"] }));
        client.wait_type("ready");
        let seen = fixture.ssh.received();
        let given: Vec<&Received> = seen
            .iter()
            .filter(|seen| matches!(seen, Received::Answers(_)))
            .collect();
        assert_eq!(given, [&answers(&["123456"]), &answers(&["secret"])]);
    }
}
