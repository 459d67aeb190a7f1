//! Bulk output to a client that stops reading its socket, or sends `hold`, or acknowledges nothing,
//! or reads slowly. Memory stays bounded, sshd is held back, Ctrl-C still arrives, and no byte is
//! lost.

use crate::common::{DEADLINE, Options};
use crate::fixture::{BulkSession, KIB, MIB, QUIET, SMALL_BUFFER, ping};
use serde_json::{Value, json};
use std::time::{Duration, Instant};

const TOTAL: u64 = 48 * MIB;
/// Bytes that a slow reader reads at a time, and its pause: 640 KB/s at most.
const READ_SIZE: u64 = 32 * KIB;
const PAUSE: Duration = Duration::from_millis(50);

/// Most bytes under way to a slow reader: the buffers of sshd and its terminal, the SSH window, and
/// the bridge's unacknowledged output.
const MAX_UNDER_WAY_SLOW: u64 = 256 * KIB;

fn start(fields: &Value) -> BulkSession {
    let slow = Options::v1().receive_buffer(SMALL_BUFFER);
    BulkSession::start(TOTAL, &[], fields, &slow)
}

#[test]
fn a_reader_that_stops_holds_the_remote_side_back() {
    let mut session = start(&json!({}));
    for round in 1..=3 {
        session.read_to(round * MIB);
        session.wait_throttled();
        session.interrupt(round);
    }
    session.read_out();
}

#[test]
fn hold_stops_output_and_release_starts_it_again() {
    let mut session = start(&json!({}));
    for round in 1..=3 {
        session.read_to(round * MIB);
        session.client.send_json(&json!({ "type": "hold" }));
        ping(&mut session.client, "held");
        let output = std::mem::take(&mut session.client.output);
        session.checker.check(&output);
        session.wait_throttled();
        session.interrupt(round);
        ping(&mut session.client, "still held");
        let output = &session.client.output;
        assert!(output.is_empty(), "output came in spite of `hold`");
        session.client.send_json(&json!({ "type": "release" }));
    }
    session.read_out();
}

#[test]
fn a_window_without_acks_stops_output_at_its_last_byte() {
    let window = 100 * KIB;
    let mut session = start(&json!({ "flow_window": window }));
    let ack = |acked: u64| json!({ "type": "ack", "bytes": acked });
    let mut acked = 0;
    for round in 1..=3 {
        session.read_to(acked + window);
        session.wait_throttled();
        session.interrupt(round);
        ping(&mut session.client, "unacknowledged");
        let event = session.client.recv_within(QUIET);
        assert_eq!(event, None, "the window was overrun");
        assert!(session.client.output.is_empty(), "the window was overrun");
        // Not all of it: the next window begins where this ack ends.
        acked += window - round;
        session.client.send_json(&ack(acked));
    }
    session.fixture.check_memory();
    while session.checker.seen() < TOTAL {
        if session.checker.seen() - acked >= window / 2 {
            acked = session.checker.seen();
            session.client.send_json(&ack(acked));
        }
        session.read_to((session.checker.seen() + 1).min(TOTAL));
    }
    session.read_out();
}

/// The default socket buffers would take megabytes; the pacer leaves them almost empty.
#[test]
fn few_bytes_are_in_flight_to_a_slow_reader() {
    let mut session = BulkSession::start(TOTAL, &[], &json!({}), &Options::v1());
    let until = Instant::now() + DEADLINE;
    let mut under_way = u64::MAX;
    while under_way > MAX_UNDER_WAY_SLOW {
        let seen = session.checker.seen();
        assert!(
            Instant::now() < until,
            "{under_way} bytes are still under way after {seen}"
        );
        session.read_to(seen + READ_SIZE);
        std::thread::sleep(PAUSE);
        under_way = session
            .fixture
            .produced()
            .saturating_sub(session.checker.seen());
    }
    session.interrupt(1);
    // Reads at full speed from here on.
    session.read_out();
}
