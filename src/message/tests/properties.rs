//! Hostile input never panics, and what is encoded always parses.

use super::*;
use proptest::prelude::*;

/// JSON-like values made of the words the parsers look for.
fn any_json() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<u64>().prop_map(Value::from),
        (0_u64..1100).prop_map(Value::from),
        any::<f64>().prop_map(Value::from),
        any::<String>().prop_map(Value::from),
        "[ -~]{0,8}".prop_map(Value::from),
    ];
    leaf.prop_recursive(3, 24, 6, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..6).prop_map(Value::from),
            prop::collection::btree_map(word(), inner, 0..6)
                .prop_map(|map| Value::Object(map.into_iter().collect())),
        ]
    })
}

fn word() -> impl Strategy<Value = String> {
    const WORDS: &[&str] = &[
        "type",
        "action",
        "username",
        "password",
        "private_key",
        "term",
        "cols",
        "rows",
        "env",
        "command",
        "flow_window",
        "id",
        "answers",
        "accept",
        "name",
        "bytes",
        "data",
        "width_px",
    ];
    prop_oneof![
        prop::sample::select(WORDS).prop_map(str::to_owned),
        any::<String>()
    ]
}

/// Strings of JSON in many spellings, right and wrong.
fn secret_json() -> impl Strategy<Value = String> {
    let part = prop_oneof![
        any::<char>().prop_map(String::from),
        any::<char>().prop_map(|c| {
            let mut units = [0; 2];
            let units = c.encode_utf16(&mut units).iter();
            units.map(|unit| format!("\\u{unit:04x}")).collect()
        }),
        prop::sample::select(
            &[
                "\\n",
                "\\\"",
                "\\\\",
                "\\/",
                "\\b",
                "\\f",
                "\\r",
                "\\t",
                "\\u",
                "\\x",
                "\\ud83d",
                "\\ude00",
                "\\uD83D\\uDE00",
                "\\u+123"
            ][..]
        )
        .prop_map(str::to_owned),
    ];
    prop::collection::vec(part, 0..8).prop_map(|parts| format!("\"{}\"", parts.concat()))
}

fn any_type() -> impl Strategy<Value = &'static str> {
    let known = prop::sample::select(kind::Kind::ALL).prop_map(kind::Kind::as_str);
    prop_oneof![11 => known, 1 => Just("reattach")]
}

/// An object that says it is a message, with fields at random.
fn any_message() -> impl Strategy<Value = Vec<u8>> {
    let fields = prop::collection::btree_map(word(), any_json(), 0..8);
    (
        any_type(),
        prop_oneof![Just("ping"), Just("resize")],
        fields,
    )
        .prop_map(|(kind, action, map)| {
            let mut object: serde_json::Map<String, Value> = map.into_iter().collect();
            object.insert("type".into(), kind.into());
            object.insert("action".into(), action.into());
            Value::Object(object).to_string().into_bytes()
        })
}

fn any_bytes() -> impl Strategy<Value = Vec<u8>> {
    prop_oneof![
        prop::collection::vec(any::<u8>(), 0..300),
        "[\\[\\]{}:,\"\\\\a-z0-9 .eE+-]{0,200}".prop_map(String::into_bytes),
        any_message(),
        // A message with one byte changed, or cut short.
        (any_message(), any::<prop::sample::Index>(), any::<u8>()).prop_map(|(mut m, at, byte)| {
            let at = at.index(m.len());
            m[at] = byte;
            m
        }),
        (any_message(), any::<prop::sample::Index>()).prop_map(|(mut m, at)| {
            m.truncate(at.index(m.len()));
            m
        }),
    ]
}

/// The bounds that later code relies on, whatever the client sent.
fn within_bounds(incoming: &Incoming) -> bool {
    match incoming {
        Incoming::Auth(request, _) => {
            let AuthRequest {
                credentials,
                terminal,
                progress: _,
            } = &**request;
            (1..=256).contains(&credentials.username.len())
                && terminal.env.len() <= 32
                && terminal.term.len() <= 64
                && (1..=1000).contains(&terminal.size.cols())
        }
        Incoming::Control(ClientMessage::Answer { answers, .. }) => {
            answers.len() <= 32 && answers.iter().all(|answer| answer.expose().len() <= 1024)
        }
        Incoming::Control(ClientMessage::Resize(size)) => {
            (1..=1000).contains(&size.cols()) && (1..=1000).contains(&size.rows())
        }
        Incoming::Control(ClientMessage::Ping { data }) => data.len() <= 125,
        Incoming::Control(_) | Incoming::Input(_) | Incoming::Ignored => true,
    }
}

