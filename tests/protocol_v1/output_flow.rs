//! Output: `flow_window` and `ack`, `hold` and `release`.

use super::assert_alive;
use super::common::{Client, Event, Fixture};
use serde_json::json;
use tungstenite::Message;

fn ack(client: &mut Client, bytes: usize) {
    client.send_json(&json!({ "type": "ack", "bytes": bytes }));
}

/// Reads output until `total` bytes have come since `ready`, and then not one more: a pong comes
/// first.
fn assert_stops_at(client: &mut Client, total: usize) {
    client.read_output(total);
    assert_alive(client, "window used up");
    assert_eq!(
        client.output.len(),
        total,
        "more than the window is unacknowledged"
    );
}

fn numbered(bytes: u32) -> Vec<u8> {
    (0..bytes / 4).flat_map(u32::to_be_bytes).collect()
}

#[test]
fn never_more_than_the_window_is_unacknowledged() {
    for window in [1024, 5000, 100_000] {
        let fixture = Fixture::new(&[]);
        let mut client = fixture.ready_with(&json!({ "username": "u", "flow_window": window }));
        let bytes = numbered(400_000);
        fixture.ssh.output(&bytes);
        assert_stops_at(&mut client, window);
        let mut acked = 0;
        for step in [1, window / 2, window / 2 - 1, window] {
            acked += step;
            ack(&mut client, acked);
            assert_stops_at(&mut client, acked + window);
        }
        // Old and repeated acks change nothing.
        for old in [acked, 0, acked - 1] {
            ack(&mut client, old);
        }
        assert_stops_at(&mut client, acked + window);
        while client.output.len() < bytes.len() {
            let received = client.output.len();
            ack(&mut client, received);
            assert_stops_at(&mut client, (received + window).min(bytes.len()));
        }
        assert!(client.output == bytes, "output is not what was sent");
    }
}

#[test]
fn an_ack_ahead_of_the_output_is_4400() {
    let fixture = Fixture::new(&[]);
    for (output, bytes) in [(0, 1), (0, u64::MAX), (10, 11)] {
        let mut client = fixture.ready_with(&json!({ "username": "u", "flow_window": 1024 }));
        fixture.ssh.output(&vec![b'o'; output]);
        if output > 0 {
            assert_stops_at(&mut client, output);
        }
        client.send_json(&json!({ "type": "ack", "bytes": bytes }));
        let error = super::assert_bad(&mut client, "ahead");
        assert_eq!(error["code"], "out-of-order");
    }
}

/// Without `flow_window`, an ack is accepted and has no effect.
#[test]
fn without_a_window_nothing_waits_for_acks() {
    let fixture = Fixture::new(&[]);
    let mut client = fixture.ready();
    fixture.ssh.output(&numbered(1_000_000));
    assert_stops_at(&mut client, 1_000_000);
    ack(&mut client, 1000);
    assert_alive(&mut client, "an ack without a window");
}

/// A pong is sent between frames, however little of a frame the client's socket has accepted.
#[test]
fn pongs_do_not_interrupt_output_frames() {
    const BYTES: u32 = 4_000_000;
    let fixture = Fixture::new(&[]);
    let mut client = fixture.ready();
    let bytes = numbered(BYTES);
    fixture.ssh.output(&bytes);
    // Nothing is read meanwhile: the buffers fill up in the middle of a frame.
    for _ in 0..100 {
        client.send(Message::Ping(b"?".to_vec().into()));
    }
    for total in (0..bytes.len()).step_by(50_000) {
        client.read_output(total);
        client.send(Message::Ping(b"?".to_vec().into()));
    }
    assert_stops_at(&mut client, bytes.len());
    assert!(client.output == bytes, "output is not what was sent");
}

#[test]
fn hold_stops_output_and_release_starts_it() {
    let fixture = Fixture::new(&[]);
    let mut client = fixture.ready();
    fixture.ssh.output(b"one");
    assert_stops_at(&mut client, 3);
    for _ in 0..3 {
        client.send_json(&json!({ "type": "hold" }));
        client.send_json(&json!({ "type": "hold" }));
        assert_alive(&mut client, "held");
        let before = client.output.len();
        fixture.ssh.output(b"more");
        // Control passes, and no output.
        for _ in 0..20 {
            assert_alive(&mut client, "held");
        }
        assert_eq!(client.output.len(), before, "output while held");
        client.send_json(&json!({ "type": "release" }));
        assert_stops_at(&mut client, before + 4);
    }
    client.send_json(&json!({ "type": "release" }));
    assert_alive(&mut client, "released twice");
}

/// Output that acks allow is sent only after the `release`.
#[test]
fn output_needs_both_a_release_and_acks() {
    let fixture = Fixture::new(&[]);
    let mut client = fixture.ready_with(&json!({ "username": "u", "flow_window": 1024 }));
    fixture.ssh.output(&numbered(10_000));
    assert_stops_at(&mut client, 1024);
    client.send_json(&json!({ "type": "hold" }));
    ack(&mut client, 1024);
    assert_stops_at(&mut client, 1024);
    client.send_json(&json!({ "type": "release" }));
    assert_stops_at(&mut client, 2048);
}

/// A hold before `ready` holds from the first byte on.
#[test]
fn a_hold_may_come_before_ready() {
    let fixture = Fixture::new(&[]);
    let mut client = fixture.auth(&json!({ "username": "u" }));
    client.send_json(&json!({ "type": "hold" }));
    client.wait_type("ready");
    assert_alive(&mut client, "ready and held");
    fixture.ssh.output(b"first");
    for _ in 0..20 {
        assert_alive(&mut client, "held");
    }
    assert_eq!(client.output, b"");
    client.send_json(&json!({ "type": "release" }));
    assert_eq!(client.recv(), Event::Output(b"first".to_vec()));
}
