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
        assert_eq!(
            refused_field(answers(n, len)),
            "answers",
            "{n} answers of {len}"
        );
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
    for (message, expected) in [
        (
            r#"{"type":"resize","cols":80.9,"rows":2.4e1}"#,
            "Control(Resize(WindowSize { cols: 80, rows: 24, width_px: 0, height_px: 0 }))",
        ),
        (
            r#"{"type":"resize","cols":"80","rows":5000,"width_px":-1,"height_px":1.5}"#,
            "Control(Resize(WindowSize { cols: 80, rows: 1000, width_px: 0, height_px: 1 }))",
        ),
        (
            r#"{"type":"resize","cols":1e400,"rows":24,"rows":25,"width_px":4294967296}"#,
            "Control(Resize(WindowSize { cols: 1000, rows: 25, width_px: 0, height_px: 0 }))",
        ),
        (
            r#"{"type":"resize","cols":80,"rows":24,"x":"\ud800","width_px":"wide"}"#,
            "Control(Resize(WindowSize { cols: 80, rows: 24, width_px: 0, height_px: 0 }))",
        ),
        (r#"{"type":"resize"}"#, "Ignored"),
        (r#"{"type":"resize","cols":80}"#, "Ignored"),
        (r#"{"type":"resize","cols":80,"rows":null}"#, "Ignored"),
        (r#"{"type":"resize","cols":0,"rows":24}"#, "Ignored"),
        (r#"{"type":"resize","cols":-80,"rows":24}"#, "Ignored"),
        (r#"{"type":"resize","cols":80,"rows":0.9}"#, "Ignored"),
        (r#"{"type":"resize","cols":true,"rows":[24]}"#, "Ignored"),
        (r#"{"type":"resize","cols":"NaN","rows":"inf"}"#, "Ignored"),
        (
            r#"{"type":"signal","name":"SIGINT"}"#,
            "Control(Signal(Int))",
        ),
        (r#"{"type":"signal","name":"int"}"#, "Control(Signal(Int))"),
        (
            r#"{"type":"signal","name":"sigkill"}"#,
            "Control(Signal(Kill))",
        ),
        (r#"{"type":"signal","name":"STOP"}"#, "Ignored"),
        (r#"{"type":"signal","name":""}"#, "Ignored"),
        (
            r#"{"type":"ack","bytes":1e3}"#,
            "Control(Ack { bytes: 1000 })",
        ),
        (r#"{"type":"ack","bytes":0.0}"#, "Control(Ack { bytes: 0 })"),
        (
            r#"{"type":"ack","bytes":1024.75}"#,
            "Control(Ack { bytes: 1024 })",
        ),
        (
            r#"{"type":"ack","bytes":9007199254740993}"#,
            "Control(Ack { bytes: 9007199254740993 })",
        ),
    ] {
        let marked = format!(" {message}\r\n");
        for message in [message, &marked] {
            let read = after_auth().decode(text(message)).unwrap();
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
    for (message, kind) in [
        (
            r#"{"type":"answer","id":4294967296,"answers":[]}"#,
            "answer",
        ),
        (r#"{"type":"answer","id":1,"answers":"x"}"#, "answer"),
        (r#"{"type":"answer","id":1,"answers":[1]}"#, "answer"),
        (r#"{"type":"answer","id":1,"id":1,"answers":[]}"#, "answer"),
        (
            r#"{"type":"host_key_answer","id":1,"accept":"true"}"#,
            "host_key_answer",
        ),
        (r#"{"type":"signal","name":2}"#, "signal"),
        (r#"{"type":"ack","bytes":18446744073709551616}"#, "ack"),
        (r#"{"type":"ack","bytes":-1}"#, "ack"),
        (r#"{"type":"ack","bytes":1e400}"#, "ack"),
        (r#"{"type":"ack","bytes":"0"}"#, "ack"),
        (r#"{"type":"ack","bytes":true}"#, "ack"),
        (r#"{"type":"ping","data":7}"#, "ping"),
        (r#"{"type":"ping","data":"\ud800"}"#, "ping"),
    ] {
        match control(message) {
            Err(BadMessage::Malformed { message: named, .. }) => assert_eq!(named, kind),
            other => panic!("{message}: {other:?}"),
        }
    }
    for fields in [
        json!({"env": [["A", "1"]]}),
        json!({"env": {"A": 1}}),
        json!({"password": 1}),
    ] {
        let refused = auth(fields.clone());
        assert!(
            matches!(
                refused,
                Err(BadMessage::Malformed {
                    message: "auth",
                    ..
                })
            ),
            "{fields}"
        );
    }
    let twice = text(r#"{"type":"auth","username":"u","password":"a","password":"b"}"#);
    let refused = MessageProcessor::new(Dialect::V1).decode(twice);
    assert!(matches!(
        refused,
        Err(BadMessage::Malformed {
            message: "auth",
            ..
        })
    ));
}

#[test]
fn every_signal_of_the_list_is_read() {
    for signal in SignalName::ALL {
        let message = json!({"type": "signal", "name": signal.as_str()}).to_string();
        assert!(matches!(control(message), Ok(ClientMessage::Signal(read)) if read == signal));
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
        assert!(matches!(
            refused,
            Err(BadMessage::Malformed {
                message: "answer",
                ..
            })
        ));
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
