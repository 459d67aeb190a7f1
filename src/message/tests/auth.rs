//! The `auth` message of `sshard.v1`: fields, defaults, bounds at the limit and one past it.

use super::*;

#[test]
fn auth_takes_every_field() {
    let request = auth(json!({
        "username": "alice", "password": "p\"\n\u{e9}", "private_key": "k", "passphrase": "pp",
        "certificate": "c", "ticket": "t", "term": "vt100", "cols": 1000, "rows": 1,
        "env": {"LANG": "C", "_x1": ""}, "command": "ls -l", "flow_window": 1024,
        "progress": true, "something_new": [1, {"a": null}],
    }))
    .unwrap();
    let Credentials {
        username,
        password,
        private_key,
        passphrase,
        certificate,
        ticket,
    } = request.credentials;
    let exposed = |secret: Option<Secret>| secret.unwrap().expose().to_owned();
    assert_eq!(username, "alice");
    assert_eq!(exposed(password), "p\"\n\u{e9}");
    assert_eq!(exposed(private_key), "k");
    assert_eq!(exposed(passphrase), "pp");
    assert_eq!(certificate.as_deref(), Some("c"));
    assert_eq!(exposed(ticket), "t");
    let TerminalRequest {
        term,
        size,
        mut env,
        command,
        flow_window,
    } = request.terminal;
    assert_eq!(term, "vt100");
    assert_eq!(Some(size), WindowSize::new(1000, 1, 0, 0));
    env.sort();
    let pair = |name: &str, value: &str| (name.to_owned(), value.to_owned());
    assert_eq!(env, [pair("LANG", "C"), pair("_x1", "")]);
    assert_eq!(command.as_deref(), Some("ls -l"));
    assert_eq!(flow_window, Some(1024));
    assert!(request.progress);
}

#[test]
fn auth_has_defaults_and_needs_no_secret() {
    for fields in [
        json!({}),
        json!({"password": null, "term": null, "cols": null, "env": null}),
    ] {
        let request = auth(fields).unwrap();
        assert!(request.credentials.password.is_none());
        assert!(request.credentials.private_key.is_none());
        assert_eq!(request.terminal.term, "xterm-256color");
        assert_eq!(request.terminal.size, WindowSize::default());
        assert!(request.terminal.env.is_empty());
        assert!(request.terminal.command.is_none());
        assert!(request.terminal.flow_window.is_none());
        assert!(!request.progress);
    }
}

#[test]
fn auth_texts_are_bounded() {
    for (field, limit) in [
        ("username", 256),
        ("password", 1024),
        ("private_key", 16 * 1024),
        ("passphrase", 1024),
        ("certificate", 16 * 1024),
        ("ticket", 4096),
        ("term", 64),
        ("command", 8192),
    ] {
        let fields = |length| json!({field: "x".repeat(length)});
        assert!(auth(fields(limit)).is_ok(), "{field} at its limit");
        assert_refused(fields(limit + 1), field);
    }
    // Bytes count, not characters: 128 of two bytes fit, 129 don't.
    assert!(auth(json!({"username": "\u{e9}".repeat(128)})).is_ok());
    assert_refused(json!({"username": "\u{e9}".repeat(129)}), "username");
}

#[test]
fn auth_texts_are_checked() {
    for control in "\0\r\n\u{1b}\u{7f}\u{85}".chars() {
        assert_refused(json!({"username": format!("a{control}[0m")}), "username");
    }
    assert_refused(json!({"username": ""}), "username");
    assert_refused(json!({"username": null}), "username");
    for bad in ["a b", "x\u{e9}", "x\n", "\u{7f}"] {
        assert_refused(json!({"term": bad}), "term");
    }
    assert_refused(json!({"command": "ls\0"}), "command");
    assert!(auth(json!({"command": "a\nb\tc"})).is_ok());
}

