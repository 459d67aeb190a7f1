//! A hundred megabytes of input: to a program that stores them, to one that echoes them, and to one
//! that never reads.

use crate::common::{Client, DEADLINE, Event, Options, poll};
use crate::fixture::{BulkFixture, KIB, MIB, QUIET, SMALL_BUFFER, ping};
use crate::numbered::{self, Checker};
use crate::pipe::{Pipe, READY_LINE};
use serde_json::{Value, json};
use std::fs;
use std::io::{ErrorKind, Write};

const PASTE: u64 = 100 * MIB;

fn slow() -> Options {
    Options::v1().receive_buffer(SMALL_BUFFER)
}

/// Asserts that the remote program has stored `total` bytes of the numbered stream.
fn check_stored(fixture: &BulkFixture, total: u64) {
    let stored = fs::read(fixture.path().join("stored")).unwrap();
    let mut checker = Checker::default();
    for part in stored.chunks(1 << 20) {
        checker.check(part);
    }
    assert_eq!(checker.seen(), total);
}

fn store(fixture: &BulkFixture) -> String {
    let directory = fixture.path().display();
    format!("stty raw -echo && echo READY && head -c {PASTE} > {directory}/stored")
}

#[test]
fn a_paste_within_the_window_is_stored_whole() {
    let fixture = BulkFixture::start(&[], &[]);
    let mut pipe = Pipe::open(&fixture, &store(&fixture), None, &slow());
    pipe.run(PASTE, 0);
    // The remote program ends when it has them all.
    pipe.finish();
    fixture.check_memory();
    check_stored(&fixture, PASTE);
}

/// TCP holds the client back.
#[test]
fn a_paste_that_ignores_the_window_is_stored_whole() {
    let fixture = BulkFixture::start(&[], &["websocket.ping_interval=1h"]);
    let (mut client, _) = fixture.open(&store(&fixture), &json!({}), &slow());
    client.output_until(READY_LINE);
    let mut sent = 0;
    // The acknowledgements that it does not read meanwhile fit into the socket's buffer.
    while sent < PASTE {
        let count = (PASTE - sent).min(48 * KIB);
        client.send_binary(&numbered::bytes(sent, usize::try_from(count).unwrap()));
        sent += count;
    }
    assert_eq!(client.wait_type("exit")["status"], 0);
    assert_eq!(client.until_close().0, 1000);
    fixture.check_memory();
    check_stored(&fixture, PASTE);
}

#[test]
fn an_echoed_paste_comes_back_whole() {
    let fixture = BulkFixture::start(&[], &[]);
    let command = format!("stty raw -echo && echo READY && head -c {PASTE}");
    let mut pipe = Pipe::open(&fixture, &command, Some(128 * KIB), &slow());
    pipe.run(PASTE, PASTE);
    pipe.finish();
    fixture.check_memory();
}

/// More input than sshd's window (2 MiB), so that sshd must widen it, behind output that is held
/// back.
#[test]
fn input_passes_while_output_is_held() {
    const INPUT: u64 = 3 * MIB;
    let fixture = BulkFixture::start(&[], &[]);
    let directory = fixture.path().display();
    let command = format!(
        "stty raw -echo && echo READY && (perl {directory}/bulk_output.pl {directory} {PASTE} & \
         head -c {INPUT} > {directory}/stored; echo 1 > {directory}/interrupts; wait)"
    );
    let (mut client, ready) = fixture.open(&command, &json!({}), &slow());
    client.output_until(READY_LINE);
    client.send_json(&json!({ "type": "hold" }));
    // Output from before `hold` does not count.
    ping(&mut client, "held");
    client.output.clear();
    fixture.wait_throttled(0);
    let mut pipe = Pipe::new(client, &ready, None);
    pipe.run(INPUT, 0);
    fixture.wait_interrupts(1);
    fixture.check_memory();
    check_stored(&fixture, INPUT);
}

fn never_reads(fixture: &BulkFixture) -> String {
    let directory = fixture.path().display();
    format!("stty raw -echo && echo READY && exec perl {directory}/never_reads.pl {directory}")
}

/// Sends input within the window until no more of it is passed on.
fn paste_until_held(client: &mut Client, ready: &Value) -> u64 {
    let window = ready["input_window"].as_u64().unwrap();
    let (mut sent, mut passed) = (0, 0);
    loop {
        while sent + 8 * KIB <= passed + window {
            client.send_binary(&numbered::bytes(sent, 8 * 1024));
            sent += 8 * KIB;
            assert!(sent < PASTE, "a program that does not read took everything");
        }
        // Longer than an acknowledgement takes; a later one would only make the paste shorter.
        let acked = poll(DEADLINE / 10, || next_ack(client));
        match acked {
            Some(acked) => passed = acked,
            None => return sent,
        }
    }
}

fn next_ack(client: &mut Client) -> Option<u64> {
    match client.recv_within(QUIET)? {
        Event::Json(message) if message["type"] == "input_ack" => message["bytes"].as_u64(),
        Event::Output(bytes) => {
            client.output.extend(bytes);
            None
        }
        other => panic!("{other:?}"),
    }
}

#[test]
fn control_and_output_pass_input_that_is_not_read() {
    let fixture = BulkFixture::start(&[], &[]);
    let (mut client, ready) = fixture.open(&never_reads(&fixture), &json!({}), &Options::v1());
    client.output_until("size 24 80;\n");
    paste_until_held(&mut client, &ready);
    fixture.check_memory();
    for round in 1..=3 {
        ping(&mut client, "held");
        let (cols, rows) = (100 + round, 40 + round);
        client.send_json(&json!({ "type": "resize", "cols": cols, "rows": rows }));
        // The program reports the size as output, which waiting input does not stop.
        client.output_until(&format!("size {rows} {cols};\n"));
        client.send_json(&json!({ "type": "signal", "name": "INT" }));
        fixture.wait_interrupts(round);
    }
    client.send_json(&json!({ "type": "close" }));
    assert_eq!(client.until_close().0, 1000);
    fixture.check_memory();
}

/// The bridge stops reading from the client, and still detects its end.
#[test]
fn input_beyond_the_window_that_is_not_read_takes_no_memory() {
    let fixture = BulkFixture::start(&[], &["websocket.ping_interval=1s"]);
    let (mut client, _) = fixture.open(&never_reads(&fixture), &json!({}), &Options::v1());
    client.output_until("size 24 80;\n");
    // Not by the client, which would send pongs in the middle of a frame.
    let mut sender = client.tcp().try_clone().unwrap();
    sender.set_write_timeout(Some(DEADLINE / 10)).unwrap();
    let payload = numbered::bytes(0, 32 * 1024);
    // A masked binary frame; a mask of zeros changes nothing.
    let mut frame = vec![0x82, 0xfe];
    frame.extend(u16::try_from(payload.len()).unwrap().to_be_bytes());
    frame.extend([0; 4]);
    frame.extend(&payload);
    let mut sent = 0;
    let stuck = loop {
        if let Err(error) = sender.write_all(&frame) {
            break error;
        }
        sent += payload.len() as u64;
        assert!(sent < PASTE, "a program that does not read took everything");
    };
    assert_eq!(stuck.kind(), ErrorKind::WouldBlock);
    fixture.check_memory();
    drop(sender);
    drop(client);
    fixture.bridge.wait_stderr("client-gone", DEADLINE);
    fixture.check_memory();
}
