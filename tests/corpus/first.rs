//! First messages. Each is sent to each dialect, as text and, where that is no difference of kind,
//! as binary; each is accepted, or has its close code before the target is connected to. No message
//! to the client repeats the password.

use crate::common::{Client, DEADLINE, Fixture, Login, Options, Received, SshScript, poll};
use crate::shapes::{keys, nesting, shapes, surrogates, types};
use crate::values::{limits, names};
use serde_json::{Value, json};

/// The message is accepted.
pub(crate) const OK: u16 = 0;
pub(crate) const BAD: u16 = 4400;
pub(crate) const LARGE: u16 = 1009;

/// `websocket.read_limit`, as small as it can be.
pub(crate) const MOST: usize = 32 * 1024;

const PASSWORD: &str = "hunter2";

pub(crate) struct Row {
    about: String,
    text: String,
    v1: u16,
    compatible: u16,
}

pub(crate) fn row(about: &str, text: impl Into<String>, v1: u16, compatible: u16) -> Row {
    Row {
        about: about.to_owned(),
        text: text.into(),
        v1,
        compatible,
    }
}

/// A message that no dialect accepts.
pub(crate) fn bad(about: &str, text: impl Into<String>) -> Row {
    row(about, text, BAD, BAD)
}

/// A message that both dialects accept.
pub(crate) fn good(about: &str, text: impl Into<String>) -> Row {
    row(about, text, OK, OK)
}

/// Fields of a good first message of both dialects, and these.
pub(crate) fn with(fields: &str) -> String {
    format!(r#"{{"type":"auth","username":"u","password":"{PASSWORD}",{fields}}}"#)
}

/// A good message, but for this field.
pub(crate) fn but(field: &str, value: &Value) -> String {
    let mut message = json!({ "type": "auth", "username": "u", "password": PASSWORD });
    message[field] = value.clone();
    message.to_string()
}

/// As [`but`], with JSON that no library would write.
pub(crate) fn but_raw(field: &str, value: &str) -> String {
    let other = if field == "username" {
        "password"
    } else {
        "username"
    };
    format!(r#"{{"type":"auth","{other}":"u","{field}":{value}}}"#)
}

fn check(fixture: &Fixture, row: &Row, compatible: bool, binary: bool) -> Result<(), String> {
    let options = if compatible {
        Options::compatible()
    } else {
        Options::v1()
    };
    let mut client = Client::connect(fixture.bridge.addr(), &fixture.path(), &options);
    if !compatible {
        client.wait_type("hello");
    }
    let before = fixture.ssh.input().len();
    let connected = fixture.ssh.count(&Received::Connected);
    if binary {
        client.send_binary(row.text.as_bytes());
    } else {
        client.send_text(&row.text);
    }
    let expected = match (compatible, binary) {
        (true, _) => row.compatible,
        // Binary is input, and there is no shell yet; the size is checked first.
        (false, true) if row.v1 != LARGE => BAD,
        (false, _) => row.v1,
    };
    if expected == OK {
        client.send(tungstenite::Message::Ping(Vec::new().into()));
        if compatible {
            let mark = b"mark";
            client.send_binary(mark);
            // Input that the text itself carries comes before it.
            let arrived = poll(DEADLINE, || {
                let input = fixture.ssh.input();
                let is_new = input.len() >= before + mark.len();
                (is_new && input.ends_with(mark)).then_some(())
            });
            return arrived.ok_or_else(|| "not accepted".to_owned());
        }
        client.wait_type("ready");
        return Ok(());
    }
    let end = client.transcript();
    let right = end.code == expected
        && (1..=123).contains(&end.reason.len())
        && !format!("{end:?}").contains(PASSWORD)
        && fixture.ssh.count(&Received::Connected) == connected;
    right
        .then_some(())
        .ok_or_else(|| format!("{end:?}, not {expected}"))
}

#[test]
fn each_first_message_is_accepted_or_closed_with_its_code() {
    let limit = format!("websocket.read_limit={MOST}");
    let settings = [limit.as_str(), "limits.max_connections_per_host=1000"];
    let fixture = Fixture::with(SshScript::default(), &settings);
    let rows: Vec<Row> = [
        shapes(),
        nesting(),
        surrogates(),
        keys(),
        types(),
        names(),
        limits(),
    ]
    .into_iter()
    .flatten()
    .collect();
    let mut wrong = Vec::new();
    for row in &rows {
        for (compatible, binary) in [(false, false), (true, false), (true, true), (false, true)] {
            if let Err(what) = check(&fixture, row, compatible, binary) {
                let dialect = if compatible { "compatible" } else { "v1" };
                wrong.push(format!("{}, {dialect}, binary {binary}: {what}", row.about));
            }
        }
    }
    assert!(
        wrong.is_empty(),
        "{} of {} rows:\n{}",
        wrong.len(),
        rows.len(),
        wrong.join("\n")
    );
    assert!(rows.len() >= 100, "{} rows", rows.len());
    println!(
        "{} first messages, each in both dialects and as text and binary",
        rows.len()
    );
    assert!(!fixture.bridge.stderr().contains("panicked"));
}

#[test]
fn a_username_like_an_option_is_sent_as_a_username() {
    let user = "-oProxyCommand=x";
    // The server takes passwords: it notes a username only with one.
    let fixture = Fixture::with(SshScript::login(Login::Password("p")), &[]);
    let mut v1 = fixture.v1();
    v1.login_v1(user, "p");
    let mut compatible = fixture.compatible();
    compatible.login_compatible(user, "p");
    let login = Received::Password(user.to_owned(), "p".to_owned());
    fixture.ssh.wait_count(&login, 2);
}
