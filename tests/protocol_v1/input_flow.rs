//! Input: `input_window`, `input_ack`, and what a client that keeps to it can rely on.

use super::common::{Client, Event, Fixture, SshScript};
use serde_json::json;
use std::time::Duration;

const WINDOW: usize = 16 * 1024;
const SETTING: &str = "websocket.read_buffer_size=16KiB";

/// Starts a server that reads nothing once it is paused, and has a small window.
fn narrow(settings: &[&str]) -> Fixture {
    let script = SshScript {
        window: 64 * 1024,
        ..SshScript::default()
    };
    Fixture::with(script, &[&[SETTING], settings].concat())
}

fn acked(event: &Event) -> Option<usize> {
    match event {
        Event::Json(value) if value["type"] == "input_ack" => {
            Some(value["bytes"].as_u64().unwrap().try_into().unwrap())
        }
        _ => None,
    }
}

#[test]
fn each_quarter_of_the_window_is_acknowledged() {
    let fixture = Fixture::new(&[SETTING]);
    let mut client = fixture.auth(&json!({ "username": "u" }));
    assert_eq!(client.wait_type("ready")["input_window"], WINDOW);
    let mut sent = 0;
    let mut last = 0;
    while last < 10 * WINDOW {
        while sent - last + 1000 <= WINDOW {
            client.send_binary(&[b'i'; 1000]);
            sent += 1000;
        }
        let event = client.recv();
        let bytes = acked(&event).unwrap_or_else(|| panic!("{event:?}"));
        assert!(bytes >= last + WINDOW / 4, "{bytes} after {last}");
        assert!(bytes <= sent, "{bytes} of {sent}");
        last = bytes;
    }
    assert_eq!(fixture.ssh.wait_input(sent).len(), sent);
}

#[test]
fn less_than_a_quarter_of_the_window_is_not_acknowledged() {
    let fixture = Fixture::new(&[SETTING]);
    let mut client = fixture.ready();
    client.send_binary(&vec![b'i'; WINDOW / 4 - 1]);
    fixture.ssh.wait_input(WINDOW / 4 - 1);
    // An ack would stand before the pong.
    client.send_json(&json!({ "type": "ping" }));
    assert_eq!(
        client.recv(),
        Event::Json(json!({ "type": "pong", "data": "" }))
    );
    client.send_binary(b"i");
    let event = client.recv();
    assert_eq!(acked(&event), Some(WINDOW / 4), "{event:?}");
}

/// Control messages still work while the server does not read a paste within the window.
#[test]
fn control_messages_pass_input_within_the_window() {
    let fixture = narrow(&[]);
    let mut client = fixture.ready();
    fixture.ssh.pause_input(true);
    let mut sent = 0;
    let mut last = 0;
    let mut quiet = 0;
    // Until twenty pings in a row brought no ack: then no more input is read.
    while quiet < 20 {
        while sent - last < WINDOW {
            let chunk = (WINDOW - (sent - last)).min(WINDOW / 4);
            client.send_binary(&vec![b'i'; chunk]);
            sent += chunk;
        }
        quiet += 1;
        client.send_json(&json!({ "type": "ping" }));
        loop {
            let event = client.recv();
            match acked(&event) {
                Some(bytes) => (last, quiet) = (bytes, 0),
                None => break assert!(matches!(event, Event::Json(_)), "{event:?}"),
            }
        }
    }
    assert!(
        last < 1024 * 1024,
        "{last} bytes went into a server that reads nothing"
    );
    client.send_json(&json!({ "type": "hold" }));
    client.send_json(&json!({ "type": "release" }));
    super::assert_alive(&mut client, "held back");
    fixture.ssh.pause_input(false);
    assert_eq!(fixture.ssh.wait_input(sent).len(), sent);
    client.send_json(&json!({ "type": "close" }));
    loop {
        let event = client.recv();
        if acked(&event).is_none() {
            break assert_eq!(event, Event::Close(1000, String::new()));
        }
    }
}

/// A client beyond its window is not read, control included, and counts as alive meanwhile.
#[test]
fn input_beyond_the_window_is_not_read() {
    let settings = [
        "websocket.ping_interval=50ms",
        "websocket.max_missed_pongs=60",
    ];
    let fixture = narrow(&settings);
    let mut client = fixture.ready();
    fixture.ssh.pause_input(true);
    let sent = 40 * WINDOW;
    for _ in 0..40 {
        client.send_binary(&vec![b'i'; WINDOW]);
    }
    client.send_json(&json!({ "type": "ping", "data": "behind" }));
    // Three seconds without a pong are too long for a client that is read from.
    assert_no_pong(&mut client, Duration::from_millis(4500));
    fixture.ssh.pause_input(false);
    assert_eq!(client.wait_type("pong")["data"], "behind");
    assert_eq!(fixture.ssh.wait_input(sent).len(), sent);
    super::assert_alive(&mut client, "after all");
}

fn assert_no_pong(client: &mut Client, time: Duration) {
    let until = std::time::Instant::now() + time;
    loop {
        let left = until.saturating_duration_since(std::time::Instant::now());
        match client.recv_within(left) {
            None => return,
            Some(event) => assert!(acked(&event).is_some(), "{event:?}"),
        }
    }
}

#[test]
fn input_passes_while_output_is_held() {
    let fixture = Fixture::new(&[SETTING]);
    let mut client = fixture.ready();
    client.send_json(&json!({ "type": "hold" }));
    super::assert_alive(&mut client, "held");
    fixture.ssh.output(&vec![b'o'; 500_000]);
    for _ in 0..20 {
        client.send_binary(&vec![b'i'; WINDOW]);
    }
    assert_eq!(fixture.ssh.wait_input(20 * WINDOW).len(), 20 * WINDOW);
    client.send_binary(b"\x03");
    fixture.ssh.wait_input(20 * WINDOW + 1);
    assert_eq!(client.output, b"");
    client.send_json(&json!({ "type": "release" }));
    while client.output.len() < 500_000 {
        match client.recv() {
            Event::Output(bytes) => client.output.extend(bytes),
            event => assert!(acked(&event).is_some(), "{event:?}"),
        }
    }
}
