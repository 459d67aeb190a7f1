//! From `auth` to `ready`: banners, questions, host keys, refused logins.

use super::common::{Event, Fixture, Login, Received, Round, SshScript, Sshd, fixture};
use super::{assert_alive, assert_bad, assert_fails};
use serde_json::json;

#[test]
fn nobody_is_asked_where_nothing_is_wanted() {
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
fn a_refused_password_is_final() {
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
fn without_a_password_none_is_made_up() {
    let fixture = Fixture::with(SshScript::login(Login::Password("")), &[]);
    // An empty one is none.
    for fields in [
        json!({ "username": "u" }),
        json!({ "username": "u", "password": "" }),
    ] {
        let mut client = fixture.auth(&fields);
        assert_fails(&mut client, 4401, "no password");
        let seen = fixture.ssh.received();
        assert!(
            !seen.iter().any(|s| matches!(s, Received::Password(..))),
            "{seen:?}"
        );
    }
}

#[test]
fn a_banner_is_passed_on_as_it_came() {
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
fn any_number_of_rounds() {
    let rounds = vec![
        Round {
            name: "Title \u{1b}",
            instruction: "Read <this>",
            prompts: vec![("Code: ".to_owned(), true), ("PIN: ".to_owned(), false)],
        },
        Round {
            name: "",
            instruction: "Nothing to answer",
            prompts: vec![],
        },
        Round::of(&[]),
        Round::of(&[("Again? ", true)]),
        Round {
            name: "Only a title",
            instruction: "",
            prompts: vec![],
        },
    ];
    let fixture = Fixture::with(SshScript::login(Login::Interactive(rounds)), &[]);
    let mut client = fixture.auth(&json!({ "username": "u" }));
    let mut ids = Vec::new();
    for (name, instruction, prompts, answers) in [
        (
            "Title \u{1b}",
            "Read <this>",
            json!([{ "text": "Code: ", "echo": true }, { "text": "PIN: ", "echo": false }]),
            json!(["é\n\0", ""]),
        ),
        ("", "Nothing to answer", json!([]), json!([])),
        (
            "",
            "",
            json!([{ "text": "Again? ", "echo": true }]),
            json!(["yes"]),
        ),
        ("Only a title", "", json!([]), json!([])),
    ] {
        let prompt = client.wait_type("prompt");
        assert_eq!(
            (&prompt["name"], &prompt["instruction"], &prompt["prompts"]),
            (&name.into(), &instruction.into(), &prompts)
        );
        assert_alive(&mut client, "a ping between prompt and answer");
        let id = prompt["id"].as_u64().unwrap();
        assert!(!ids.contains(&id), "{id} twice");
        ids.push(id);
        client.send_json(&json!({ "type": "answer", "id": id, "answers": answers }));
    }
    client.wait_type("ready");
    let answers: Vec<Received> = fixture.ssh.received();
    let answers: Vec<&Received> = answers
        .iter()
        .filter(|seen| matches!(seen, Received::Answers(_)))
        .collect();
    let of = |texts: &[&str]| Received::Answers(texts.iter().map(|t| (*t).to_owned()).collect());
    // The round that neither says nor asks anything is answered by the bridge.
    let expected = [of(&["é\n\0", ""]), of(&[]), of(&[]), of(&["yes"]), of(&[])];
    assert_eq!(answers, expected.iter().collect::<Vec<_>>());
}

#[test]
fn many_rounds() {
    let rounds = (0..32)
        .map(|n| Round::of(&[(&format!("{n}?"), n % 2 == 0)]))
        .collect();
    let fixture = Fixture::with(SshScript::login(Login::Interactive(rounds)), &[]);
    let mut client = fixture.auth(&json!({ "username": "u" }));
    for n in 0..32 {
        let prompt = client.wait_type("prompt");
        assert_eq!(prompt["prompts"][0]["text"], format!("{n}?"));
        let answer = [n.to_string()];
        client.send_json(&json!({ "type": "answer", "id": prompt["id"], "answers": answer }));
    }
    client.wait_type("ready");
}

#[test]
fn answers_must_fit_the_question() {
    let rounds = vec![Round::of(&[("A", true), ("B", false)])];
    let fixture = Fixture::with(SshScript::login(Login::Interactive(rounds)), &[]);
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
    let id = client.wait_type("prompt")["id"].clone();
    client.send_json(&json!({ "type": "host_key_answer", "id": id, "accept": true }));
    assert_bad(&mut client, "the answer to another question");
    assert!(
        !fixture
            .ssh
            .received()
            .iter()
            .any(|s| matches!(s, Received::Answers(_)))
    );
}

#[test]
fn a_question_is_answered_once() {
    let rounds = vec![Round::of(&[("A", true)]), Round::of(&[("B", true)])];
    let fixture = Fixture::with(SshScript::login(Login::Interactive(rounds)), &[]);
    let mut client = fixture.auth(&json!({ "username": "u" }));
    let id = client.wait_type("prompt")["id"].clone();
    for text in ["x", "y"] {
        client.send_json(&json!({ "type": "answer", "id": id, "answers": [text] }));
    }
    // The second answer is to nothing that is open, and goes nowhere.
    let next = client.wait_type("prompt")["id"].clone();
    client.send_json(&json!({ "type": "answer", "id": next, "answers": ["z"] }));
    client.wait_type("ready");
    for text in ["x", "z"] {
        fixture
            .ssh
            .wait_received(&Received::Answers(vec![text.to_owned()]));
    }
    let seen = fixture.ssh.received();
    let answers = seen.iter().filter(|s| matches!(s, Received::Answers(_)));
    assert_eq!(answers.count(), 2, "{seen:?}");
}

#[test]
fn the_largest_round_is_answered() {
    let prompts: Vec<(String, bool)> = (0..32).map(|n| (n.to_string(), true)).collect();
    let round = Round {
        name: "",
        instruction: "",
        prompts,
    };
    let fixture = Fixture::with(SshScript::login(Login::Interactive(vec![round])), &[]);
    let mut client = fixture.auth(&json!({ "username": "u" }));
    let id = client.wait_type("prompt")["id"].clone();
    let answers = vec!["é".repeat(512); 32];
    client.send_json(&json!({ "type": "answer", "id": id, "answers": answers }));
    client.wait_type("ready");
    fixture.ssh.wait_received(&Received::Answers(answers));
    let mut client = fixture.auth(&json!({ "username": "u" }));
    let id = client.wait_type("prompt")["id"].clone();
    let answers = vec![""; 33];
    client.send_json(&json!({ "type": "answer", "id": id, "answers": answers }));
    assert_bad(&mut client, "33 answers");
}

#[test]
fn a_password_answers_the_one_hidden_prompt() {
    let rounds = vec![
        Round::of(&[("Password: ", false)]),
        Round::of(&[("OTP: ", false)]),
    ];
    let fixture = Fixture::with(SshScript::login(Login::Interactive(rounds)), &[]);
    let mut client = fixture.auth(&json!({ "username": "u", "password": "secret" }));
    // Once: the next is for the user.
    let prompt = client.wait_type("prompt");
    assert_eq!(prompt["prompts"][0]["text"], "OTP: ");
    client.send_json(&json!({ "type": "answer", "id": prompt["id"], "answers": ["123"] }));
    client.wait_type("ready");
    fixture
        .ssh
        .wait_received(&Received::Answers(vec!["secret".to_owned()]));
    fixture
        .ssh
        .wait_received(&Received::Answers(vec!["123".to_owned()]));
}

/// Hidden or not: the password was the first factor and is not the second.
#[test]
fn a_second_factor_after_the_password() {
    for echo in [true, false] {
        let rounds = vec![Round::of(&[("OTP: ", echo)])];
        let script = SshScript::login(Login::PasswordAndInteractive(rounds));
        let fixture = Fixture::with(script, &[]);
        let mut client = fixture.auth(&json!({ "username": "u", "password": "secret" }));
        let prompt = client.wait_type("prompt");
        client.send_json(&json!({ "type": "answer", "id": prompt["id"], "answers": ["123"] }));
        client.wait_type("ready");
        fixture
            .ssh
            .wait_received(&Received::Password("u".to_owned(), "secret".to_owned()));
        fixture
            .ssh
            .wait_received(&Received::Answers(vec!["123".to_owned()]));
    }
}

#[test]
fn who_does_not_answer_is_not_waited_for() {
    let rounds = vec![Round::of(&[("A", true)])];
    let fixture = Fixture::with(
        SshScript::login(Login::Interactive(rounds)),
        &["session.prompt_timeout=200ms"],
    );
    let mut client = fixture.auth(&json!({ "username": "u" }));
    client.wait_type("prompt");
    let error = assert_fails(&mut client, 4408, "no answer");
    assert_eq!(error["stage"], "login");
    fixture.ssh.wait_received(&Received::Gone);
}

/// The user's time is not the machine's: its deadlines stand still meanwhile.
#[test]
fn an_answer_may_take_longer_than_the_login() {
    let rounds = vec![Round::of(&[("A", true)])];
    let settings = [
        "ssh.auth_timeout=1s",
        "limits.connection_timeout=2s",
        "session.prompt_timeout=3s",
    ];
    let fixture = Fixture::with(SshScript::login(Login::Interactive(rounds)), &settings);
    let mut client = fixture.auth(&json!({ "username": "u" }));
    client.wait_type("prompt");
    // What ends the wait is the prompt's own, longer, clock: the answer would still be taken.
    let before = client.recv_within(std::time::Duration::from_millis(2200));
    assert_eq!(before, None, "ended by a clock that should stand still");
    assert_fails(&mut client, 4408, "no answer");
}

#[test]
fn the_user_decides_about_the_host_key() {
    let sshd = Sshd::start();
    let bridge = fixture::bridge_to(&[sshd.addr()], &["ssh.host_key_policy=ask"]);
    let connect = || {
        let path = fixture::path_to(sshd.addr());
        let mut client =
            super::Client::connect(bridge.addr(), &path, &super::common::Options::v1());
        client.auth_v1(&json!({ "username": "u" }));
        let question = client.wait_type("host_key");
        (client, question)
    };
    let (mut client, question) = connect();
    assert_eq!(question["algorithm"], "ssh-ed25519");
    assert_eq!(question["fingerprint"], sshd.host_keys()[0].fingerprint());
    client.send_json(&json!({ "type": "host_key_answer", "id": question["id"], "accept": false }));
    let error = assert_fails(&mut client, 4409, "refused");
    assert_eq!(
        (&error["code"], &error["stage"]),
        (&"host-key-refused".into(), &"host_key".into())
    );
    // Accepted: the login follows, and asks.
    let (mut client, question) = connect();
    client.send_json(&json!({ "type": "host_key_answer", "id": question["id"], "accept": true }));
    let prompt = client.wait_type("prompt");
    assert!(prompt["id"].as_u64() > question["id"].as_u64(), "{prompt}");
    // For that session alone.
    let (mut client, question) = connect();
    let wrong = question["id"].as_u64().unwrap() + 1;
    client.send_json(&json!({ "type": "host_key_answer", "id": wrong, "accept": true }));
    assert_bad(&mut client, "another id");
    let (mut client, question) = connect();
    client.send_json(&json!({ "type": "answer", "id": question["id"], "answers": [] }));
    assert_bad(&mut client, "an answer of the other kind");
}

#[test]
fn an_unknown_host_key_is_refused_by_default() {
    let fixture = Fixture::new(&["ssh.host_key_policy=strict"]);
    let mut client = fixture.auth(&json!({ "username": "u" }));
    let error = assert_fails(&mut client, 4409, "strict");
    assert_eq!(error["code"], "host-key-unknown");
}
