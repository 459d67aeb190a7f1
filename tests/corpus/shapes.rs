//! The shape of a first message: JSON or not, its keys, and the types of its values.

use super::first::{BAD, OK, Row, bad, but_raw, good, row, with};

pub(crate) fn shapes() -> Vec<Row> {
    let auth = with(r#""x":1"#);
    vec![
        good("good", &auth),
        good("spaces around it", format!(" \r\n\t{auth}")),
        bad("nothing", ""),
        bad("a space", " "),
        bad("no JSON", "ls -l"),
        bad("a password alone", "hunter2"),
        bad("HTTP", "GET / HTTP/1.1\r\n\r\n"),
        bad("SSH", "SSH-2.0-x\r\n"),
        bad("null", "null"),
        bad("a number", "1"),
        bad("a string", "\"auth\""),
        bad("an empty array", "[]"),
        bad("an array", format!("[{auth}]")),
        bad("an array of fields", r#"["auth","u","p"]"#),
        bad("an empty object", "{}"),
        bad("cut short", &auth[..auth.len() - 1]),
        bad("single quotes", auth.replace('"', "'")),
        bad("no quotes", auth.replace('"', "")),
        bad("a last comma", with(r#""x":1,"#)),
        bad("a comment", format!("/**/{auth}")),
        row("a BOM", format!("\u{feff}{auth}"), BAD, OK),
        bad("a line break in a string", with("\"x\":\"a\nb\"")),
        row("NUL behind it", format!("{auth}\0"), BAD, OK),
        row("garbage behind it", format!("{auth} x"), BAD, OK),
        row("another behind it", format!("{auth}{auth}"), BAD, OK),
        row("a bracket behind it", format!("{auth}}}"), BAD, OK),
        good("a line feed behind it", format!("{auth}\n")),
        bad("keys in another case", auth.to_uppercase()),
    ]
}

pub(crate) fn nesting() -> Vec<Row> {
    let deep = |open: &str, close: &str| open.repeat(10_000) + "1" + &close.repeat(10_000);
    let arrays = deep("[", "]");
    // With keys, half as many are as long.
    let objects = format!("{}1{}", r#"{"":"#.repeat(5_000), "}".repeat(5_000));
    let open = "[".repeat(10_000);
    let field = |value: &str| with(&format!(r#""x":{value}"#));
    vec![
        good("arrays 10,000 deep, unknown", field(&arrays)),
        good("objects 5,000 deep, unknown", field(&objects)),
        bad("arrays 10,000 deep, open", field(&open)),
        bad(
            "arrays 10,000 deep as the name",
            but_raw("username", &arrays),
        ),
        bad("arrays 10,000 deep alone", arrays),
    ]
}

pub(crate) fn surrogates() -> Vec<Row> {
    let name = |text: &str| but_raw("username", text);
    let password = but_raw("password", r#""\ud800x""#);
    let reversed = name(r#""\udc00\ud800""#);
    vec![
        row("a lone high surrogate", with(r#""term":"\ud800""#), BAD, OK),
        bad("a lone surrogate in the name", name(r#""\udc00""#)),
        bad("a lone surrogate in the password", password),
        bad("surrogates in the wrong order", reversed),
        good("a pair of surrogates", name(r#""\ud83e\udd80""#)),
        bad("an escape there is not", name(r#""\x41""#)),
    ]
}

pub(crate) fn keys() -> Vec<Row> {
    vec![
        bad(
            "the name twice",
            but_raw("username", r#""a","username":"b""#),
        ),
        bad(
            "the password twice",
            but_raw("password", r#""a","password":"a""#),
        ),
        row("the type twice", with(r#""type":"auth""#), BAD, OK),
        good("an unknown key twice", with(r#""x":1,"x":2"#)),
        bad("an escaped key twice", with(r#""\u0075sername":"v""#)),
        good(
            "unknown keys",
            with(r#""":0,"__proto__":{},"constructor":[]"#),
        ),
        bad("no name", r#"{"type":"auth","password":"p"}"#),
        row("no password", r#"{"type":"auth","username":"u"}"#, OK, BAD),
        row("no type", r#"{"username":"u","password":"p"}"#, BAD, OK),
        row(
            "another type",
            r#"{"type":"resize","username":"u","password":"p"}"#,
            BAD,
            OK,
        ),
        good(
            "a port, which is not asked for",
            with(r#""port":65536,"host":"x""#),
        ),
    ]
}

pub(crate) fn types() -> Vec<Row> {
    let mut rows = Vec::new();
    for (value, about) in [
        ("null", "null"),
        ("1", "a number"),
        ("true", "true"),
        ("[\"u\"]", "an array"),
        ("{\"u\":1}", "an object"),
    ] {
        let name = format!("{about} as the name");
        rows.push(bad(&name, but_raw("username", value)));
        let name = format!("{about} as the password");
        // Absent and null are the same to v1.
        let v1 = if value == "null" { OK } else { BAD };
        rows.push(row(&name, but_raw("password", value), v1, BAD));
    }
    let digits = "9".repeat(10_000);
    for number in [
        "-1",
        "0",
        "1.5",
        "1e2",
        "1e400",
        "-0",
        "65536",
        "18446744073709551616",
        &digits,
    ] {
        let about = format!("cols {}", &number[..number.len().min(20)]);
        // No size ends a session.
        rows.push(good(&about, with(&format!(r#""cols":{number}"#))));
        let about = format!("{about}, unknown");
        rows.push(good(&about, with(&format!(r#""x":{number}"#))));
    }
    for number in ["00", "+1", "1.", ".5", "0x10", "NaN", "Infinity", "1e"] {
        rows.push(bad(number, with(&format!(r#""x":{number}"#))));
    }
    rows
}
