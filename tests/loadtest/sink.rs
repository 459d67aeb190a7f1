//! The sink, asked through the bridge as a session of any client.

use crate::common::scene::path_to;
use crate::common::{Client, Options};
use crate::site::Site;
use serde_json::json;

fn client(site: &Site, auth: &serde_json::Value) -> Client {
    let path = path_to(site.sink.addr());
    let mut client = Client::connect(site.bridge.addr(), &path, &Options::v1());
    client.auth_v1(auth);
    client.wait_type("ready");
    client
}

#[test]
fn users_and_commands_choose_what_happens() {
    let site = Site::new();
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
        let ended = client(&site, &auth).until_close();
        assert_eq!(ended, (1000, close.to_owned()), "{auth}");
    }
}

#[test]
fn an_echo_is_verbatim_and_ends_with_the_input() {
    let site = Site::new();
    let mut client = client(&site, &json!({ "username": "anyone", "password": "p" }));
    client.send_binary(b"a\x03\x04\r\n\x00\xffz");
    client.send_json(&json!({ "type": "eof" }));
    assert_eq!(client.until_close(), (1000, "exit=0".to_owned()));
    assert_eq!(client.output, b"a\x03\x04\r\n\x00\xffz");
}

#[test]
fn bulk_brings_its_mebibytes() {
    let site = Site::new();
    let mut client = client(&site, &json!({ "username": "bulk-2", "password": "p" }));
    assert_eq!(client.until_close(), (1000, "exit=0".to_owned()));
    assert_eq!(client.output.len(), 2 * 1024 * 1024);
}

#[test]
fn a_session_is_counted_while_it_is_there() {
    let site = Site::new();
    let held = client(&site, &json!({ "username": "null", "password": "p" }));
    assert_eq!((site.sink.open(), site.sink.total()), (1, 1));
    drop(held);
}
