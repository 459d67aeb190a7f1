//! Modes of the sink, through the bridge.

use crate::common::fixture::path_to;
use crate::common::{Client, Options};
use crate::fixture::Fixture;
use serde_json::json;

fn client(fixture: &Fixture, auth: &serde_json::Value) -> Client {
    let path = path_to(fixture.sink.addr());
    let mut client = Client::connect(fixture.bridge.addr(), &path, &Options::v1());
    client.auth_v1(auth);
    client.wait_type("ready");
    client
}

#[test]
fn user_name_or_command_selects_the_mode() {
    let fixture = Fixture::new();
    for (auth, close) in [
        (json!({ "username": "exit-7", "password": "p" }), "exit=7"),
        (
            json!({ "username": "u", "password": "p", "command": "exit 9" }),
            "exit=9",
        ),
        (json!({ "username": "bulk-0", "password": "p" }), "exit=0"),
        (
            json!({ "username": "u", "password": "p", "command": "ls" }),
            "exit=127",
        ),
    ] {
        let ended = client(&fixture, &auth).until_close();
        assert_eq!(ended, (1000, close.to_owned()), "{auth}");
    }
}

#[test]
fn echo_is_verbatim_and_ends_with_the_input() {
    let fixture = Fixture::new();
    let mut client = client(&fixture, &json!({ "username": "anyone", "password": "p" }));
    client.send_binary(b"a\x03\x04\r\n\x00\xffz");
    client.send_json(&json!({ "type": "eof" }));
    assert_eq!(client.until_close(), (1000, "exit=0".to_owned()));
    assert_eq!(client.output, b"a\x03\x04\r\n\x00\xffz");
}

#[test]
fn bulk_writes_exactly_its_size() {
    let fixture = Fixture::new();
    let mut client = client(&fixture, &json!({ "username": "bulk-2", "password": "p" }));
    assert_eq!(client.until_close(), (1000, "exit=0".to_owned()));
    assert_eq!(client.output.len(), 2 * 1024 * 1024);
}

#[test]
fn open_and_total_sessions_are_counted() {
    let fixture = Fixture::new();
    let held = client(&fixture, &json!({ "username": "null", "password": "p" }));
    assert_eq!((fixture.sink.open(), fixture.sink.total()), (1, 1));
    drop(held);
}
