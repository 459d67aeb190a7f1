//! From `auth` to `ready`: banners, questions, host keys, refused logins.

use super::common::{Event, Fixture, Login, Received, Round, SshScript};
use super::{assert_alive, assert_bad, assert_fails};
use serde_json::json;

#[test]
fn a_server_that_needs_no_credentials_asks_the_user_nothing() {
    let fixture = Fixture::new(&[]);
    let mut client = fixture.auth(&json!({ "username": "u" }));
    let Event::Json(ready) = client.recv() else {
        panic!("no text");
    };
    assert_eq!(ready["type"], "ready");
    let session = ready["session"].as_str().unwrap();
    assert_eq!(session.len(), 32, "{ready}");
    assert!(session.chars().all(|c| matches!(c, '0'..='9' | 'a'..='f')));
    assert_eq!(ready["input_window"], 64 * 1024);
    let other = fixture.auth(&json!({ "username": "u" })).wait_type("ready");
    assert_ne!(other["session"], session, "a name of its own");
}

#[test]
fn a_refused_password_is_not_retryable() {
    let fixture = Fixture::with(SshScript::login(Login::Password("right")), &[]);
    let mut client = fixture.auth(&json!({ "username": "u", "password": "wrong" }));
    let error = assert_fails(&mut client, 4401, "wrong password");
    assert_eq!(error["code"], "login-failed");
    assert_eq!(
        (&error["stage"], &error["retryable"]),
        (&"login".into(), &false.into())
    );
    fixture.ready_with(&json!({ "username": "u", "password": "right" }));
}

#[test]
fn an_absent_password_is_not_sent_to_the_server() {
    let fixture = Fixture::with(SshScript::login(Login::Password("")), &[]);
    // An empty one is none.
    for fields in [
        json!({ "username": "u" }),
        json!({ "username": "u", "password": "" }),
    ] {
        let mut client = fixture.auth(&fields);
        assert_fails(&mut client, 4401, "no password");
        let made_up = fixture.ssh.saw(|s| matches!(s, Received::Password(..)));
        assert!(!made_up, "{:?}", fixture.ssh.received());
    }
}

#[test]
fn a_banner_is_passed_on_verbatim() {
    let text = "<b>Hi</b> \u{1b}[31m\"ünï\"\r\nline two\0";
    let script = SshScript {
        banner: Some(text.to_owned()),
        ..SshScript::default()
    };
    let fixture = Fixture::with(script, &[]);
    let mut client = fixture.auth(&json!({ "username": "u" }));
    assert_eq!(
        client.recv(),
        Event::Json(json!({ "type": "banner", "text": text }))
    );
    client.wait_type("ready");
}

/// Several rounds, of several prompts, of one and of none.
#[test]
fn rounds_of_several_one_and_no_prompts_are_answered() {
    /// Name, instruction, prompts, and answers to them.
    type Asked = (
        &'static str,
        &'static str,
        &'static [(&'static str, bool)],
        &'static [&'static str],
    );
    let table: [Asked; 5] = [
        (
            "Title \u{1b}",
            "Read <this>",
            &[("Code: ", true), ("PIN: ", false)],
            &["é\n\0", ""],
        ),
        ("", "Nothing to answer", &[], &[]),
        // A round without text and prompts: the bridge answers it.
        ("", "", &[], &[]),
        ("", "", &[("Again? ", true)], &["yes"]),
        ("Only a title", "", &[], &[]),
    ];
    let rounds = table.map(|(name, instruction, prompts, _)| Round {
        name,
        instruction,
        ..Round::of(prompts)
    });
    let fixture = Fixture::asking(rounds.to_vec(), &[]);
    let mut client = fixture.auth(&json!({ "username": "u" }));
    let mut ids = Vec::new();
    for (name, instruction, prompts, answers) in table {
        if name.is_empty() && instruction.is_empty() && prompts.is_empty() {
            continue;
        }
        let prompt = client.wait_type("prompt");
        let prompts = prompts
            .iter()
            .map(|(text, echo)| json!({ "text": text, "echo": echo }));
        assert_eq!(
            (&prompt["name"], &prompt["instruction"], &prompt["prompts"]),
            (&name.into(), &instruction.into(), &prompts.collect())
        );
        assert_alive(&mut client, "a ping between prompt and answer");
        let id = prompt["id"].as_u64().unwrap();
        assert!(!ids.contains(&id), "{id} twice");
        ids.push(id);
        client.answer(&prompt, answers);
    }
    client.wait_type("ready");
    assert_eq!(fixture.ssh.answers(), table.map(|row| row.3));
}

#[test]
fn thirty_two_rounds_are_answered() {
    let rounds = (0..32)
        .map(|n| Round::of(&[(&format!("{n}?"), n % 2 == 0)]))
        .collect();
    let fixture = Fixture::asking(rounds, &[]);
    let mut client = fixture.auth(&json!({ "username": "u" }));
    for n in 0..32 {
        let prompt = client.wait_type("prompt");
        assert_eq!(prompt["prompts"][0]["text"], format!("{n}?"));
        client.answer(&prompt, &[&n.to_string()]);
    }
    client.wait_type("ready");
}