proptest! {

    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    /// A secret is what serde_json would have made of its text, for every way to write it.
    #[test]
    fn secrets_are_unescaped_as_serde_json_does(json in secret_json()) {
        let ours = serde_json::from_str::<Secret>(&json);
        let theirs = serde_json::from_str::<String>(&json);
        prop_assert_eq!(
            ours.ok().map(|secret| secret.expose().to_owned()),
            theirs.ok(),
            "{}",
            json
        );
    }

    #[test]
    fn decode_never_panics(
        frames in prop::collection::vec((any::<bool>(), any_bytes()), 1..6),
        start in prop::sample::select(&[
            (Dialect::V1, false), (Dialect::V1, true),
            (Dialect::Compatible, false), (Dialect::Compatible, true),
        ][..]),
    ) {
        let (dialect, logged_in) = start;
        let mut processor = MessageProcessor::new(dialect);
        if logged_in {
            let auth = r#"{"type":"auth","username":"u","password":"p"}"#;
            processor.decode(text(auth)).unwrap();
        }
        for (is_text, bytes) in frames {
            let bytes = Bytes::from(bytes);
            let frame = if is_text { Frame::Text(bytes) } else { Frame::Binary(bytes) };
            if let Ok(incoming) = processor.decode(frame) {
                prop_assert!(within_bounds(&incoming), "{incoming:?}");
            } else {
                // After the first message the compatible dialect takes everything.
                prop_assert!(dialect == Dialect::V1 || !logged_in);
            }
        }
    }

    #[test]
    fn encoded_text_comes_back(text in any::<String>(), status in any::<Option<u32>>()) {
        let processor = MessageProcessor::new(Dialect::V1);
        let prompts = vec![Prompt { text: text.clone(), echo: true }];
        for (message, pointer) in [
            (ServerMessage::Banner { text: text.clone() }, "/text"),
            (
                ServerMessage::Pong {
                    data: text.clone(),
                    ssh_ms: None,
                },
                "/data",
            ),
            (ServerMessage::Error {
                code: "c", stage: "s", message: text.clone(), retryable: false,
            }, "/message"),
            (ServerMessage::Exit(Exit {
                status, signal: Some(SignalName::from_remote(&text)), core_dumped: true,
                message: text.clone(),
            }), "/message"),
            (ServerMessage::Prompt {
                id: 1, name: String::new(), instruction: text.clone(), prompts,
            }, "/prompts/0/text"),
        ] {
            let json = processor.encode(&message).unwrap();
            let value: Value = serde_json::from_str(&json).unwrap();
            prop_assert!(value.get("type").is_some_and(Value::is_string));
            prop_assert_eq!(value.pointer(pointer).and_then(Value::as_str), Some(text.as_str()));
        }
    }

    #[test]
    fn any_secret_comes_through(password in any::<String>(), input in any::<Vec<u8>>()) {
        prop_assume!(password.len() <= 1024);
        let mut message = json!({"username": "u", "password": password}).to_string().into_bytes();
        message.extend_from_slice(&input);
        let decoded = MessageProcessor::new(Dialect::Compatible).decode(Frame::Binary(message.into()));
        let Ok(Incoming::Auth(request, rest)) = decoded else {
            return Err(TestCaseError::fail("not an auth"));
        };
        let secret = request.credentials.password;
        let secret = secret.as_ref().map_or("", Secret::expose);
        prop_assert_eq!(secret, password);
        prop_assert_eq!(rest, input);
    }

    #[test]
    fn reasons_fit_and_hold_no_control_characters(text in "\\PC{0,40}[\\x00-\\x1f]?.{0,200}") {
        let reason = close_reason(&text);
        prop_assert!(reason.len() <= 123);
        prop_assert!(!reason.chars().any(char::is_control));
    }
}
