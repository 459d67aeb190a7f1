//! Control messages of `sshard.v1`: fields, bounds at the limit and one past it, order.

use super::*;

#[test]
fn answer_is_bounded() {
    let answers = |n: usize, len: usize| {
        control(json!({"type": "answer", "id": 7, "answers": vec!["x".repeat(len); n]}).to_string())
    };
    for (n, len) in [(0, 0), (1, 1024), (32, 1024)] {
        let Ok(ClientMessage::Answer { id: 7, answers }) = answers(n, len) else {
            panic!("{n} answers of {len}");
        };
        assert_eq!(answers.len(), n);
        assert!(answers.iter().all(|answer| answer.expose().len() == len));
    }
    for (n, len) in [(1, 1025), (33, 0), (34, 0), (5000, 0)] {
        let field = refused_field(answers(n, len));
        assert_eq!(field, "answers", "{n} answers of {len}");
    }
}

#[test]
fn control_messages_are_read() {
    for (message, expected) in [
        (
            r#"{"type":"answer","id":4294967295,"answers":["s"]}"#,
            "Answer { id: 4294967295, answers: [[redacted]] }",
        ),
        (
            r#"{"type":"host_key_answer","id":0,"accept":true}"#,
            "HostKeyAnswer { id: 0, accept: true }",
        ),
        (
            r#"{"type":"host_key_answer","id":1,"accept":false}"#,
            "HostKeyAnswer { id: 1, accept: false }",
        ),
        (
            r#"{"type":"resize","cols":1,"rows":1000}"#,
            "Resize(WindowSize { cols: 1, rows: 1000, width_px: 0, height_px: 0 })",
        ),
        (
            r#"{"type":"resize","cols":80,"rows":24,"width_px":4294967295,"height_px":5}"#,
            "Resize(WindowSize { cols: 80, rows: 24, width_px: 4294967295, height_px: 5 })",
        ),
        (r#"{"type":"eof"}"#, "Eof"),
        (r#"{"type":"ack","bytes":0}"#, "Ack { bytes: 0 }"),
        (
            r#"{"type":"ack","bytes":18446744073709551615}"#,
            "Ack { bytes: 18446744073709551615 }",
        ),
        (r#"{"type":"hold"}"#, "Hold"),
        (r#"{"type":"release"}"#, "Release"),
        (r#"{"type":"ping","data":"d"}"#, r#"Ping { data: "d" }"#),
        (r#"{"type":"ping"}"#, r#"Ping { data: "" }"#),
        (r#"{"type":"close"}"#, "Close"),
        // `type` anywhere, escaped, white space around, unknown fields of any shape, even twice.
        (" {\"bytes\":3,\n\"type\":\"ack\"}\r\n", "Ack { bytes: 3 }"),
        (r#"{"type":"\u0061ck","bytes":3}"#, "Ack { bytes: 3 }"),
        (r#"{"new":{"type":"x"},"type":"hold","new":[[]]}"#, "Hold"),
    ] {
        assert_eq!(
            format!("{:?}", control(message).unwrap()),
            expected,
            "{message}"
        );
    }
}

#[test]
fn control_messages_out_of_bounds_are_refused_by_field() {
    for (message, field) in [
        (r#"{"type":"answer","answers":[]}"#, "id"),
        (r#"{"type":"answer","id":1}"#, "answers"),
        (r#"{"type":"host_key_answer","accept":true}"#, "id"),
        (r#"{"type":"host_key_answer","id":1}"#, "accept"),
        (r#"{"type":"signal"}"#, "name"),
        (r#"{"type":"signal","name":null}"#, "name"),
        (r#"{"type":"ack","bytes":null}"#, "bytes"),
        (r#"{"type":"ack"}"#, "bytes"),
    ] {
        assert_eq!(refused_field(control(message)), field, "{message}");
    }
}

/// A mistake in it loses nobody a shell.
#[test]
fn what_is_harmless_is_taken_for_what_it_can_be() {
    let size = |cols, rows, width_px, height_px| {
        let size = WindowSize::new(cols, rows, width_px, height_px);
        format!("Control(Resize({:?}))", size.unwrap())
    };
    let signal = |name| format!("Control(Signal(SignalName({name:?})))");
    let ack = |bytes: u64| format!("Control(Ack {{ bytes: {bytes} }})");
    let ignored = || "Ignored".to_owned();
    // All forms of a number stand beside `Cells`.
    for (kind, fields, expected) in [
        ("resize", r#""cols":80.9,"rows":2.4e1"#, size(80, 24, 0, 0)),
        (
            "resize",
            r#""cols":"80","rows":5000,"width_px":-1,"height_px":1.5"#,
            size(80, 1000, 0, 1),
        ),
        (
            "resize",
            r#""cols":1e400,"rows":24,"rows":25,"width_px":4294967296"#,
            size(1000, 25, 0, 0),
        ),
        (
            "resize",
            r#""cols":80,"rows":24,"x":"\ud800","width_px":"wide""#,
            size(80, 24, 0, 0),
        ),
        ("resize", r#""x":1"#, ignored()),
        ("resize", r#""cols":80"#, ignored()),
        ("resize", r#""cols":80,"rows":null"#, ignored()),
        ("resize", r#""cols":0,"rows":24"#, ignored()),
        ("signal", r#""name":"SIGINT""#, signal("INT")),
        ("signal", r#""name":"int""#, signal("INT")),
        ("signal", r#""name":"sigkill""#, signal("KILL")),
        ("signal", r#""name":"STOP""#, ignored()),
        ("signal", r#""name":"""#, ignored()),
        ("ack", r#""bytes":1e3"#, ack(1000)),
        ("ack", r#""bytes":0.0"#, ack(0)),
        ("ack", r#""bytes":1024.75"#, ack(1024)),
        ("ack", r#""bytes":9007199254740993"#, ack(9007199254740993)),
    ] {
        let message = format!(r#"{{"type":"{kind}",{fields}}}"#);
        for message in [format!(" {message}\r\n"), message] {
            let read = after_auth().decode(text(message.clone())).unwrap();
            assert_eq!(format!("{read:?}"), expected, "{message}");
        }
    }
    for (length, kept) in [(125, 125), (126, 125), (5000, 125)] {
        let ping = json!({"type": "ping", "data": "x".repeat(length)}).to_string();
        assert!(matches!(control(ping), Ok(ClientMessage::Ping { data }) if data.len() == kept));
        // Never within a character.
        let ping = json!({"type": "ping", "data": "\u{1f980}".repeat(length)}).to_string();
        assert!(matches!(control(ping), Ok(ClientMessage::Ping { data }) if data.len() == 124));
    }
}

#[test]
fn malformed_fields_are_refused_by_type() {
    for (kind, fields) in [
        ("answer", r#""id":4294967296,"answers":[]"#),
        ("answer", r#""id":1,"answers":"x""#),
        ("answer", r#""id":1,"answers":[1]"#),
        ("answer", r#""id":1,"id":1,"answers":[]"#),
        ("host_key_answer", r#""id":1,"accept":"true""#),
        ("signal", r#""name":2"#),
        ("ack", r#""bytes":18446744073709551616"#),
        ("ack", r#""bytes":-1"#),
        ("ack", r#""bytes":1e400"#),
        ("ack", r#""bytes":"0""#),
        ("ack", r#""bytes":true"#),
        ("ping", r#""data":7"#),
        ("ping", r#""data":"\ud800""#),
    ] {
        let refused = control(format!(r#"{{"type":"{kind}",{fields}}}"#));
        assert_eq!(malformed(refused), kind, "{fields}");
    }
    for fields in [
        json!({"env": [["A", "1"]]}),
        json!({"env": {"A": 1}}),
        json!({"password": 1}),
    ] {
        assert_eq!(malformed(auth(fields.clone())), "auth", "{fields}");
    }
    let twice = text(r#"{"type":"auth","username":"u","password":"a","password":"b"}"#);
    let refused = MessageProcessor::new(Dialect::V1).decode(twice);
    assert_eq!(malformed(refused), "auth");
}

#[test]
fn every_signal_of_the_list_is_read() {
    for name in client::SIGNALS {
        let message = json!({"type": "signal", "name": name}).to_string();
        assert!(
            matches!(control(message), Ok(ClientMessage::Signal(read)) if read.as_str() == name)
        );
    }
}

#[test]
fn text_that_is_no_message_is_refused() {
    for (message, expected) in [
        ("", BadMessage::NotAnObject),
        ("ls\n", BadMessage::NotAnObject),
        ("null", BadMessage::NotAnObject),
        (r#"["hold"]"#, BadMessage::NotAnObject),
        (r#""hold""#, BadMessage::NotAnObject),
        (r#"{"type":"hold""#, BadMessage::NotAnObject),
        (r#"{"type":"hold"} x"#, BadMessage::NotAnObject),
        (r#"{"type":"hold"}{"type":"hold"}"#, BadMessage::NotAnObject),
        (r#"{"type":"hold",}"#, BadMessage::NotAnObject),
        ("{}", BadMessage::NoType),
        (r#"{"type":1}"#, BadMessage::NoType),
        (r#"{"type":null}"#, BadMessage::NoType),
        (r#"{"type":"hold","type":"hold"}"#, BadMessage::NoType),
        (r#"{"type":"hold","type":"eof"}"#, BadMessage::NoType),
        (r#"{"type":""}"#, BadMessage::UnknownType),
        (r#"{"type":"HOLD"}"#, BadMessage::UnknownType),
        (r#"{"type":"reattach"}"#, BadMessage::UnknownType),
        (r#"{"type":"hello"}"#, BadMessage::UnknownType),
    ] {
        assert_eq!(control(message).unwrap_err(), expected, "{message}");
    }
    let not_utf8 = Frame::Text(Bytes::from_static(b"{\"type\":\"\xff\"}"));
    assert_eq!(
        after_auth().decode(not_utf8).unwrap_err(),
        BadMessage::NotAnObject
    );
}

#[test]
fn deep_nesting_does_not_overflow_the_stack() {
    for (open, close) in [("[", "]"), (r#"{"a":"#, "}")] {
        let deep = format!("{}1{}", open.repeat(10_000), close.repeat(10_000));
        let ignored = format!(r#"{{"x":{deep},"type":"hold"}}"#);
        assert!(matches!(control(ignored), Ok(ClientMessage::Hold)));
        let refused = control(format!(r#"{{"type":"answer","id":1,"answers":{deep}}}"#));
        assert_eq!(malformed(refused), "answer");
        assert!(control(deep).is_err());
    }
}

#[test]
fn before_auth_only_auth_ping_and_close_pass() {
    for kind in [
        "answer",
        "host_key_answer",
        "resize",
        "signal",
        "eof",
        "ack",
        "hold",
        "release",
    ] {
        let mut processor = MessageProcessor::new(Dialect::V1);
        let refused = processor.decode(text(json!({"type": kind}).to_string()));
        assert_eq!(refused.unwrap_err(), BadMessage::BeforeAuth, "{kind}");
    }
    let mut processor = MessageProcessor::new(Dialect::V1);
    let binary = Frame::Binary(Bytes::from_static(b"x"));
    assert_eq!(
        processor.decode(binary).unwrap_err(),
        BadMessage::BeforeAuth
    );
    let unknown = processor.decode(text(r#"{"type":"sudo"}"#));
    assert_eq!(unknown.unwrap_err(), BadMessage::UnknownType);
    let close = processor.decode(text(r#"{"type":"close"}"#));
    assert!(matches!(close, Ok(Incoming::Control(ClientMessage::Close))));
    let ping = processor.decode(text(r#"{"type":"ping","data":"a"}"#));
    assert!(matches!(ping, Ok(Incoming::Control(ClientMessage::Ping { data })) if data == "a"));
    let auth = processor.decode(text(r#"{"username":"u","type":"auth"}"#));
    assert!(matches!(auth, Ok(Incoming::Auth(..))));
}

#[test]
fn auth_is_taken_once() {
    let again = r#"{"type":"auth","username":"u"}"#;
    assert_eq!(control(again).unwrap_err(), BadMessage::SecondAuth);
    // A refused auth doesn't count as seen.
    let mut processor = MessageProcessor::new(Dialect::V1);
    assert!(
        processor
            .decode(text(r#"{"type":"auth","username":""}"#))
            .is_err()
    );
    assert!(matches!(
        processor.decode(text(again)),
        Ok(Incoming::Auth(..))
    ));
}

#[test]
fn binary_is_input_without_a_copy() {
    let bytes = Bytes::from(b"{\"type\":\"close\"}\xff\x00".to_vec());
    let Ok(Incoming::Input(input)) = after_auth().decode(Frame::Binary(bytes.clone())) else {
        panic!("not input");
    };
    assert_eq!(input, bytes);
    assert_eq!(input.as_ptr(), bytes.as_ptr());
}
