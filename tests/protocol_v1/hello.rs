//! The first message, and how messages are read at all.

use super::common::fixture::bridge_to;
use super::common::{Client, Event, Fixture, Options};
use super::{assert_alive, assert_fails};
use serde_json::json;

#[test]
fn hello_comes_first_and_tells_the_terms() {
    let fixture = Fixture::new(&["session.auth_timeout=12s", "websocket.read_limit=40KiB"]);
    let mut client = fixture.v1();
    let hello = json!({
        "type": "hello", "version": 1, "features": [],
        "auth_deadline_ms": 12_000, "max_message_bytes": 40 * 1024,
    });
    assert_eq!(client.recv(), Event::Json(hello));
}

#[test]
fn by_default_hello_tells_the_defaults() {
    let fixture = Fixture::new(&[]);
    let hello = fixture.v1().wait_type("hello");
    assert_eq!(hello["auth_deadline_ms"], 30_000);
    assert_eq!(hello["max_message_bytes"], 64 * 1024);
}

#[test]
fn auth_must_come_within_its_deadline() {
    let bridge = bridge_to(
        &[([127, 0, 0, 1], 1).into()],
        &["session.auth_timeout=200ms"],
    );
    let mut client = Client::connect(bridge.addr(), "/ws/127.0.0.1/1", &Options::v1());
    client.wait_type("hello");
    let error = assert_fails(&mut client, 4408, "no auth");
    assert_eq!(
        (&error["code"], &error["stage"]),
        (&"deadline".into(), &"auth".into())
    );
}

/// Neither `ping` nor its like buys time.
#[test]
fn pings_do_not_extend_the_deadline_of_auth() {
    let settings = ["session.auth_timeout=300ms", "websocket.ping_interval=20ms"];
    let bridge = bridge_to(&[([127, 0, 0, 1], 1).into()], &settings);
    let mut client = Client::connect(bridge.addr(), "/ws/127.0.0.1/1", &Options::v1());
    client.wait_type("hello");
    // Each pong draws the next ping, and the server's own pings are answered on the way.
    let ping = json!({ "type": "ping" });
    let mut pongs = 0;
    client.send_json(&ping);
    let error = loop {
        match client.recv() {
            Event::Json(value) if value["type"] == "pong" => {
                pongs += 1;
                if client.try_send(super::common::text(&ping)).is_err() {
                    continue;
                }
            }
            Event::Json(value) => break value,
            other => panic!("{other:?} after {pongs} pongs"),
        }
    };
    assert_eq!(error["code"], "deadline", "{error}");
    assert_eq!(client.until_close().0, 4408);
}

#[test]
fn unknown_fields_null_and_any_order_are_fine() {
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
