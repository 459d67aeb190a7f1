//! The upgrade itself, and which dialect it ends in.

use super::common::raw::{ACCEPT, Answer, Raw, exchange, frame, upgrade_request};
use super::common::{Bridge, Client, Options, Scene};
use super::{assert_refused, bridge};
use serde_json::json;

const PATH: &str = "/ws/127.0.0.1/1";

fn offer(bridge: &Bridge, headers: &[&str]) -> Answer {
    let mut request = upgrade_request(bridge.addr(), PATH);
    for header in headers {
        request.push_str(&format!("Sec-WebSocket-Protocol: {header}\r\n"));
    }
    exchange(bridge.addr(), &format!("{request}\r\n"))
}

#[test]
fn the_answer_is_that_of_rfc_6455() {
    let bridge = bridge(&[]);
    let answer = offer(&bridge, &["sshard.v1"]);
    assert_eq!(answer.status, 101, "{answer:?}");
    assert_eq!(answer.header("sec-websocket-accept"), Some(ACCEPT));
    let upgrade = answer.header("upgrade").map(str::to_ascii_lowercase);
    assert_eq!(upgrade.as_deref(), Some("websocket"));
    let connection = answer.header("connection").map(str::to_ascii_lowercase);
    assert_eq!(connection.as_deref(), Some("upgrade"));
    assert_eq!(answer.header("sec-websocket-extensions"), None);
}

#[test]
fn the_dialect_is_chosen_by_what_is_offered() {
    let bridge = bridge(&[]);
    for offered in [
        &["sshard.v1"][..],
        &["other, sshard.v1"],
        &["sshard.v1,other"],
        &["other", "sshard.v1"],
        &["  sshard.v1  "],
    ] {
        let answer = offer(&bridge, offered);
        assert_eq!(answer.status, 101, "{offered:?}: {answer:?}");
        assert_eq!(answer.header("sec-websocket-protocol"), Some("sshard.v1"));
    }
    let answer = offer(&bridge, &[]);
    assert_eq!(answer.status, 101, "{answer:?}");
    assert_eq!(answer.header("sec-websocket-protocol"), None);
}

#[test]
fn other_subprotocols_alone_are_400() {
    let bridge = bridge(&[]);
    for offered in [
        "other",
        "sshard.v2",
        "SSHARD.V1",
        "sshard",
        "xsshard.v1",
        "a, b",
    ] {
        assert_refused(&offer(&bridge, &[offered]), 400, offered);
    }
}

#[test]
fn the_compatible_dialect_can_be_off() {
    let allow = ["--allow", "127.0.0.1:1", "--set"];
    for off in [
        ["compat.enabled=false"].as_slice(),
        &["log.level=info", "--preset", "security"],
    ] {
        let args: Vec<&str> = allow.iter().chain(off).copied().collect();
        let bridge = Bridge::start(&args, &[]);
        assert_refused(&offer(&bridge, &[]), 400, "off");
        assert_eq!(offer(&bridge, &["sshard.v1"]).status, 101);
    }
}

#[test]
fn frames_right_behind_the_request_are_read() {
    let scene = Scene::new(&[]);
    let mut raw = Raw::connect(scene.bridge.addr());
    let request = upgrade_request(scene.bridge.addr(), &scene.path());
    let mut bytes = format!("{request}Sec-WebSocket-Protocol: sshard.v1\r\n\r\n").into_bytes();
    for message in [
        json!({ "type": "ping", "data": "early" }),
        json!({ "type": "auth", "username": "u" }),
    ] {
        bytes.extend(frame(
            0x81,
            Some([1, 2, 3, 4]),
            message.to_string().as_bytes(),
        ));
    }
    raw.send(&bytes);
    assert_eq!(raw.answer().status, 101);
    let kinds: Vec<_> = (0..3).map(|_| raw.text()["type"].clone()).collect();
    assert_eq!(kinds, ["hello", "pong", "ready"]);
}

#[test]
fn every_listener_upgrades() {
    let args = [
        "--allow",
        "127.0.0.1:1",
        "--listen",
        "127.0.0.1:0",
        "--listen",
        "[::1]:0",
    ];
    let bridge = Bridge::start(&args, &[]);
    assert_eq!(bridge.addrs().len(), 2);
    for addr in bridge.addrs() {
        let mut client = Client::connect(*addr, PATH, &Options::v1());
        client.wait_type("hello");
    }
}
