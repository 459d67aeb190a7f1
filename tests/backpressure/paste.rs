//! A hundred megabytes of input: into a program that stores them, into one that sends them all
//! back, and into one that never reads.

use crate::common::{Client, DEADLINE, Event, Options, poll};
use crate::numbered::{self, Checker};
use crate::pipe::{Pipe, WORD};
use crate::stage::{KIB, MIB, SMALL, Stage, ping};
use serde_json::{Value, json};
use std::fs;
use std::io::{ErrorKind, Write};

const PASTE: u64 = 100 * MIB;

fn slow() -> Options {
    Options::v1().receive_buffer(SMALL)
}

/// What `name`, written by a remote program, must hold: the numbered stream, all of it.
fn check_file(stage: &Stage, name: &str) {
    let stored = fs::read(stage.path().join(name)).unwrap();
    let mut checker = Checker::default();
    for part in stored.chunks(1 << 20) {
        checker.feed(part);
    }
    assert_eq!(checker.seen(), PASTE);
}

fn store(stage: &Stage) -> String {
    let directory = stage.path().display();
    format!("stty raw -echo && echo READY && head -c {PASTE} > {directory}/stored")
}

#[test]
fn a_paste_within_the_window_is_stored_whole() {
    let stage = Stage::start(&[], &[]);
    let memory = stage.watch_memory();
    let (mut client, ready) = stage.open(&store(&stage), &json!({}), &slow());
    assert_eq!(client.output_until(WORD), WORD);
    let mut pipe = Pipe::new(client, &ready, None);
    pipe.run(PASTE, 0);
    // The remote program ends when it has them all.
    let mut client = pipe.into_client();
    assert_eq!(client.wait_type("exit")["status"], 0);
    assert_eq!(client.until_close().0, 1000);
    memory.check();
    check_file(&stage, "stored");
}

/// A client that knows no window: TCP holds it back.
#[test]
fn a_paste_that_ignores_the_window_is_stored_whole() {
    let stage = Stage::start(&[], &["websocket.ping_interval=1h"]);
    let memory = stage.watch_memory();
    let (mut client, _) = stage.open(&store(&stage), &json!({}), &slow());
    client.output_until(WORD);
    let mut sent = 0;
    // The answers it never reads meanwhile are few enough for the socket.
    while sent < PASTE {
        let count = (PASTE - sent).min(48 * KIB);
        client.send_binary(&numbered::bytes(sent, usize::try_from(count).unwrap()));
        sent += count;
    }
    assert_eq!(client.wait_type("exit")["status"], 0);
    assert_eq!(client.until_close().0, 1000);
    memory.check();
    check_file(&stage, "stored");
}

#[test]
fn a_paste_comes_back_whole_from_a_program_that_echoes_it() {
    let stage = Stage::start(&[], &[]);
    let memory = stage.watch_memory();
    let window = 128 * KIB;
    let command = format!("stty raw -echo && echo READY && head -c {PASTE}");
    let auth = json!({ "flow_window": window });
    let (mut client, ready) = stage.open(&command, &auth, &slow());
    assert_eq!(client.output_until(WORD), WORD);
    let mut pipe = Pipe::new(client, &ready, Some(window));
    pipe.run(PASTE, PASTE);
    assert_eq!(pipe.seen(), PASTE);
    let mut client = pipe.into_client();
    assert_eq!(client.wait_type("exit")["status"], 0);
    assert_eq!(client.until_close().0, 1000);
    assert!(client.output.is_empty(), "more came back than was sent");
    memory.check();
}

/// More input than sshd's window (2 MiB) has room for, so sshd must say that there is room again:
/// behind output that is held back.
#[test]
fn input_passes_while_output_is_held() {
    const INPUT: u64 = 3 * MIB;
    let stage = Stage::start(&[], &[]);
    let memory = stage.watch_memory();
    let directory = stage.path().display();
    let command = format!(
        "stty raw -echo && echo READY && (perl {directory}/flood.pl {directory} {PASTE} & \
         head -c {INPUT} > {directory}/stored; echo 1 > {directory}/interrupts; wait)"
    );
    let (mut client, ready) = stage.open(&command, &json!({}), &slow());
    client.output_until(WORD);
    client.send_json(&json!({ "type": "hold" }));
    // What of the flood came before `hold` is not the point.
    ping(&mut client, "held");
    client.output.clear();
    stage.wait_throttled(0);
    let mut pipe = Pipe::new(client, &ready, None);
    pipe.run(INPUT, 0);
    stage.wait_interrupts(1);
    memory.check();
    let stored = fs::read(stage.path().join("stored")).unwrap();
    let mut checker = Checker::default();
    checker.feed(&stored);
    assert_eq!(checker.seen(), INPUT);
}

fn never_reads(stage: &Stage) -> String {
    let directory = stage.path().display();
    format!("stty raw -echo && echo READY && exec perl {directory}/never_reads.pl {directory}")
}

/// Pastes within the window until nothing of it is passed on any more.
fn paste_until_held(client: &mut Client, ready: &Value) -> u64 {
    let window = ready["input_window"].as_u64().unwrap();
    let (mut sent, mut passed) = (0, 0);
    loop {
        while sent + 8 * KIB <= passed + window {
            client.send_binary(&numbered::bytes(sent, 8 * 1024));
            sent += 8 * KIB;
            assert!(sent < PASTE, "a program that does not read took everything");
        }
        // Longer than any honest acknowledgement takes; one that takes longer still only makes
        // the paste shorter.
        let acked = poll(DEADLINE / 10, || next_ack(client));
        match acked {
            Some(acked) => passed = acked,
            None => return sent,
        }
    }
}

fn next_ack(client: &mut Client) -> Option<u64> {
    match client.recv_within(crate::stage::QUIET)? {
        Event::Json(message) if message["type"] == "input_ack" => message["bytes"].as_u64(),
        Event::Output(bytes) => {
            client.output.extend(bytes);
            None
        }
        other => panic!("{other:?}"),
    }
}

#[test]
fn control_and_output_pass_a_paste_that_nobody_reads() {
    let stage = Stage::start(&[], &[]);
    let memory = stage.watch_memory();
    let (mut client, ready) = stage.open(&never_reads(&stage), &json!({}), &Options::v1());
    client.output_until("size 24 80;\n");
    paste_until_held(&mut client, &ready);
    memory.check();
    for round in 1..=3 {
        ping(&mut client, "held");
        let (cols, rows) = (100 + round, 40 + round);
        client.send_json(&json!({ "type": "resize", "cols": cols, "rows": rows }));
        // The remote program's word of it is output, which input that waits does not stop.
        client.output_until(&format!("size {rows} {cols};\n"));
        client.send_json(&json!({ "type": "signal", "name": "INT" }));
        stage.wait_interrupts(round);
    }
    client.send_json(&json!({ "type": "close" }));
    assert_eq!(client.until_close().0, 1000);
    memory.check();
}

/// The bridge stops reading such a client, and learns all the same when it goes away.
#[test]
fn a_paste_that_nobody_reads_and_no_window_bounds_takes_no_memory() {
    let stage = Stage::start(&[], &["websocket.ping_interval=1s"]);
    let memory = stage.watch_memory();
    let (mut client, _) = stage.open(&never_reads(&stage), &json!({}), &Options::v1());
    client.output_until("size 24 80;\n");
    // Beside the client, which would answer pings in the middle of a frame.
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
    memory.check();
    drop(sender);
    drop(client);
    stage.bridge.wait_stderr("client-gone", DEADLINE);
    memory.check();
}
