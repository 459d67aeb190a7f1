//! Logins that ask: one hidden prompt gets the password, whatever else ends the session.

use super::assert_closes;
use super::common::{Client, Event, Fixture, Login, Received, Round, SshScript};

fn login(rounds: Vec<Round>) -> (Fixture, Client) {
    let script = SshScript {
        banner: Some("welcome".to_owned()),
        ..SshScript::login(Login::Interactive(rounds))
    };
    let fixture = Fixture::with(script, &[]);
    let client = fixture.login_compatible("u", "secret");
    (fixture, client)
}

/// PAM closes a login with a round that asks nothing.
#[test]
fn a_single_hidden_prompt_gets_the_password_and_rounds_without_prompts_are_answered() {
    let rounds = vec![
        Round {
            name: "Title",
            instruction: "Read this",
            prompts: vec![],
        },
        Round::of(&[("Password: ", false)]),
        Round::of(&[]),
    ];
    let (fixture, mut client) = login(rounds);
    fixture.ssh.wait_received(&Received::Shell);
    fixture.ssh.output(b"in");
    // No banner, no prompt: output is the first thing that comes.
    assert_eq!(client.recv(), Event::Output(b"in".to_vec()));
    assert_eq!(fixture.ssh.answers(), [vec![], vec!["secret"], vec![]]);
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
        let (fixture, mut client) = login(rounds.clone());
        assert_closes(&mut client, 4401, &format!("{rounds:?}"));
        fixture.ssh.wait_received(&Received::Gone);
        assert!(!fixture.ssh.received().contains(&Received::Shell));
    }
}

/// The password answers no prompt for a code, and the reason says why the login ends.
#[test]
fn a_prompt_for_a_code_ends_with_4401_and_says_so() {
    let (fixture, mut client) = login(vec![Round::of(&[("Verification code: ", false)])]);
    let reason = assert_closes(&mut client, 4401, "code");
    assert!(reason.contains("asks for a code"), "{reason}");
    fixture.ssh.wait_received(&Received::Gone);
    assert!(fixture.ssh.answers().is_empty());
}
