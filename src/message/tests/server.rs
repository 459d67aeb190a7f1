//! Messages of the server, secrecy of `Debug`, and text for logs and close reasons.

use super::*;

fn assert_encodes(message: &ServerMessage, expected: &Value) {
    let json = MessageProcessor::new(Dialect::V1).encode(message).unwrap();
    assert_eq!(&serde_json::from_str::<Value>(&json).unwrap(), expected);
    assert_eq!(
        MessageProcessor::new(Dialect::Compatible).encode(message),
        None
    );
}

#[test]
fn server_messages_have_the_fields_of_the_page() {
    let prompt = Prompt {
        text: "Code: ".into(),
        echo: false,
    };
    for (message, expected) in [
        (
            ServerMessage::hello(10_000, 65_536),
            json!({"type": "hello", "version": 1, "features": [], "auth_deadline_ms": 10_000,
                "max_message_bytes": 65_536}),
        ),
        (
            ServerMessage::HostKey {
                id: 1,
                algorithm: "ssh-ed25519".into(),
                fingerprint: "SHA256:x".into(),
                known: KeyRecord::New,
            },
            json!({"type": "host_key", "id": 1, "algorithm": "ssh-ed25519",
                "fingerprint": "SHA256:x", "known": "new"}),
        ),
        (
            ServerMessage::Banner {
                text: "hi\u{1b}\n".into(),
            },
            json!({"type": "banner", "text": "hi\u{1b}\n"}),
        ),
        (
            ServerMessage::Prompt {
                id: 2,
                name: "n".into(),
                instruction: "i".into(),
                prompts: vec![prompt],
            },
            json!({"type": "prompt", "id": 2, "name": "n", "instruction": "i",
                "prompts": [{"text": "Code: ", "echo": false}]}),
        ),
        (
            ServerMessage::Ready {
                session: "00ff".into(),
                input_window: 65_536,
            },
            json!({"type": "ready", "session": "00ff", "input_window": 65_536}),
        ),
        (
            ServerMessage::InputAck { bytes: u64::MAX },
            json!({"type": "input_ack", "bytes": u64::MAX}),
        ),
    ] {
        assert_encodes(&message, &expected);
    }
}

#[test]
fn notices_and_pongs_have_the_fields_of_the_page() {
    for (message, expected) in [
        (
            ServerMessage::Notice {
                kind: NoticeKind::Drain,
                deadline_ms: Some(5),
                stage: None,
            },
            json!({"type": "notice", "kind": "drain", "deadline_ms": 5}),
        ),
        (
            ServerMessage::notice(NoticeKind::NoTerminal),
            json!({"type": "notice", "kind": "no-terminal"}),
        ),
        (
            ServerMessage::Notice {
                kind: NoticeKind::Stage,
                deadline_ms: None,
                stage: Some("login"),
            },
            json!({"type": "notice", "kind": "stage", "stage": "login"}),
        ),
        (pong(None), json!({"type": "pong", "data": "\""})),
        (
            pong(Some(12_345)),
            json!({"type": "pong", "data": "\"", "ssh_ms": 12.3}),
        ),
        (
            pong(Some(3_000_000)),
            json!({"type": "pong", "data": "\"", "ssh_ms": 3000.0}),
        ),
    ] {
        assert_encodes(&message, &expected);
    }
}

fn pong(micros: Option<u64>) -> ServerMessage {
    ServerMessage::Pong {
        data: "\"".into(),
        ssh_ms: micros.map(|micros| Millis(std::time::Duration::from_micros(micros))),
    }
}

#[test]
fn ends_have_the_fields_of_the_page() {
    let signal = |name| Some(ExitSignal::from_remote(name));
    for (status, signal, core_dumped, expected) in [
        (Some(0), None, false, json!({"type": "exit", "status": 0})),
        (
            None,
            signal("KILL"),
            true,
            json!({"type": "exit", "signal": "KILL"}),
        ),
        (
            None,
            signal("x@y"),
            false,
            json!({"type": "exit", "signal": "unknown"}),
        ),
        (None, None, false, json!({"type": "exit"})),
    ] {
        let mut expected = expected;
        expected["core_dumped"] = core_dumped.into();
        expected["message"] = "m".into();
        let exit = ServerMessage::Exit {
            status,
            signal,
            core_dumped,
            message: "m".into(),
        };
        assert_encodes(&exit, &expected);
    }
    let (code, stage, message) = ("c", "login", "m".to_owned());
    assert_encodes(
        &ServerMessage::Error {
            code,
            stage,
            message,
            retryable: true,
        },
        &json!({"type": "error", "code": "c", "stage": "login", "message": "m",
            "retryable": true}),
    );
}

