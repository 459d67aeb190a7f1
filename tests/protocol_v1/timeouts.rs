//! Timeouts of a running session: pongs, stall, hold, idle, lifetime, drain. A timeout that must
//! end a session is set short and waited for; one that must not is set short beside activity.

use super::assert_fails;
use super::common::raw::Raw;
use super::common::{Client, DEADLINE, Event, Fixture, Options, Received, text};
use rustix::process::Signal;
use serde_json::{Value, json};
use std::time::Duration;

/// Long enough that the login of a slow machine misses no two in a row.
const FAST_PINGS: [&str; 2] = ["websocket.ping_interval=1s", "websocket.max_missed_pongs=2"];

/// Pings until the end, the `error` and the close code.
fn until_end(raw: &mut Raw) -> (usize, Value, u16) {
    let (mut pings, mut error) = (0, Value::Null);
    loop {
        let frame = raw.frame().expect("a close frame before the end");
        match frame.first {
            0x89 => pings += 1,
            0x81 => error = serde_json::from_slice(&frame.payload).unwrap(),
            0x88 => return (pings, error, frame.as_close().unwrap().0),
            _ => panic!("{frame:?}"),
        }
    }
}

#[test]
fn two_missed_pongs_are_4514() {
    let fixture = Fixture::new(&FAST_PINGS);
    let mut raw = fixture.raw_ready();
    let (pings, error, code) = until_end(&mut raw);
    assert_eq!((code, &error["code"]), (4514, &"no-pong".into()));
    assert!((1..=2).contains(&pings), "{pings} pings, two may be missed");
    fixture.ssh.wait_received(&Received::Gone);
}

/// The pong timeout runs before `auth` as well.
#[test]
fn a_silent_client_is_4514_before_auth_too() {
    let fixture = Fixture::new(&FAST_PINGS);
    let mut raw = fixture.raw();
    raw.text();
    let (_, error, code) = until_end(&mut raw);
    assert_eq!((code, &error["stage"]), (4514, &"auth".into()));
}

/// Five seconds of missed pongs end the session.
const TOLERANT_PINGS: [&str; 2] = [
    "websocket.ping_interval=50ms",
    "websocket.max_missed_pongs=100",
];

#[test]
fn a_client_that_answers_pings_stays_connected() {
    let fixture = Fixture::new(&TOLERANT_PINGS);
    let mut client = fixture.ready();
    let quiet = client.recv_within(Duration::from_millis(5500));
    assert_eq!(quiet, None, "nothing but pings, which are answered");
    super::assert_alive(&mut client, "after many pings");
}

