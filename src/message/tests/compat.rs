//! The compatible dialect: first message, then what is control and what is typed.

use super::*;

const FIRST: &str = r#"{"username":"alice","password":"hunter2"}"#;

fn first(frame: Frame) -> Result<(Box<AuthRequest>, Bytes), BadMessage> {
    match MessageProcessor::new(Dialect::Compatible).decode(frame)? {
        Incoming::Auth(request, input) => Ok((request, input)),
        other => panic!("not an auth: {other:?}"),
    }
}

fn later(frame: Frame) -> Incoming {
    let mut processor = MessageProcessor::new(Dialect::Compatible);
    processor.decode(text(FIRST)).unwrap();
    processor.decode(frame).unwrap()
}

#[test]
fn first_message_is_credentials_then_input() {
    for rest in [
        &b""[..],
        b"ls\n",
        b"\n",
        b" {\"action\":\"ping\"}",
        b"\xff\x00",
        b"}",
    ] {
        let whole = [FIRST.as_bytes(), rest].concat();
        for frame in [
            Frame::Text(whole.clone().into()),
            Frame::Binary(whole.clone().into()),
        ] {
            let (request, input) = first(frame).unwrap();
            assert_eq!(request.credentials.username, "alice");
            assert_eq!(request.credentials.password.unwrap().expose(), "hunter2");
            assert_eq!(request.terminal.term, "xterm-256color");
            assert_eq!(request.terminal.size, WindowSize::default());
            assert!(request.terminal.flow_window.is_none());
            assert_eq!(input, rest);
        }
    }
    let spaced = "\n { \"cols\": 5, \"password\" : \"\\u0070\" , \"username\":\"a\" }x";
    let (request, input) = first(text(spaced)).unwrap();
    assert_eq!(request.credentials.password.unwrap().expose(), "p");
    assert_eq!(request.terminal.size.cols(), 80);
    assert_eq!(input, "x");
}

#[test]
fn bad_first_messages_are_refused() {
    let credentials = |user: &str, password: &str| {
        let message = json!({"username": user, "password": password});
        first(text(message.to_string()))
    };
    let refused = |user: &str, password: &str| refused_field(credentials(user, password));
    assert!(credentials(&"u".repeat(256), &"p".repeat(1024)).is_ok());
    assert!(credentials("u", "").is_ok());
    assert_eq!(refused(&"u".repeat(257), "p"), "username");
    assert_eq!(refused("", "p"), "username");
    assert_eq!(refused("a\nb", "p"), "username");
    assert_eq!(refused("u", &"p".repeat(1025)), "password");
    for bad in [
        "",
        "ls\n",
        r#"["alice","hunter2"]"#,
        r#"{"username":"alice"}"#,
        r#"{"password":"hunter2"}"#,
        r#"{"username":"alice","password":null}"#,
        r#"{"username":"alice","password":"hunter2""#,
        r#"{"username":"alice","username":"bob","password":"hunter2"}"#,
        r#"{"action":"ping"}"#,
    ] {
        assert_eq!(malformed(first(text(bad))), "credentials", "{bad}");
    }
}

