//! Messages of the server, secrecy of `Debug`, and text for logs and close reasons.

use super::*;

fn assert_encodes(message: ServerMessage, expected: Value) {
    let json = MessageProcessor::new(Dialect::V1).encode(&message).unwrap();
    assert_eq!(serde_json::from_str::<Value>(&json).unwrap(), expected);
    let compatible = MessageProcessor::new(Dialect::Compatible);
    assert_eq!(compatible.encode(&message), None);
}

#[test]
fn server_messages_have_the_fields_of_the_page() {
    assert_encodes(
        ServerMessage::hello(10_000, 65_536),
        json!({"type": "hello", "version": 1, "features": [], "auth_deadline_ms": 10_000,
            "max_message_bytes": 65_536}),
    );
    let host_key = ServerMessage::HostKey {
        id: 1,
        algorithm: "ssh-ed25519".into(),
        fingerprint: "SHA256:x".into(),
        known: KeyRecord::New,
    };
    assert_encodes(
        host_key,
        json!({"type": "host_key", "id": 1, "algorithm": "ssh-ed25519",
            "fingerprint": "SHA256:x", "known": "new"}),
    );
    let text = "hi\u{1b}\n".to_owned();
    assert_encodes(
        ServerMessage::Banner { text: text.clone() },
        json!({"type": "banner", "text": text}),
    );
    let prompt = Prompt {
        text: "Code: ".into(),
        echo: false,
    };
    let prompt = ServerMessage::Prompt {
        id: 2,
        name: "n".into(),
        instruction: "i".into(),
        prompts: vec![prompt],
    };
    assert_encodes(
        prompt,
        json!({"type": "prompt", "id": 2, "name": "n", "instruction": "i",
            "prompts": [{"text": "Code: ", "echo": false}]}),
    );
    let ready = ServerMessage::Ready {
        session: "00ff".into(),
        input_window: 65_536,
    };
    assert_encodes(
        ready,
        json!({"type": "ready", "session": "00ff", "input_window": 65_536}),
    );
    assert_encodes(
        ServerMessage::InputAck { bytes: u64::MAX },
        json!({"type": "input_ack", "bytes": u64::MAX}),
    );
}

#[test]
fn notices_have_the_fields_of_the_page() {
    let notice = |kind, deadline_ms, stage| ServerMessage::Notice {
        kind,
        deadline_ms,
        stage,
    };
    assert_encodes(
        notice(NoticeKind::Drain, Some(5), None),
        json!({"type": "notice", "kind": "drain", "deadline_ms": 5}),
    );
    assert_encodes(
        ServerMessage::notice(NoticeKind::NoTerminal),
        json!({"type": "notice", "kind": "no-terminal"}),
    );
    assert_encodes(
        notice(NoticeKind::Stage, None, Some("login")),
        json!({"type": "notice", "kind": "stage", "stage": "login"}),
    );
}

#[test]
fn a_pong_carries_its_round_trip_in_tenths_of_a_millisecond() {
    let fields = json!({"type": "pong", "data": "\""});
    for (micros, shown) in [
        (None, None),
        (Some(12_345), Some(12.3)),
        (Some(3_000_000), Some(3000.0)),
    ] {
        let mut expected = fields.clone();
        if let Some(shown) = shown {
            expected["ssh_ms"] = Value::from(shown);
        }
        let pong = ServerMessage::Pong {
            data: "\"".into(),
            ssh_ms: micros.map(std::time::Duration::from_micros),
        };
        assert_encodes(pong, expected);
    }
}

#[test]
fn ends_have_the_fields_of_the_page() {
    let signal = |name| Some(SignalName::from_remote(name));
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
        let exit = Exit {
            status,
            signal,
            core_dumped,
            message: "m".into(),
        };
        assert_encodes(ServerMessage::Exit(exit), expected);
    }
    let error = ServerMessage::Error {
        code: "c",
        stage: "login",
        message: "m".into(),
        retryable: true,
    };
    assert_encodes(
        error,
        json!({"type": "error", "code": "c", "stage": "login", "message": "m",
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

/// A login sent in the wrong kind of message, or too late.
#[test]
fn messages_that_are_refused_or_discarded_before_auth_are_wiped() {
    let secret = || Bytes::copy_from_slice(br#"{"type":"auth","password":"geheim"}"#);
    let (refused, late) = (secret(), secret());
    let shared = [refused.clone(), late.clone()];
    let mut processor = MessageProcessor::new(Dialect::V1);
    let error = processor.decode(Frame::Binary(refused)).unwrap_err();
    assert_eq!(error, BadMessage::BeforeAuth);
    processor.discard(Frame::Text(late));
    let kept = format!("{processor:?}");
    assert!(kept.contains("Unwiped(2 messages)"), "{kept}");
    drop(shared);
    // After `auth`, an answer.
    let auth = br#"{"type":"auth","username":"u"}"#;
    let auth = Frame::Text(Bytes::copy_from_slice(auth));
    processor.decode(auth).unwrap();
    let answer = Bytes::from_static(br#"{"type":"answer","id":1,"answers":["geheim"]}"#);
    processor.discard(Frame::Text(answer));
    let kept = format!("{processor:?}");
    assert!(kept.contains("Unwiped(1 messages)"), "{kept}");
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
