//! The upgrade itself, and the dialect that it selects.

use super::common::raw::{ACCEPT, Answer, Raw, exchange, frame, upgrade_request};
use super::common::{Bridge, Client, Fixture, Options};
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
fn the_response_conforms_to_rfc_6455() {
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

/// Returns the answer to an upgrade in which these lines replace the header `replaced`.
fn with_lines(bridge: &Bridge, replaced: &str, lines: &[&str]) -> Answer {
    let (name, _) = replaced.split_once(": ").unwrap();
    let lines = lines.iter().map(|line| format!("{name}:{line}\r\n"));
    let lines: String = lines.collect();
    let request = upgrade_request(bridge.addr(), PATH);
    let request = format!("{request}Sec-WebSocket-Protocol: sshard.v1\r\n");
    assert!(request.contains(replaced), "{replaced}");
    let request = request.replace(&format!("{replaced}\r\n"), &lines);
    exchange(bridge.addr(), &format!("{request}\r\n"))
}

/// Headers that are lists (RFC 9110 section 5.6.1): one line or several, in any order and case of
/// tokens, with any blanks and empty elements.
#[test]
fn list_headers_are_parsed_in_every_form() {
    const CONNECTION: &str = "Connection: Upgrade";
    const UPGRADE: &str = "Upgrade: websocket";
    const VERSION: &str = "Sec-WebSocket-Version: 13";
    const PROTOCOL: &str = "Sec-WebSocket-Protocol: sshard.v1";
    let bridge = bridge(&[]);
    let table: &[(&str, &[&str], u16)] = &[
        (CONNECTION, &[" keep-alive", " Upgrade"], 101),
        (CONNECTION, &[" Upgrade", " keep-alive"], 101),
        (CONNECTION, &[" keep-alive, Upgrade"], 101),
        (CONNECTION, &["keep-alive,upgrade"], 101),
        (CONNECTION, &[" UPGRADE"], 101),
        (CONNECTION, &["\t keep-alive \t,\tuPgRaDe\t "], 101),
        (CONNECTION, &[" , ,,Upgrade,,"], 101),
        (CONNECTION, &["", " Upgrade"], 101),
        (CONNECTION, &[" a", " b, c", " d,Upgrade , e", ""], 101),
        (CONNECTION, &[" keep-alive"], 400),
        (CONNECTION, &[" keep-alive", " close"], 400),
        (CONNECTION, &[" Upgraded"], 400),
        (CONNECTION, &[" Up grade"], 400),
        (CONNECTION, &[" Up", " grade"], 400),
        (CONNECTION, &[" \"Upgrade\""], 400),
        (CONNECTION, &[" upgrade;q=1"], 400),
        (CONNECTION, &["", " ,"], 400),
        (UPGRADE, &[" WebSocket"], 101),
        (UPGRADE, &[" h2c, websocket"], 101),
        (UPGRADE, &["websocket,h2c"], 101),
        (UPGRADE, &[" h2c", " TLS/1.0", "\tWEBSOCKET "], 101),
        (UPGRADE, &[" ,websocket,"], 101),
        (UPGRADE, &[" h2c"], 400),
        (UPGRADE, &[" websockets"], 400),
        (UPGRADE, &[" web socket"], 400),
        (UPGRADE, &[""], 400),
        (VERSION, &["13"], 101),
        (VERSION, &[" 13, 8"], 101),
        (VERSION, &[" 8", " 13"], 101),
        (VERSION, &[" 7 ,\t13 , "], 101),
        (VERSION, &[" 8"], 426),
        (VERSION, &[" 8, 14"], 426),
        (VERSION, &[" 013"], 426),
        (VERSION, &[" 1 3"], 426),
        (VERSION, &[" 1,3"], 426),
        (VERSION, &[" 13.0"], 426),
        (VERSION, &[""], 400),
        (PROTOCOL, &["other", "sshard.v1"], 101),
        (PROTOCOL, &["  sshard.v1,other  "], 101),
        (PROTOCOL, &[" other,\tsshard.v1\t,more"], 101),
        (PROTOCOL, &[" , sshard.v1"], 101),
        (PROTOCOL, &[" x", "", " y,,sshard.v1"], 101),
        (PROTOCOL, &[" other", " sshard.v2"], 400),
        (PROTOCOL, &[" sshard.v1 other"], 400),
        (PROTOCOL, &[" SSHARD.V1"], 400),
        (PROTOCOL, &[" sshard, xsshard.v1"], 400),
    ];
    for (replaced, lines, status) in table {
        let answer = with_lines(&bridge, replaced, lines);
        assert_eq!(answer.status, *status, "{replaced} {lines:?}: {answer:?}");
        if *status != 101 {
            assert_refused(&answer, *status, replaced);
            continue;
        }
        assert_eq!(answer.header("sec-websocket-accept"), Some(ACCEPT));
        assert_eq!(answer.header("sec-websocket-protocol"), Some("sshard.v1"));
    }
}

/// A header without elements offers nothing.
#[test]
fn an_empty_offer_selects_the_compatible_dialect() {
    let bridge = bridge(&[]);
    for lines in [&[][..], &[""], &[" ,", "\t"]] {
        let answer = with_lines(&bridge, "Sec-WebSocket-Protocol: sshard.v1", lines);
        assert_eq!(answer.status, 101, "{answer:?}");
        assert_eq!(answer.header("sec-websocket-protocol"), None);
    }
}

#[test]
fn the_compatible_dialect_can_be_disabled() {
    for off in ["--set compat.enabled=false", "--preset security"] {
        let bridge = Bridge::serve(&format!("--allow 127.0.0.1:1 {off}"));
        assert_refused(&offer(&bridge, &[]), 400, "off");
        assert_eq!(offer(&bridge, &["sshard.v1"]).status, 101);
    }
}

#[test]
fn frames_sent_with_the_request_are_read() {
    let fixture = Fixture::new(&[]);
    let mut raw = Raw::connect(fixture.bridge.addr());
    let request = upgrade_request(fixture.bridge.addr(), &fixture.path());
    let mut bytes = format!("{request}Sec-WebSocket-Protocol: sshard.v1\r\n\r\n").into_bytes();
    for message in [
        json!({ "type": "ping", "data": "early" }),
        json!({ "type": "auth", "username": "u" }),
    ] {
        let text = message.to_string();
        bytes.extend(frame(0x81, Some([1, 2, 3, 4]), text.as_bytes()));
    }
    raw.send(&bytes);
    assert_eq!(raw.answer().status, 101);
    let kinds: Vec<_> = (0..3).map(|_| raw.text()["type"].clone()).collect();
    assert_eq!(kinds, ["hello", "pong", "ready"]);
}

#[test]
fn every_listener_upgrades() {
    let bridge = Bridge::serve("--allow 127.0.0.1:1 --listen 127.0.0.1:0 --listen [::1]:0");
    assert_eq!(bridge.addrs().len(), 2);
    for addr in bridge.addrs() {
        let mut client = Client::connect(*addr, PATH, &Options::v1());
        client.wait_type("hello");
    }
}