/// As in `sshard.v1`: what can be read is, and no `resize` is ever typed.
#[test]
fn later_resize_of_any_size() {
    let size = |cols, rows| {
        let size = WindowSize::new(cols, rows, 0, 0).unwrap();
        format!("Control(Resize({size:?}))")
    };
    let ignored = || "Ignored".to_owned();
    for (fields, expected) in [
        (r#""cols":100,"rows":30"#, size(100, 30)),
        (r#""rows":1000,"cols":1,"x":[]"#, size(1, 1000)),
        (r#""cols":100,"rows":1001"#, size(100, 1000)),
        (r#""cols":1e400,"rows":" 30.5 ""#, size(1000, 30)),
        (r#""cols":0,"rows":30,"cols":100"#, size(100, 30)),
        (r#""cols":100,"rows":30,"x":"\ud800""#, size(100, 30)),
        (r#""action":"resize","cols":0,"rows":30"#, ignored()),
        (r#""cols":null,"rows":30"#, ignored()),
        (r#""cols":100"#, ignored()),
        (r#""cols":[[[]]],"rows":{}"#, ignored()),
        (r#""cols":0.5,"rows":-1"#, ignored()),
    ] {
        for message in [
            format!(r#"{{"action":"resize",{fields}}}"#),
            format!("\u{feff}{{{fields},\"action\":\"re\\u0073ize\"}}\r\n"),
        ] {
            let read = format!("{:?}", later(text(message.clone())));
            assert_eq!(read, expected, "{message}");
        }
    }
    let none = later(text(r#"{"action":"resize"}"#));
    assert!(matches!(none, Incoming::Ignored));
    let deep = format!("{}1{}", "[".repeat(10_000), "]".repeat(10_000));
    let message = format!(r#"{{"x":{deep},"action":"resize","cols":{deep},"rows":1}}"#);
    assert!(matches!(later(text(message)), Incoming::Ignored));
}

#[test]
fn later_ping() {
    for message in [r#"{"action":"ping"}"#, r#"{"action":"ping","data":"x"}"#] {
        let read = format!("{:?}", later(text(message)));
        assert_eq!(read, r#"Control(Ping { data: "" })"#, "{message}");
    }
}

/// As clients in the field frame it.
#[test]
fn first_messages_of_many_makes() {
    let with = |fields: &str| FIRST.replace('{', &format!("{{{fields},"));
    let deep = format!(r#""x":{}1{}"#, "[".repeat(10_000), "]".repeat(10_000));
    for (message, rest) in [
        (format!("\u{feff}{FIRST}"), ""),
        (format!("\u{feff} \r\n{FIRST}\r\n"), "\r\n"),
        (format!("{FIRST}\n"), "\n"),
        (with(r#""cols":"80","rows":null,"x":{"y":[1]}"#), ""),
        (with(r#""x":"\ud800""#), ""),
        (with(&deep), ""),
    ] {
        for frame in [text(message.clone()), Frame::Binary(message.clone().into())] {
            let (request, input) = first(frame).unwrap();
            assert_eq!(request.credentials.username, "alice", "{message}");
            assert_eq!(request.credentials.password.unwrap().expose(), "hunter2");
            assert_eq!(input, rest, "{message}");
        }
    }
    let (request, _) = first(text(r#"{"username":"alice","password":""}"#)).unwrap();
    assert!(request.credentials.password.is_none());
    for bad in [
        r#"{"username":"alice","password":12345}"#,
        r#"{"username":1000,"password":"p"}"#,
        r#"{"username":"\ud800","password":"p"}"#,
        "\u{feff}",
        "\u{feff}\u{feff}{}",
    ] {
        assert!(first(text(bad)).is_err(), "{bad}");
    }
}

#[test]
fn everything_else_is_typed_whole() {
    let deep = format!(
        r#"{{"action":{}1{}}}"#,
        "[".repeat(10_000),
        "]".repeat(10_000)
    );
    for message in [
        "",
        "ls\n",
        "{",
        "{}",
        "{ echo hi; }\n",
        FIRST,
        r#"{"action":"close"}"#,
        r#"{"action":1}"#,
        r#"{"Action":"resize"}"#,
        r#"{"type":"resize","cols":1,"rows":1}"#,
        r#"["resize"]"#,
        r#""resize""#,
        r#"{"action":"ping"}{"action":"ping"}"#,
        r#"{"action":"ping"} ls"#,
        &deep,
    ] {
        match later(text(message)) {
            Incoming::Input(input) => assert_eq!(input, message),
            other => panic!("{message}: {other:?}"),
        }
    }
    for bytes in [
        &br#"{"action":"resize","cols":1,"rows":1}"#[..],
        b"\xff\x00",
        FIRST.as_bytes(),
    ] {
        match later(Frame::Binary(Bytes::copy_from_slice(bytes))) {
            Incoming::Input(input) => assert_eq!(input, bytes),
            other => panic!("{other:?}"),
        }
    }
}

#[test]
fn input_after_credentials_does_not_share_their_buffer() {
    let whole = Bytes::from(format!("{FIRST}ls\n"));
    let range = whole.as_ptr() as usize..whole.as_ptr() as usize + whole.len();
    let (_, input) = first(Frame::Text(whole.clone())).unwrap();
    assert!(!range.contains(&(input.as_ptr() as usize)));
}