#[test]
fn the_server_pings_repeatedly() {
    let fixture = Fixture::new(&TOLERANT_PINGS);
    let mut raw = fixture.raw_ready();
    for _ in 0..10 {
        let ping = raw.frame().unwrap();
        assert_eq!(ping.first, 0x89, "{ping:?}");
        raw.send_frame(0x8a, &ping.payload);
    }
    raw.send_frame(0x81, br#"{"type":"close"}"#);
    assert_eq!(raw.until_close().0, 1000);
}

/// Neither the message `ping` nor the server's own pings are activity.
#[test]
fn an_idle_session_is_4410() {
    let mut settings = vec!["session.idle_timeout=300ms"];
    settings.extend(TOLERANT_PINGS);
    let fixture = Fixture::new(&settings);
    let mut client = fixture.ready();
    let ping = json!({ "type": "ping" });
    let mut pongs = 0;
    client.send_json(&ping);
    loop {
        match client.recv() {
            Event::Json(value) if value["type"] == "pong" => pongs += 1,
            Event::Json(value) => break assert_eq!(value["code"], "idle", "{pongs} {value}"),
            other => panic!("{other:?} after {pongs} pongs"),
        }
        // The end may be on its way already.
        let _ = client.try_send(text(&ping));
    }
    assert_eq!(client.until_close().0, 4410);
}

/// Input in one session and output in another, for longer than either may be idle.
#[test]
fn input_and_output_are_activity() {
    let fixture = Fixture::new(&["session.idle_timeout=3s"]);
    let mut talker = fixture.ready();
    let mut listener = fixture.ready();
    for round in 1..=14 {
        assert_eq!(talker.recv_within(Duration::from_millis(250)), None);
        talker.send_binary(b"i");
        fixture.ssh.wait_input(round);
        fixture.ssh.output(b"o");
        assert_eq!(listener.recv(), Event::Output(b"o".to_vec()));
    }
    super::assert_alive(&mut talker, "input");
    super::assert_alive(&mut listener, "output");
}

/// A client that holds must still answer pings.
#[test]
fn a_client_that_holds_and_answers_no_ping_is_4514() {
    let fixture = Fixture::new(&FAST_PINGS);
    let mut raw = fixture.raw_ready();
    raw.send_frame(0x81, br#"{"type":"hold"}"#);
    raw.wait_processed();
    fixture.ssh.output(b"waits");
    let (_, error, code) = until_end(&mut raw);
    assert_eq!((code, &error["code"]), (4514, &"no-pong".into()));
}

/// Messages do not extend it.
#[test]
fn a_lifetime_ends_with_4411() {
    let fixture = Fixture::new(&["session.max_lifetime=500ms"]);
    let mut client = fixture.ready();
    let error = loop {
        let _ = client.try_send(text(&json!({ "type": "ping" })));
        match client.recv() {
            Event::Json(value) if value["type"] == "pong" => {}
            Event::Json(value) => break value,
            other => panic!("{other:?}"),
        }
    };
    assert_eq!(error["code"], "lifetime", "{error}");
    assert_eq!(client.until_close().0, 4411);
    fixture.ssh.wait_received(&Received::Gone);
}

/// The client reads nothing, and pings cannot reach it: the stall timeout ends the session.
#[test]
fn a_client_that_reads_nothing_is_4513() {
    let fixture = Fixture::new(&["websocket.stall_timeout=500ms"]);
    let options = Options::v1().receive_buffer(4096);
    let mut client = Client::connect(fixture.bridge.addr(), &fixture.path(), &options);
    client.login_v1("u", "p");
    fixture.ssh.output(&vec![b'o'; 2_000_000]);
    fixture.bridge.wait_stderr("stalled", DEADLINE);
    fixture.ssh.wait_received(&Received::Gone);
}

/// Withheld acks and `hold` do not stall a session, but have a timeout of their own.
#[test]
fn a_client_that_holds_too_long_is_4513() {
    let settings = [
        "session.hold_timeout=400ms",
        "websocket.stall_timeout=100ms",
    ];
    let fixture = Fixture::new(&settings);
    let mut holding = fixture.ready();
    holding.send_json(&json!({ "type": "hold" }));
    super::assert_alive(&mut holding, "held");
    fixture.ssh.output(b"never seen");
    let error = assert_fails(&mut holding, 4513, "hold");
    assert_eq!(error["code"], "held-too-long");
    let mut unacked = fixture.ready_with(&json!({ "username": "u", "flow_window": 1024 }));
    fixture.ssh.output(&vec![b'o'; 1025]);
    unacked.read_output(1024);
    let error = assert_fails(&mut unacked, 4513, "no acks");
    assert_eq!(error["code"], "held-too-long");
}

/// Nor does a window that is used up exactly, with no output waiting behind it.
#[test]
fn a_hold_without_waiting_output_does_not_time_out() {
    let settings = [
        "session.hold_timeout=200ms",
        "websocket.stall_timeout=100ms",
    ];
    let fixture = Fixture::new(&settings);
    let mut holding = fixture.ready();
    holding.send_json(&json!({ "type": "hold" }));
    let mut unacked = fixture.ready_with(&json!({ "username": "u", "flow_window": 1024 }));
    fixture.ssh.output(&[b'o'; 1024]);
    let quiet = holding.recv_within(Duration::from_secs(1));
    assert_eq!(quiet, None);
    super::assert_alive(&mut holding, "held for long");
    super::assert_alive(&mut unacked, "window just used up");
    assert_eq!(unacked.output.len(), 1024);
}

#[test]
fn a_drain_sends_a_notice_and_ends_with_1001() {
    let fixture = Fixture::new(&["server.drain_timeout=4s"]);
    let mut client = fixture.ready();
    fixture.bridge.signal(Signal::TERM);
    let notice = client.wait_type("notice");
    assert_eq!(notice["kind"], "drain");
    let left = notice["deadline_ms"].as_u64().unwrap();
    assert!(left <= 4000, "{notice}");
    // The shell runs until the deadline.
    client.send_binary(b"typed while draining");
    fixture.ssh.wait_input(20);
    let error = assert_fails(&mut client, 1001, "drain");
    assert_eq!(error["code"], "drain");
}