#[test]
fn an_answer_that_does_not_fit_its_prompt_is_4400() {
    let rounds = vec![Round::of(&[("A", true), ("B", false)])];
    let fixture = Fixture::asking(rounds, &[]);
    for (id_off, answers) in [
        (0, json!([])),
        (0, json!(["one"])),
        (0, json!(["one", "two", "three"])),
        (1, json!(["one", "two"])),
        (0, json!(["one", "x".repeat(1025)])),
    ] {
        let mut client = fixture.auth(&json!({ "username": "u" }));
        let id = client.wait_type("prompt")["id"].as_u64().unwrap() + id_off;
        client.send_json(&json!({ "type": "answer", "id": id, "answers": answers }));
        assert_bad(&mut client, &answers.to_string());
    }
    let mut client = fixture.auth(&json!({ "username": "u" }));
    let prompt = client.wait_type("prompt");
    client.answer_host_key(&prompt, true);
    assert_bad(&mut client, "the answer to another question");
    assert!(fixture.ssh.answers().is_empty());
}

#[test]
fn the_largest_round_is_answered() {
    let fixture = Fixture::asking(vec![Round::of(&[("A", true); 32])], &[]);
    let mut client = fixture.auth(&json!({ "username": "u" }));
    let prompt = client.wait_type("prompt");
    let longest = "é".repeat(512);
    client.answer(&prompt, &[longest.as_str(); 32]);
    client.wait_type("ready");
    assert_eq!(fixture.ssh.answers(), [vec![longest; 32]]);
    let mut client = fixture.auth(&json!({ "username": "u" }));
    let prompt = client.wait_type("prompt");
    client.answer(&prompt, &[""; 33]);
    assert_bad(&mut client, "33 answers");
}

#[test]
fn a_password_answers_the_one_hidden_prompt() {
    let rounds = vec![
        Round::of(&[("Password: ", false)]),
        Round::of(&[("OTP: ", false)]),
    ];
    let fixture = Fixture::asking(rounds, &[]);
    let mut client = fixture.auth(&json!({ "username": "u", "password": "secret" }));
    // Once: the next prompt is for the user.
    let prompt = client.wait_type("prompt");
    assert_eq!(prompt["prompts"][0]["text"], "OTP: ");
    client.answer(&prompt, &["123"]);
    client.wait_type("ready");
    assert_eq!(fixture.ssh.answers(), [["secret"], ["123"]]);
    // This server does not take passwords.
    assert!(!fixture.ssh.saw(|s| matches!(s, Received::Password(..))));
}

/// Hidden or not: the password has been the first factor and does not answer the second.
#[test]
fn a_second_factor_is_asked_of_the_user() {
    for echo in [true, false] {
        let rounds = vec![Round::of(&[("OTP: ", echo)])];
        let script = SshScript::login(Login::PasswordAndInteractive(rounds));
        let fixture = Fixture::with(script, &[]);
        let mut client = fixture.auth(&json!({ "username": "u", "password": "secret" }));
        let prompt = client.wait_type("prompt");
        client.answer(&prompt, &["123"]);
        client.wait_type("ready");
        let password = Received::Password("u".to_owned(), "secret".to_owned());
        fixture.ssh.wait_received(&password);
        assert_eq!(fixture.ssh.answers(), [["123"]]);
    }
}

#[test]
fn an_unanswered_prompt_is_closed_with_4408() {
    let rounds = vec![Round::of(&[("A", true)])];
    let fixture = Fixture::asking(rounds, &["session.prompt_timeout=200ms"]);
    let mut client = fixture.auth(&json!({ "username": "u" }));
    client.wait_type("prompt");
    let error = assert_fails(&mut client, 4408, "no answer");
    assert_eq!(error["stage"], "login");
    fixture.ssh.wait_received(&Received::Gone);
}

/// The deadlines of the login are suspended while a prompt is open.
#[test]
fn an_answer_may_take_longer_than_the_login() {
    let rounds = vec![Round::of(&[("A", true)])];
    let settings = [
        "ssh.auth_timeout=3s",
        "limits.connection_timeout=4s",
        "session.prompt_timeout=10s",
    ];
    let fixture = Fixture::asking(rounds, &settings);
    let mut client = fixture.auth(&json!({ "username": "u" }));
    client.wait_type("prompt");
    // The prompt's own, longer, timeout ends the wait: an answer would still be accepted.
    let before = client.recv_within(std::time::Duration::from_millis(4200));
    assert_eq!(before, None, "ended by a deadline that should be suspended");
    assert_fails(&mut client, 4408, "no answer");
}

/// Consequences of a fitting answer are in `openssh`.
#[test]
fn a_host_key_answer_that_does_not_fit_its_question_is_4400() {
    let fixture = Fixture::new(&["ssh.host_key_policy=ask"]);
    let mut client = fixture.auth(&json!({ "username": "u" }));
    let question = client.wait_type("host_key");
    let wrong = question["id"].as_u64().unwrap() + 1;
    client.answer_host_key(&json!({ "id": wrong }), true);
    assert_bad(&mut client, "another id");
    let mut client = fixture.auth(&json!({ "username": "u" }));
    let question = client.wait_type("host_key");
    client.answer(&question, &[]);
    assert_bad(&mut client, "an answer of the other kind");
}