#[test]
fn auth_numbers_are_bounded() {
    for (window, is_taken) in [(0, false), (1023, false), (1024, true), (u64::MAX, true)] {
        let fields = json!({"flow_window": window});
        if is_taken {
            assert!(auth(fields).is_ok(), "{window}");
        } else {
            assert_refused(fields, "flow_window");
        }
    }
}

/// Each for itself, whatever it is: a size ends no session.
#[test]
fn auth_takes_any_size() {
    for (value, cells) in [
        ("1000", Some(1000)),
        ("1001", Some(1000)),
        ("100.9", Some(100)),
        ("\"100\"", Some(100)),
        ("0", None),
        ("null", None),
        ("{}", None),
    ] {
        let text = |field: &str| {
            text(format!(
                r#"{{"type":"auth","username":"u","{field}":{value}}}"#
            ))
        };
        let size = |field| match MessageProcessor::new(Dialect::V1).decode(text(field)) {
            Ok(Incoming::Auth(request, _)) => request.terminal.size,
            other => panic!("{field} {value}: {other:?}"),
        };
        let expected = |cols, rows| WindowSize::new(cols, rows, 0, 0).unwrap();
        assert_eq!(size("cols"), expected(cells.unwrap_or(80), 24), "{value}");
        assert_eq!(size("rows"), expected(80, cells.unwrap_or(24)), "{value}");
    }
}

/// A form leaves what nobody filled in empty.
#[test]
fn empty_optional_texts_are_absent() {
    for empty in [
        "",
        " ",
        "\n",
        " \t\r\n ",
        "\u{feff}",
        "\u{feff}\r\n",
        "\u{a0}",
    ] {
        let AuthRequest {
            credentials,
            terminal,
            ..
        } = *auth(json!({
            "private_key": empty, "certificate": empty, "ticket": empty, "term": empty,
        }))
        .unwrap();
        assert!(credentials.private_key.is_none(), "{empty:?}");
        assert!(credentials.certificate.is_none(), "{empty:?}");
        assert!(credentials.ticket.is_none(), "{empty:?}");
        assert_eq!(terminal.term, "xterm-256color", "{empty:?}");
    }
    let empty = json!({"password": "", "passphrase": "", "command": "", "env": {}});
    let request = auth(empty).unwrap();
    assert!(request.credentials.password.is_none());
    assert!(request.credentials.passphrase.is_none());
    assert!(request.terminal.command.is_none());
    // A blank is a password like any other, and something to execute.
    let blank = json!({"password": " ", "passphrase": "\n", "command": " "});
    let request = auth(blank).unwrap();
    assert_eq!(request.credentials.password.unwrap().expose(), " ");
    assert_eq!(request.credentials.passphrase.unwrap().expose(), "\n");
    assert_eq!(request.terminal.command.as_deref(), Some(" "));
}

#[test]
fn env_is_bounded() {
    let entries = |n: usize| {
        let pair = |i| (format!("V{i}"), Value::from("x"));
        let entries: serde_json::Map<_, _> = (0..n).map(pair).collect();
        json!({"env": entries})
    };
    assert_eq!(auth(entries(32)).unwrap().terminal.env.len(), 32);
    for n in [33, 34, 500] {
        assert_refused(entries(n), "env");
    }
    let long = |n: usize| json!({"env": {"AB": "x".repeat(n)}});
    assert!(auth(long(4094)).is_ok());
    assert_refused(long(4095), "env");
    let halves = |n: usize| json!({"env": {"A": "x".repeat(2047), "B": "x".repeat(n)}});
    assert!(auth(halves(2047)).is_ok());
    assert_refused(halves(2048), "env");
}

#[test]
fn env_is_checked() {
    for name in ["", "1A", "A-B", "A=B", "A B", "\u{c4}", "A\0"] {
        assert_refused(json!({"env": {name: "x"}}), "env");
    }
    assert_refused(json!({"env": {"A": "x\0"}}), "env");
    let twice = r#"{"type":"auth","username":"u","env":{"A":"1","A":"2"}}"#;
    let refused = MessageProcessor::new(Dialect::V1).decode(text(twice));
    assert_eq!(refused_field(refused), "env");
}
