//! Values of the fields of a first message: characters, and lengths at each limit.

use super::first::{BAD, LARGE, MOST, OK, Row, bad, but, good, row, with};
use serde_json::{Value, json};

pub(crate) fn names() -> Vec<Row> {
    let mut rows = Vec::new();
    for (about, name) in [
        ("NUL", "a\0b"),
        ("LF", "a\nb"),
        ("CR", "a\rb"),
        ("ESC", "\u{1b}[2Ja"),
        ("BEL", "a\u{7}"),
        ("DEL", "a\u{7f}"),
        ("CSI in one character", "a\u{9b}2J"),
        ("NEL", "a\u{85}b"),
        ("nothing", ""),
    ] {
        let about = format!("{about} in the name");
        rows.push(bad(&about, but("username", &name.into())));
    }
    for (about, name) in [
        ("an option of ssh", "-oProxyCommand=x"),
        (
            "an option and a shell",
            "-oProxyCommand=`touch /tmp/x`;$(id)",
        ),
        ("a path", "../../etc/passwd"),
        ("quotes", "\"';--"),
        ("a host", "u@127.0.0.1:22"),
        ("a domain", "DOMAIN\\u"),
        ("spaces", " u "),
        ("other scripts", "пользователь 用户 🦀"),
        ("text that runs backwards", "\u{202e}u"),
    ] {
        rows.push(good(about, but("username", &name.into())));
    }
    for (about, password) in [("NUL", "a\0b"), ("LF", "a\nb"), ("nothing", "")] {
        let about = format!("{about} in the password");
        rows.push(good(&about, but("password", &password.into())));
    }
    for (field, value) in [
        ("term", "a\u{1b}b"),
        ("term", "a b"),
        ("term", "é"),
        ("term", "a\u{7f}"),
        ("command", "a\0b"),
    ] {
        let about = format!("{value:?} in {field}");
        rows.push(row(&about, but(field, &value.into()), BAD, OK));
    }
    rows
}

/// At each limit, and one byte above.
pub(crate) fn limits() -> Vec<Row> {
    let mut rows = Vec::new();
    for (field, most, v1, at, above) in [
        ("username", 256, OK, OK, BAD),
        ("password", 1024, OK, OK, BAD),
        ("passphrase", 1024, OK, OK, OK),
        // What is no key stands beside a good password here.
        ("private_key", 16 * 1024, OK, OK, OK),
        ("certificate", 16 * 1024, OK, OK, OK),
        ("ticket", 4096, OK, OK, OK),
        ("term", 64, OK, OK, OK),
        ("command", 8192, OK, OK, OK),
    ] {
        let text = |length: usize| Value::from("x".repeat(length));
        let about = format!("{field} of {most} bytes");
        rows.push(row(&about, but(field, &text(most)), v1, at));
        let about = format!("{field} of {} bytes", most + 1);
        rows.push(row(&about, but(field, &text(most + 1)), BAD, above));
        // Counted in bytes, not in characters.
        let wide = Value::from("é".repeat(most / 2) + "x");
        let about = format!("{field} of {} bytes, fewer characters", most + 1);
        rows.push(row(&about, but(field, &wide), BAD, above));
    }
    // Names of three bytes; the first value takes what is left.
    let env = |count: usize, bytes: usize| -> Value {
        let mut env: serde_json::Map<_, _> = (0..count)
            .map(|n| (format!("A{n:02}"), Value::from("")))
            .collect();
        env["A00"] = "x".repeat(bytes - 3 * count).into();
        env.into()
    };
    for (env, v1) in [
        (env(32, 4096), OK),
        (env(33, 200), BAD),
        (env(32, 4097), BAD),
        (env(1, 4096), OK),
        (env(1, 4097), BAD),
        (json!({}), OK),
        (json!({ "": "x" }), BAD),
        (json!({ "9a": "x" }), BAD),
        (json!({ "a-b": "x" }), BAD),
        (json!({ "a=b": "x" }), BAD),
        (json!({ "é": "x" }), BAD),
        (json!({ "A": "x\0" }), BAD),
    ] {
        let text = env.to_string();
        let about = format!("the variables {}", &text[..text.len().min(60)]);
        rows.push(row(&about, but("env", &env), v1, OK));
    }
    for (field, at, beyond) in [("cols", 1000, 1001), ("rows", 1, 0)] {
        for value in [at, beyond] {
            let about = format!("{field} {value}");
            rows.push(good(&about, but(field, &value.into())));
        }
    }
    for (window, v1) in [(0, BAD), (1, BAD), (1023, BAD), (1024, OK), (u64::MAX, OK)] {
        let about = format!("flow_window {window}");
        rows.push(row(&about, but("flow_window", &window.into()), v1, OK));
    }
    let padded = |length: usize| {
        let head = with(r#""x":"""#);
        with(&format!(r#""x":"{}""#, "x".repeat(length - head.len())))
    };
    assert_eq!(padded(MOST).len(), MOST);
    rows.push(good("the largest message", padded(MOST)));
    // The compatible dialect takes it in pieces, of which the first is no JSON.
    rows.push(row("a byte too many", padded(MOST + 1), LARGE, BAD));
    rows
}
