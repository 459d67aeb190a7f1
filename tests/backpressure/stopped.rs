//! Bulk output to a client that stops reading its socket, or sends `hold`, or acknowledges nothing,
//! or reads slowly. Memory stays bounded, sshd is held back, Ctrl-C still arrives, and no byte is
//! lost.

use crate::common::{Client, DEADLINE, Options};
use crate::fixture::{BulkFixture, KIB, MIB, QUIET, SMALL_BUFFER, ping};
use crate::numbered::Checker;
use serde_json::json;
use std::time::{Duration, Instant};

const TOTAL: u64 = 48 * MIB;
/// Bytes that a slow reader reads at a time, and its pause: 640 KB/s at most.
const READ_SIZE: u64 = 32 * KIB;
const PAUSE: Duration = Duration::from_millis(50);

/// Most bytes under way to a slow reader: the buffers of sshd and its terminal, the SSH window, and
/// the bridge's unacknowledged output.
const MAX_UNDER_WAY_SLOW: u64 = 256 * KIB;

const CTRL_C: &[u8] = &[3];

fn slow() -> Options {
    Options::v1().receive_buffer(SMALL_BUFFER)
}

/// Reads to the end, and asserts that all output came and the program succeeded.
fn read_out(client: &mut Client, checker: &mut Checker) {
    checker.read_to(client, TOTAL);
    assert_eq!(client.wait_type("exit")["status"], 0);
    assert_eq!(client.until_close().0, 1000);
    assert!(client.output.is_empty(), "more came than was written");
}

#[test]
fn a_reader_that_stops_holds_the_remote_side_back() {
    let fixture = BulkFixture::start(&[], &[]);
    let memory = fixture.watch_memory();
    let mut client = fixture.open_bulk(TOTAL, &json!({}), &slow());
    let mut checker = Checker::default();
    for round in 1..=3 {
        checker.read_to(&mut client, round * MIB);
        fixture.wait_throttled(checker.seen());
        client.send_binary(CTRL_C);
        fixture.wait_interrupts(round);
    }
    memory.check();
    read_out(&mut client, &mut checker);
    memory.check();
}

#[test]
fn hold_stops_output_and_release_starts_it_again() {
    let fixture = BulkFixture::start(&[], &[]);
    let memory = fixture.watch_memory();
    let mut client = fixture.open_bulk(TOTAL, &json!({}), &slow());
    let mut checker = Checker::default();
    for round in 1..=3 {
        checker.read_to(&mut client, round * MIB);
        client.send_json(&json!({ "type": "hold" }));
        ping(&mut client, "held");
        checker.check(&std::mem::take(&mut client.output));
        fixture.wait_throttled(checker.seen());
        client.send_binary(CTRL_C);
        fixture.wait_interrupts(round);
        ping(&mut client, "still held");
        assert!(client.output.is_empty(), "output came in spite of `hold`");
        client.send_json(&json!({ "type": "release" }));
    }
    memory.check();
    read_out(&mut client, &mut checker);
    memory.check();
}

#[test]
fn a_window_without_acks_stops_output_at_its_last_byte() {
    let fixture = BulkFixture::start(&[], &[]);
    let memory = fixture.watch_memory();
    let window = 100 * KIB;
    let auth = json!({ "flow_window": window });
    let mut client = fixture.open_bulk(TOTAL, &auth, &slow());
    let mut checker = Checker::default();
    let mut acked = 0;
    for round in 1..=3 {
        checker.read_to(&mut client, acked + window);
        fixture.wait_throttled(checker.seen());
        client.send_binary(CTRL_C);
        fixture.wait_interrupts(round);
        ping(&mut client, "unacknowledged");
        let event = client.recv_within(QUIET);
        assert_eq!(event, None, "the window was overrun");
        assert!(client.output.is_empty(), "the window was overrun");
        // Not all of it: the next window begins where this ack ends.
        acked += window - round;
        client.send_json(&json!({ "type": "ack", "bytes": acked }));
    }
    memory.check();
    while checker.seen() < TOTAL {
        if checker.seen() - acked >= window / 2 {
            acked = checker.seen();
            client.send_json(&json!({ "type": "ack", "bytes": acked }));
        }
        let next = (checker.seen() + 1).min(TOTAL);
        checker.read_to(&mut client, next);
    }
    read_out(&mut client, &mut checker);
    memory.check();
}

/// The default socket buffers would take megabytes; the pacer leaves them almost empty.
#[test]
fn few_bytes_are_under_way_to_a_slow_reader() {
    let fixture = BulkFixture::start(&[], &[]);
    let memory = fixture.watch_memory();
    let mut client = fixture.open_bulk(TOTAL, &json!({}), &Options::v1());
    let mut checker = Checker::default();
    let until = Instant::now() + DEADLINE;
    let mut under_way = u64::MAX;
    while under_way > MAX_UNDER_WAY_SLOW {
        assert!(
            Instant::now() < until,
            "{under_way} bytes are still under way after {}",
            checker.seen()
        );
        let next = checker.seen() + READ_SIZE;
        checker.read_to(&mut client, next);
        std::thread::sleep(PAUSE);
        under_way = fixture.produced().saturating_sub(checker.seen());
    }
    client.send_binary(CTRL_C);
    fixture.wait_interrupts(1);
    memory.check();
    // Reads at full speed from here on.
    read_out(&mut client, &mut checker);
    memory.check();
}
