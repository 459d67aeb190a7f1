//! The first message, and how messages are read at all.

use super::assert_alive;
use super::common::{Event, Fixture, text};
use serde_json::json;

#[test]
fn hello_comes_first_with_version_deadline_and_message_limit() {
    let set = ["session.auth_timeout=12s", "websocket.read_limit=40KiB"];
    for (settings, deadline, most) in [(&set[..], 12_000, 40 * 1024), (&[], 30_000, 64 * 1024)] {
        let hello = json!({
            "type": "hello", "version": 1, "features": [],
            "auth_deadline_ms": deadline, "max_message_bytes": most,
        });
        assert_eq!(Fixture::new(settings).v1().recv(), Event::Json(hello));
    }
}

/// Neither `ping` nor a pong extends the deadline.
#[test]
fn auth_must_come_within_its_deadline() {
    let settings = [
        "session.auth_timeout=300ms",
        "websocket.ping_interval=20ms",
        "websocket.max_missed_pongs=100",
    ];
    let fixture = Fixture::new(&settings);
    let mut client = fixture.v1();
    client.wait_type("hello");
    // Each pong is answered with the next ping, and the server's own pings are answered too.
    let ping = json!({ "type": "ping" });
    let mut pongs = 0;
    client.send_json(&ping);
    let error = loop {
        match client.recv() {
            Event::Json(value) if value["type"] == "pong" => {
                pongs += 1;
                // The end may be on its way already.
                let _ = client.try_send(text(&ping));
            }
            Event::Json(value) => break value,
            other => panic!("{other:?} after {pongs} pongs"),
        }
    };
    assert_eq!(error["code"], "deadline", "{error}");
    assert_eq!(error["stage"], "auth", "{error}");
    assert_eq!(client.until_close().0, 4408);
}

#[test]
fn unknown_fields_null_and_any_order_are_accepted() {
    let fixture = Fixture::new(&[]);
    let mut client = fixture.v1();
    client.wait_type("hello");
    client.send_text(
        r#" {"extra":{"type":"close","deep":[[[]]]},"data":null,"later":1e99,"type":"ping"} "#,
    );
    assert_eq!(client.wait_type("pong")["data"], "");
    client.send_text(
        r#"{"password":null,"private_key":null,"passphrase":null,"certificate":null,
            "ticket":null,"term":null,"cols":null,"rows":null,"env":null,"command":null,
            "flow_window":null,"username":"u","new":true,"type":"auth"}"#,
    );
    client.wait_type("ready");
    client.send_text(r#"{"cols":90,"type":"resize","rows":30,"width_px":null,"x":"y"}"#);
    client.send_text(r#"{"name":"INT","why":[],"type":"signal"}"#);
    // JSON may spell a type, and any string, with escapes.
    client.send_text(r#"{"type":"\u0070ing","data":"\ud83e\udd80\u0000\n"}"#);
    assert_eq!(client.wait_type("pong")["data"], "🦀\0\n");
    client.send_text(r#"{"type":"hold","bytes":"not read"}"#);
    client.send_text(r#"{"type":"release","id":-1}"#);
    assert_alive(&mut client, "after all");
}
