//! Logins that ask: one hidden prompt gets the password, whatever else ends the session.

use super::assert_closes;
use super::common::{Client, Event, Fixture, Login, Received, Round, SshScript};

fn login(rounds: Vec<Round>, settings: &[&str]) -> (Fixture, Client) {
    let script = SshScript {
        banner: Some("welcome".to_owned()),
        ..SshScript::login(Login::Interactive(rounds))
    };
    let fixture = Fixture::with(script, settings);
    let mut client = fixture.compatible();
    client.login_compatible("u", "secret");
    (fixture, client)
}

fn answers(texts: &[&str]) -> Received {
    Received::Answers(texts.iter().map(|t| (*t).to_owned()).collect())
}

#[test]
fn a_single_hidden_prompt_gets_the_password() {
    let (fixture, mut client) = login(vec![Round::of(&[("Password: ", false)])], &[]);
    fixture.ssh.wait_received(&Received::Shell);
    fixture.ssh.output(b"in");
    // No banner, no prompt: output is the first thing that comes.
    assert_eq!(client.recv(), Event::Output(b"in".to_vec()));
    fixture.ssh.wait_received(&answers(&["secret"]));
}

/// PAM closes a login with a round that asks nothing.
#[test]
fn rounds_without_prompts_are_answered() {
    let rounds = vec![
        Round {
            name: "Title",
            instruction: "Read this",
            prompts: vec![],
        },
        Round::of(&[("Password: ", false)]),
        Round::of(&[]),
    ];
    let (fixture, _client) = login(rounds, &[]);
    fixture.ssh.wait_received(&Received::Shell);
    let seen = fixture.ssh.received();
    let given: Vec<&Received> = seen
        .iter()
        .filter(|s| matches!(s, Received::Answers(_)))
        .collect();
    assert_eq!(given, [&answers(&[]), &answers(&["secret"]), &answers(&[])]);
}

#[test]
fn other_prompts_end_with_4401() {
    for rounds in [
        vec![Round::of(&[("Code: ", true)])],
        vec![Round::of(&[("Password: ", false), ("OTP: ", false)])],
        vec![
            Round::of(&[("Password: ", false)]),
            Round::of(&[("OTP: ", false)]),
        ],
        vec![
            Round::of(&[("Password: ", false)]),
            Round::of(&[("Password: ", false)]),
        ],
    ] {
        let (fixture, mut client) = login(rounds.clone(), &[]);
        assert_closes(&mut client, 4401, &format!("{rounds:?}"));
        fixture.ssh.wait_received(&Received::Gone);
        assert!(!fixture.ssh.received().contains(&Received::Shell));
    }
}

/// The password answers no prompt for a code, and the reason says why the login ends.
#[test]
fn a_prompt_for_a_code_ends_with_4401_and_says_so() {
    let (fixture, mut client) = login(vec![Round::of(&[("Verification code: ", false)])], &[]);
    let Event::Close(code, reason) = client.recv() else {
        panic!("no close frame");
    };
    assert_eq!(code, 4401, "{reason}");
    assert!(reason.contains("asks for a code"), "{reason}");
    fixture.ssh.wait_received(&Received::Gone);
    let seen = fixture.ssh.received();
    assert!(
        !seen.iter().any(|seen| matches!(seen, Received::Answers(_))),
        "{seen:?}"
    );
}

#[test]
fn a_second_factor_with_an_open_prompt_ends_with_4401() {
    let rounds = vec![Round::of(&[("OTP: ", true)])];
    let fixture = Fixture::with(SshScript::login(Login::PasswordAndInteractive(rounds)), &[]);
    let mut client = fixture.compatible();
    client.login_compatible("u", "secret");
    assert_closes(&mut client, 4401, "second factor");
}

#[test]
fn a_wrong_password_ends_with_4401() {
    let fixture = Fixture::with(SshScript::login(Login::Password("right")), &[]);
    let mut client = fixture.compatible();
    client.login_compatible("u", "wrong");
    assert_closes(&mut client, 4401, "wrong");
}

#[test]
fn a_host_key_to_be_confirmed_ends_with_4409() {
    for policy in ["ssh.host_key_policy=ask", "ssh.host_key_policy=strict"] {
        let fixture = Fixture::new(&[policy]);
        let mut client = fixture.compatible();
        client.login_compatible("u", "p");
        assert_closes(&mut client, 4409, policy);
        assert!(
            !fixture
                .ssh
                .received()
                .iter()
                .any(|s| matches!(s, Received::Password(..)))
        );
    }
}
