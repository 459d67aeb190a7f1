//! First messages. Each is sent to each dialect, as text and, where that is no difference of
//! kind, as binary; each has its close code, or gets in.

use crate::common::{Client, Options, Scene, Seen, SshScript};
use serde_json::{Value, json};

/// It gets in.
const IN: u16 = 0;
/// It gets in, and the key in it is none.
const NO_KEY: u16 = 4401;
const BAD: u16 = 4400;
const LARGE: u16 = 1009;

/// `websocket.read_limit`, as small as it can be.
const MOST: usize = 32 * 1024;

struct Row {
    about: String,
    text: String,
    v1: u16,
    compatible: u16,
}

fn row(about: &str, text: impl Into<String>, v1: u16, compatible: u16) -> Row {
    Row {
        about: about.to_owned(),
        text: text.into(),
        v1,
        compatible,
    }
}

/// Fields of a good first message of both dialects, and these.
fn with(fields: &str) -> String {
    format!(r#"{{"type":"auth","username":"u","password":"p",{fields}}}"#)
}

/// A good one, but for this field.
fn but(field: &str, value: &Value) -> String {
    let mut message = json!({ "type": "auth", "username": "u", "password": "p" });
    message[field] = value.clone();
    message.to_string()
}

fn shapes() -> Vec<Row> {
    let good = with(r#""x":1"#);
    let deep = |open: &str, close: &str| open.repeat(10_000) + "1" + &close.repeat(10_000);
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
        row("a BOM", format!("\u{feff}{good}"), BAD, BAD),
        row(
            "a control character in a string",
            with("\"x\":\"a\nb\""),
            BAD,
            BAD,
        ),
        row("NUL behind it", format!("{good}\0"), BAD, IN),
        row("garbage behind it", format!("{good} x"), BAD, IN),
        row("another behind it", format!("{good}{good}"), BAD, IN),
        row("a bracket behind it", format!("{good}}}"), BAD, IN),
        row("a line feed behind it", format!("{good}\n"), IN, IN),
        row("keys in another case", good.to_uppercase(), BAD, BAD),
        row(
            "arrays 10,000 deep, unknown",
            with(&format!(r#""x":{}"#, deep("[", "]"))),
            IN,
            IN,
        ),
        row(
            "objects 5,000 deep, unknown",
            with(&format!(
                r#""x":{}1{}"#,
                r#"{"":"#.repeat(5_000),
                "}".repeat(5_000)
            )),
            IN,
            IN,
        ),
        row(
            "arrays 10,000 deep, open",
            with(&format!(r#""x":{}"#, "[".repeat(10_000))),
            BAD,
            BAD,
        ),
        row("arrays 10,000 deep alone", deep("[", "]"), BAD, BAD),
        row(
            "arrays 10,000 deep as the name",
            format!(
                r#"{{"type":"auth","password":"p","username":{}}}"#,
                deep("[", "]")
            ),
            BAD,
            BAD,
        ),
        row("a lone high surrogate", with(r#""term":"\ud800""#), BAD, IN),
        row(
            "a lone surrogate in the name",
            but_raw("username", r#""\udc00""#),
            BAD,
            BAD,
        ),
        row(
            "a lone surrogate in the password",
            but_raw("password", r#""\ud800x""#),
            BAD,
            BAD,
        ),
        row(
            "surrogates in the wrong order",
            but_raw("username", r#""\udc00\ud800""#),
            BAD,
            BAD,
        ),
        row(
            "a pair of surrogates",
            but_raw("username", r#""\ud83e\udd80""#),
            IN,
            IN,
        ),
        row(
            "an escape there is not",
            but_raw("username", r#""\x41""#),
            BAD,
            BAD,
        ),
    ]
}

/// As [`but`], with JSON that no library would write.
fn but_raw(field: &str, value: &str) -> String {
    let other = if field == "username" {
        "password"
    } else {
        "username"
    };
    format!(r#"{{"type":"auth","{other}":"u","{field}":{value}}}"#)
}

fn keys_and_types() -> Vec<Row> {
    let mut rows = vec![
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
    ];
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
        rows.push(row(&about, with(&format!(r#""cols":{number}"#)), BAD, IN));
        let about = format!("{about}, unknown");
        rows.push(row(&about, with(&format!(r#""x":{number}"#)), IN, IN));
    }
    for number in ["00", "+1", "1.", ".5", "0x10", "NaN", "Infinity", "1e"] {
        rows.push(row(number, with(&format!(r#""x":{number}"#)), BAD, BAD));
    }
    rows
}

fn names() -> Vec<Row> {
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
fn limits() -> Vec<Row> {
    let mut rows = Vec::new();
    for (field, most, v1, at, above) in [
        ("username", 256, IN, IN, BAD),
        ("password", 1024, IN, IN, BAD),
        ("passphrase", 1024, IN, IN, IN),
        ("private_key", 16 * 1024, NO_KEY, IN, IN),
        ("certificate", 16 * 1024, NO_KEY, IN, IN),
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
    for (field, at, above) in [
        ("cols", 1000, 1001),
        ("rows", 1, 0),
        ("flow_window", 1024, 1023),
    ] {
        rows.push(row(
            &format!("{field} {at}"),
            but(field, &at.into()),
            IN,
            IN,
        ));
        rows.push(row(
            &format!("{field} {above}"),
            but(field, &above.into()),
            BAD,
            IN,
        ));
    }
    let padded = |length: usize| {
        let head = with(r#""x":"""#);
        with(&format!(r#""x":"{}""#, "x".repeat(length - head.len())))
    };
    assert_eq!(padded(MOST).len(), MOST);
    rows.push(row("the largest message", padded(MOST), IN, IN));
    rows.push(row("a byte too many", padded(MOST + 1), LARGE, LARGE));
    rows
}

fn check(scene: &Scene, row: &Row, compatible: bool, binary: bool) -> Result<(), String> {
    let options = if compatible {
        Options::compatible()
    } else {
        Options::v1()
    };
    let mut client = Client::connect(scene.bridge.addr(), &scene.path(), &options);
    if !compatible {
        client.wait_type("hello");
    }
    if binary {
        client.send_binary(row.text.as_bytes());
    } else {
        client.send_text(&row.text);
    }
    let expected = match (compatible, binary) {
        (true, _) => row.compatible,
        // Binary is input, and nobody is there yet; too large is too large first.
        (false, true) if row.v1 != LARGE => BAD,
        (false, _) => row.v1,
    };
    let before = scene.ssh.input().len();
    if expected == IN {
        client.send(tungstenite::Message::Ping(Vec::new().into()));
        if compatible {
            let mark = b"mark";
            client.send_binary(mark);
            let input = scene.ssh.wait_input(before + mark.len());
            return input
                .ends_with(mark)
                .then_some(())
                .ok_or_else(|| "not in".to_owned());
        }
        client.wait_type("ready");
        return Ok(());
    }
    let (got, reason) = client.until_close();
    let said = !reason.is_empty() && reason.len() <= 123;
    (got == expected && said)
        .then_some(())
        .ok_or_else(|| format!("{got} {reason:?}, not {expected}"))
}

#[test]
fn first_messages() {
    let limit = format!("websocket.read_limit={MOST}");
    let settings = [limit.as_str(), "limits.max_connections_per_host=1000"];
    let scene = Scene::with(SshScript::default(), &settings);
    let rows: Vec<Row> = [shapes(), keys_and_types(), names(), limits()]
        .into_iter()
        .flatten()
        .collect();
    let mut wrong = Vec::new();
    for row in &rows {
        for (compatible, binary) in [(false, false), (true, false), (true, true), (false, true)] {
            if let Err(what) = check(&scene, row, compatible, binary) {
                let dialect = if compatible { "compatible" } else { "v1" };
                wrong.push(format!("{}, {dialect}, binary {binary}: {what}", row.about));
            }
        }
    }
    assert!(
        wrong.is_empty(),
        "{} of {} rows:\n{}",
        wrong.len(),
        rows.len(),
        wrong.join("\n")
    );
    assert!(rows.len() >= 100, "{} rows", rows.len());
    println!(
        "{} first messages, each in both dialects and as text and binary",
        rows.len()
    );
    // A name is a name: nothing of it was taken for an option or a command.
    let login = Seen::Password("-oProxyCommand=x".to_owned(), "p".to_owned());
    scene.ssh.wait_count(&login, 3);
    assert!(!scene.bridge.stderr_contains("panicked"));
}
