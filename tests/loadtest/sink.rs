//! Modes of the sink, through the bridge.

use crate::common::fixture::path_to;
use crate::common::{Client, Options};
use crate::fixture::Fixture;
use serde_json::json;

fn client(fixture: &Fixture, auth: &serde_json::Value) -> Client {
    let path = path_to(fixture.sink.address);
    let mut client = Client::connect(fixture.bridge.addr(), &path, &Options::v1());
    client.auth_v1(auth);
    client.wait_type("ready");
    client
}

#[test]
fn user_name_or_command_selects_the_mode() {
    let fixture = Fixture::new();
    for (user, command, close) in [
        ("exit-7", None, "exit=7"),
        ("u", Some("exit 9"), "exit=9"),
        ("bulk-0", None, "exit=0"),
        ("u", Some("ls"), "exit=127"),
    ] {
        let auth = json!({ "username": user, "password": "p", "command": command });
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
