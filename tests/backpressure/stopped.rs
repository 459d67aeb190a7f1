//! The remote side floods and the client takes nothing: it stops reading its socket, or holds,
//! or acknowledges nothing; or it takes little. Memory stays bounded, sshd is held back, Ctrl-C
//! still arrives, and afterwards not a byte is missing.

use crate::common::{Client, DEADLINE, Event, Options};
use crate::numbered::Checker;
use crate::stage::{KIB, MIB, QUIET, SMALL, Stage, ping};
use serde_json::json;
use std::time::{Duration, Instant};

const TOTAL: u64 = 48 * MIB;
/// Read at a time by a client that reads slowly, and its pause then: 640 KB/s at most.
const SIP: u64 = 32 * KIB;
const PAUSE: Duration = Duration::from_millis(50);

/// What may be under way to a client that reads slowly: the buffers of sshd and its terminal, the
/// SSH window, and what the bridge lets out of its hands.
const LITTLE: u64 = 256 * KIB;

const CTRL_C: &[u8] = &[3];

fn slow() -> Options {
    Options::v1().receive_buffer(SMALL)
}

/// Reads on until `count` bytes were read in all.
fn read_to(client: &mut Client, checker: &mut Checker, count: u64) {
    checker.feed(&std::mem::take(&mut client.output));
    while checker.seen() < count {
        match client.recv() {
            Event::Output(bytes) => checker.feed(&bytes),
            Event::Json(_) => {}
            other => panic!("{other:?} after {} bytes", checker.seen()),
        }
    }
}

/// Reads to the end; all of the flood must have come, and the program have ended well.
fn read_out(client: &mut Client, checker: &mut Checker) {
    read_to(client, checker, TOTAL);
    assert_eq!(client.wait_type("exit")["status"], 0);
    assert_eq!(client.until_close().0, 1000);
    assert!(client.output.is_empty(), "more came than was written");
}

#[test]
fn a_reader_that_stops_holds_the_remote_side_back() {
    let stage = Stage::start(&[], &[]);
    let memory = stage.watch_memory();
    let mut client = stage.open_flood(TOTAL, &json!({}), &slow());
    let mut checker = Checker::default();
    for round in 1..=3 {
        read_to(&mut client, &mut checker, round * MIB);
        stage.wait_throttled(checker.seen());
        client.send_binary(CTRL_C);
        stage.wait_interrupts(round);
    }
    memory.check();
    read_out(&mut client, &mut checker);
    memory.check();
}

#[test]
fn hold_stops_output_and_release_starts_it_again() {
    let stage = Stage::start(&[], &[]);
    let memory = stage.watch_memory();
    let mut client = stage.open_flood(TOTAL, &json!({}), &slow());
    let mut checker = Checker::default();
    for round in 1..=3 {
        read_to(&mut client, &mut checker, round * MIB);
        client.send_json(&json!({ "type": "hold" }));
        ping(&mut client, "held");
        checker.feed(&std::mem::take(&mut client.output));
        stage.wait_throttled(checker.seen());
        client.send_binary(CTRL_C);
        stage.wait_interrupts(round);
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
    let stage = Stage::start(&[], &[]);
    let memory = stage.watch_memory();
    let window = 100 * KIB;
    let auth = json!({ "flow_window": window });
    let mut client = stage.open_flood(TOTAL, &auth, &slow());
    let mut checker = Checker::default();
    let mut acked = 0;
    for round in 1..=3 {
        read_to(&mut client, &mut checker, acked + window);
        stage.wait_throttled(checker.seen());
        client.send_binary(CTRL_C);
        stage.wait_interrupts(round);
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
        read_to(&mut client, &mut checker, next);
    }
    read_out(&mut client, &mut checker);
    memory.check();
}

/// The system's own receive buffer would take megabytes, and those of the bridge's side more. Which
/// the client's pace, as its pongs tell it, leaves empty.
#[test]
fn little_is_under_way_to_a_reader_that_is_slow() {
    let stage = Stage::start(&[], &[]);
    let memory = stage.watch_memory();
    let mut client = stage.open_flood(TOTAL, &json!({}), &Options::v1());
    let mut checker = Checker::default();
    let until = Instant::now() + DEADLINE;
    let mut under_way = u64::MAX;
    while under_way > LITTLE {
        assert!(
            Instant::now() < until,
            "{under_way} bytes are still under way after {}",
            checker.seen()
        );
        let next = checker.seen() + SIP;
        read_to(&mut client, &mut checker, next);
        std::thread::sleep(PAUSE);
        under_way = stage.produced().saturating_sub(checker.seen());
    }
    client.send_binary(CTRL_C);
    stage.wait_interrupts(1);
    memory.check();
    // It is not slow any more.
    read_out(&mut client, &mut checker);
    memory.check();
}
