//! Credentials that a server is shown, and prompts that the password answers.

use super::common::{Client, Login, Round, Scene, Seen, SshScript};
use serde_json::{Value, json};

fn credentials() -> Value {
    json!({ "username": "u", "password": "secret" })
}

fn saw_password(scene: &Scene) -> bool {
    let seen = scene.ssh.seen();
    seen.iter().any(|seen| matches!(seen, Seen::Password(..)))
}

fn answers(texts: &[&str]) -> Seen {
    Seen::Answers(texts.iter().map(|text| (*text).to_owned()).collect())
}

#[test]
fn a_server_that_wants_nothing_is_shown_no_password() {
    let scene = Scene::new(&[]);
    scene.ready_with(&credentials());
    assert!(!saw_password(&scene));
    let mut client = scene.compatible();
    client.login_compatible("u", "secret");
    scene.ssh.wait_count(&Seen::Shell, 2);
    assert!(!saw_password(&scene));
}

#[test]
fn a_server_that_does_not_take_passwords_is_shown_none() {
    let rounds = vec![Round::of(&[("Password: ", false)])];
    let scene = Scene::with(SshScript::login(Login::Interactive(rounds)), &[]);
    scene.ready_with(&credentials());
    assert!(!saw_password(&scene));
    scene.ssh.wait_seen(&answers(&["secret"]));
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
        let scene = Scene::with(SshScript::login(Login::Interactive(rounds)), &[]);
        let mut client: Client = scene.auth(&credentials());
        let prompt = client.wait_type("prompt");
        assert_eq!(prompt["prompts"][0]["text"], code, "{prompt}");
        let id = &prompt["id"];
        client.send_json(&json!({ "type": "answer", "id": id, "answers": ["123456"] }));
        client.wait_type("ready");
        let seen = scene.ssh.seen();
        let given: Vec<&Seen> = seen
            .iter()
            .filter(|seen| matches!(seen, Seen::Answers(_)))
            .collect();
        assert_eq!(given, [&answers(&["123456"]), &answers(&["secret"])]);
    }
}