#[test]
fn debug_shows_no_secret() {
    const SECRET: &str = "hunter2";
    let fields = json!({
        "type": "auth", "username": "alice", "password": SECRET, "private_key": SECRET,
        "passphrase": SECRET, "ticket": SECRET, "env": {"A": SECRET}, "command": SECRET,
    });
    let auth = text(fields.to_string());
    assert!(!format!("{auth:?}").contains(SECRET));
    let incoming = MessageProcessor::new(Dialect::V1).decode(auth).unwrap();
    let shown = format!("{incoming:?}");
    assert!(
        shown.contains("alice") && shown.contains("[redacted]"),
        "{shown}"
    );
    assert!(!shown.contains(SECRET), "{shown}");
    let answer = json!({"type": "answer", "id": 1, "answers": [SECRET]}).to_string();
    assert!(!format!("{:?}", control(answer)).contains(SECRET));
    let typed = Frame::Binary(Bytes::from_static(SECRET.as_bytes()));
    assert!(!format!("{typed:?}").contains(SECRET));
    assert!(!format!("{:?}", after_auth().decode(typed)).contains(SECRET));
    assert_eq!(format!("{:?}", Secret::new(SECRET.into())), "[redacted]");
}

#[test]
fn refusals_quote_nothing_of_the_client() {
    const SECRET: &str = "hunter2";
    for message in [
        json!({"type": SECRET}),
        json!({"type": "ack", "bytes": SECRET}),
        json!({"type": "signal", "name": [SECRET]}),
        json!({"type": "answer", "id": 1, "answers": {SECRET: SECRET}}),
    ] {
        let refused = control(message.to_string()).unwrap_err();
        assert!(
            !format!("{refused} {refused:?}").contains(SECRET),
            "{refused}"
        );
    }
    let refused = auth(json!({"password": [SECRET]})).unwrap_err();
    assert!(
        !format!("{refused} {refused:?}").contains(SECRET),
        "{refused}"
    );
}

#[test]
fn only_an_unshared_message_is_wiped() {
    let message = || Bytes::from(br#"{"type":"auth","username":"u","password":"p"}"#.to_vec());
    let wiped = secret::wipe(message()).unwrap();
    assert_eq!(wiped.len(), message().len());
    assert!(wiped.iter().all(|byte| *byte == 0));
    // Another handle may still be read: its bytes must stay.
    let (shared, other) = (message(), message());
    let kept = shared.clone();
    MessageProcessor::new(Dialect::V1)
        .decode(Frame::Text(shared))
        .unwrap();
    assert_eq!(kept, other);
}

#[test]
fn close_reasons_are_short_and_printable() {
    for (given, expected) in [
        (String::new(), String::new()),
        ("exit=0".into(), "exit=0".into()),
        ("DOMAIN\\user \u{e9}".into(), "DOMAIN\\user \u{e9}".into()),
        (
            "a\r\n\t\0\u{1b}[2J\u{7f}\u{9b}".into(),
            "a\\r\\n\\t\\u{0}\\u{1b}[2J\\u{7f}\\u{9b}".into(),
        ),
        (
            "a\u{2028}b\u{202e}c\u{feff}".into(),
            "a\\u{2028}b\\u{202e}c\\u{feff}".into(),
        ),
        ("x".repeat(123), "x".repeat(123)),
        // What is cut says so.
        ("x".repeat(124), format!("{} [cut]", "x".repeat(117))),
        // Two bytes at 122 don't fit; three bytes: 39 of them are 117.
        (
            format!("{}\u{e9}", "x".repeat(122)),
            format!("{} [cut]", "x".repeat(117)),
        ),
        (
            "\u{20ac}".repeat(50),
            format!("{} [cut]", "\u{20ac}".repeat(39)),
        ),
        // An escape is kept whole or left out.
        (
            format!("{}\n", "x".repeat(121)),
            format!("{}\\n", "x".repeat(121)),
        ),
        (
            format!("{}\n{}", "x".repeat(116), "x".repeat(9)),
            format!("{} [cut]", "x".repeat(116)),
        ),
    ] {
        assert_eq!(close_reason(&given), expected, "{given:?}");
    }
    assert_eq!(escape_remote_text("Welcome\n"), "Welcome\\n");
    let long = escape_remote_text(&"x".repeat(1025));
    assert_eq!((long.len(), long.ends_with("x [cut]")), (1024, true));
}
