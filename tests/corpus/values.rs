//! Values of the fields of a first message: characters, and lengths at each limit.

use super::first::{BAD, IN, LARGE, MOST, Row, but, row, with};
use serde_json::Value;

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
        rows.push(row(&about, but("username", &name.into()), BAD, BAD));
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
        rows.push(row(about, but("username", &name.into()), IN, IN));
    }
    for (about, password) in [("NUL", "a\0b"), ("LF", "a\nb"), ("nothing", "")] {
        let about = format!("{about} in the password");
        rows.push(row(&about, but("password", &password.into()), IN, IN));
    }
    for (field, value) in [("term", "a\u{1b}b"), ("term", "a b"), ("command", "a\0b")] {
        let about = format!("{value:?} in {field}");
        rows.push(row(&about, but(field, &value.into()), BAD, IN));
    }
    rows
}

/// At each limit, and one byte above.
pub(crate) fn limits() -> Vec<Row> {
    let mut rows = Vec::new();
    for (field, most, v1, at, above) in [
        ("username", 256, IN, IN, BAD),
        ("password", 1024, IN, IN, BAD),
        ("passphrase", 1024, IN, IN, IN),
        // What is no key stands beside a good password here.
        ("private_key", 16 * 1024, IN, IN, IN),
        ("certificate", 16 * 1024, IN, IN, IN),
        ("ticket", 4096, IN, IN, IN),
        ("term", 64, IN, IN, IN),
        ("command", 8192, IN, IN, IN),
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
    let env = |count: usize| -> Value {
        (0..count)
            .map(|n| (format!("A{n}"), Value::from("")))
            .collect::<serde_json::Map<_, _>>()
            .into()
    };
    rows.push(row("32 variables", but("env", &env(32)), IN, IN));
    rows.push(row("33 variables", but("env", &env(33)), BAD, IN));
    for (field, at, beyond) in [("cols", 1000, 1001), ("rows", 1, 0)] {
        for value in [at, beyond] {
            let about = format!("{field} {value}");
            rows.push(row(&about, but(field, &value.into()), IN, IN));
        }
    }
    for (window, v1) in [(1024, IN), (1023, BAD)] {
        let about = format!("flow_window {window}");
        rows.push(row(&about, but("flow_window", &window.into()), v1, IN));
    }
    let padded = |length: usize| {
        let head = with(r#""x":"""#);
        with(&format!(r#""x":"{}""#, "x".repeat(length - head.len())))
    };
    assert_eq!(padded(MOST).len(), MOST);
    rows.push(row("the largest message", padded(MOST), IN, IN));
    // The compatible dialect takes it in pieces, of which the first is no JSON.
    rows.push(row("a byte too many", padded(MOST + 1), LARGE, BAD));
    rows
}
