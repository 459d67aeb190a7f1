//! The shape of a first message: JSON or not, its keys, and the types of its values.

use super::first::{BAD, IN, Row, but_raw, row, with};

pub(crate) fn shapes() -> Vec<Row> {
    let good = with(r#""x":1"#);
    vec![
        row("good", &good, IN, IN),
        row("spaces around it", format!(" \r\n\t{good}"), IN, IN),
        row("nothing", "", BAD, BAD),
        row("a space", " ", BAD, BAD),
        row("no JSON", "ls -l", BAD, BAD),
        row("HTTP", "GET / HTTP/1.1\r\n\r\n", BAD, BAD),
        row("SSH", "SSH-2.0-x\r\n", BAD, BAD),
        row("null", "null", BAD, BAD),
        row("a number", "1", BAD, BAD),
        row("a string", "\"auth\"", BAD, BAD),
        row("an empty array", "[]", BAD, BAD),
        row("an array", format!("[{good}]"), BAD, BAD),
        row("an array of fields", r#"["auth","u","p"]"#, BAD, BAD),
        row("an empty object", "{}", BAD, BAD),
        row("cut short", &good[..good.len() - 1], BAD, BAD),
        row("single quotes", good.replace('"', "'"), BAD, BAD),
        row("no quotes", good.replace('"', ""), BAD, BAD),
        row("a last comma", with(r#""x":1,"#), BAD, BAD),
        row("a comment", format!("/**/{good}"), BAD, BAD),
        row("a BOM", format!("\u{feff}{good}"), BAD, IN),
        row("a line break in a string", with("\"x\":\"a\nb\""), BAD, BAD),
        row("NUL behind it", format!("{good}\0"), BAD, IN),
        row("garbage behind it", format!("{good} x"), BAD, IN),
        row("another behind it", format!("{good}{good}"), BAD, IN),
        row("a bracket behind it", format!("{good}}}"), BAD, IN),
        row("a line feed behind it", format!("{good}\n"), IN, IN),
        row("keys in another case", good.to_uppercase(), BAD, BAD),
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
        row("arrays 10,000 deep, unknown", field(&arrays), IN, IN),
        row("objects 5,000 deep, unknown", field(&objects), IN, IN),
        row("arrays 10,000 deep, open", field(&open), BAD, BAD),
        row(
            "arrays 10,000 deep as the name",
            but_raw("username", &arrays),
            BAD,
            BAD,
        ),
        row("arrays 10,000 deep alone", arrays, BAD, BAD),
    ]
}

pub(crate) fn surrogates() -> Vec<Row> {
    let name = |text: &str| but_raw("username", text);
    let password = but_raw("password", r#""\ud800x""#);
    let reversed = name(r#""\udc00\ud800""#);
    vec![
        row("a lone high surrogate", with(r#""term":"\ud800""#), BAD, IN),
        row(
            "a lone surrogate in the name",
            name(r#""\udc00""#),
            BAD,
            BAD,
        ),
        row("a lone surrogate in the password", password, BAD, BAD),
        row("surrogates in the wrong order", reversed, BAD, BAD),
        row("a pair of surrogates", name(r#""\ud83e\udd80""#), IN, IN),
        row("an escape there is not", name(r#""\x41""#), BAD, BAD),
    ]
}

pub(crate) fn keys() -> Vec<Row> {
    vec![
        row(
            "the name twice",
            but_raw("username", r#""a","username":"b""#),
            BAD,
            BAD,
        ),
        row(
            "the password twice",
            but_raw("password", r#""a","password":"a""#),
            BAD,
            BAD,
        ),
        row("the type twice", with(r#""type":"auth""#), BAD, IN),
        row("an unknown key twice", with(r#""x":1,"x":2"#), IN, IN),
        row(
            "an escaped key twice",
            with(r#""\u0075sername":"v""#),
            BAD,
            BAD,
        ),
        row(
            "unknown keys",
            with(r#""":0,"__proto__":{},"constructor":[]"#),
            IN,
            IN,
        ),
        row("no name", r#"{"type":"auth","password":"p"}"#, BAD, BAD),
        row("no password", r#"{"type":"auth","username":"u"}"#, IN, BAD),
        row("no type", r#"{"username":"u","password":"p"}"#, BAD, IN),
        row(
            "another type",
            r#"{"type":"resize","username":"u","password":"p"}"#,
            BAD,
            IN,
        ),
        row(
            "a port, which is not asked for",
            with(r#""port":65536,"host":"x""#),
            IN,
            IN,
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
        rows.push(row(&name, but_raw("username", value), BAD, BAD));
        let name = format!("{about} as the password");
        // Absent and null are the same to v1.
        let v1 = if value == "null" { IN } else { BAD };
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
        // Whatever it is: nobody loses a session for a size.
        rows.push(row(&about, with(&format!(r#""cols":{number}"#)), IN, IN));
        let about = format!("{about}, unknown");
        rows.push(row(&about, with(&format!(r#""x":{number}"#)), IN, IN));
    }
    for number in ["00", "+1", "1.", ".5", "0x10", "NaN", "Infinity", "1e"] {
        rows.push(row(number, with(&format!(r#""x":{number}"#)), BAD, BAD));
    }
    rows
}
