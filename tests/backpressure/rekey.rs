//! New keys in the middle of it all (RFC 4253 section 9). sshd asks for them, and until it has
//! them it passes nothing on in either direction.

use crate::common::{Client, DEADLINE, Event, Options, poll};
use crate::numbered::Checker;
use crate::pipe::{Pipe, WORD};
use crate::stage::{KIB, MIB, SMALL, Stage};
use serde_json::json;

const TOTAL: u64 = 32 * MIB;
const CTRL_C: &[u8] = &[3];

/// How often sshd has asked for new keys, and how often it got them; all connections together,
/// and the first keys of each counted too.
fn keys(stage: &Stage) -> (usize, usize) {
    let log = stage.sshd.log();
    let count = |line| log.matches(line).count();
    (
        count("SSH2_MSG_KEXINIT sent"),
        count("SSH2_MSG_NEWKEYS received"),
    )
}

fn keys_changed_often(stage: &Stage) {
    let (_, got) = keys(stage);
    assert!(got > 20, "keys changed {got} times");
}

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

#[test]
fn output_is_exact_across_new_keys() {
    let stage = Stage::start(&["LogLevel DEBUG1", "RekeyLimit 1M"], &[]);
    let mut client = stage.open_flood(TOTAL, &json!({}), &Options::v1());
    let mut checker = Checker::default();
    read_to(&mut client, &mut checker, TOTAL);
    assert_eq!(client.wait_type("exit")["status"], 0);
    keys_changed_often(&stage);
}

#[test]
fn both_directions_are_exact_across_new_keys() {
    let stage = Stage::start(&["LogLevel DEBUG1", "RekeyLimit 1M"], &[]);
    let window = 128 * KIB;
    let command = format!("stty raw -echo && echo READY && head -c {TOTAL}");
    let (mut client, ready) =
        stage.open(&command, &json!({ "flow_window": window }), &Options::v1());
    assert_eq!(client.output_until(WORD), WORD);
    let mut pipe = Pipe::new(client, &ready, Some(window));
    pipe.run(TOTAL, TOTAL);
    assert_eq!(pipe.seen(), TOTAL);
    assert_eq!(pipe.into_client().wait_type("exit")["status"], 0);
    keys_changed_often(&stage);
}

/// The reader stops at many points of a stream in which keys change all the time.
#[test]
fn ctrl_c_arrives_behind_a_stopped_reader_while_keys_change() {
    let stage = Stage::start(&["LogLevel DEBUG1", "RekeyLimit 64K"], &[]);
    let memory = stage.watch_memory();
    let options = Options::v1().receive_buffer(SMALL);
    let mut client = stage.open_flood(TOTAL, &json!({}), &options);
    let mut checker = Checker::default();
    for round in 1..=10 {
        read_to(&mut client, &mut checker, round * 777 * KIB);
        stage.wait_throttled(checker.seen());
        client.send_binary(CTRL_C);
        stage.wait_interrupts(round);
    }
    memory.check();
    read_to(&mut client, &mut checker, TOTAL);
    assert_eq!(client.wait_type("exit")["status"], 0);
    memory.check();
    keys_changed_often(&stage);
}

/// Ctrl-C comes while output is just being stopped: before, in and after a key exchange of which
/// the rest is then unread, because reads are stopped. Nobody can place it there, so it is tried often.
#[test]
fn ctrl_c_arrives_while_the_gate_closes_and_keys_change() {
    let stage = Stage::start(&["LogLevel DEBUG1", "RekeyLimit 32K"], &[]);
    let options = Options::v1().receive_buffer(SMALL);
    let total = 3 * TOTAL;
    let mut client = stage.open_flood(total, &json!({}), &options);
    let mut checker = Checker::default();
    for round in 1..=300 {
        read_to(&mut client, &mut checker, round * 300 * KIB);
        client.send_binary(CTRL_C);
        stage.wait_interrupts(round);
    }
    read_to(&mut client, &mut checker, total);
    assert_eq!(client.wait_type("exit")["status"], 0);
    keys_changed_often(&stage);
}

#[test]
fn ctrl_c_arrives_when_keys_are_asked_for_behind_a_stopped_reader() {
    let stage = Stage::start(&["LogLevel DEBUG1", "RekeyLimit default 1"], &[]);
    let memory = stage.watch_memory();
    let options = Options::v1().receive_buffer(SMALL);
    let mut client = stage.open_flood(TOTAL, &json!({}), &options);
    let mut checker = Checker::default();
    for round in 1..=3 {
        read_to(&mut client, &mut checker, round * MIB);
        stage.wait_throttled(checker.seen());
        // The question is behind output that nobody reads, so no answer to it is under way.
        let asking = poll(DEADLINE, || {
            let (asked, got) = keys(&stage);
            (asked > got).then_some(())
        });
        assert!(asking.is_some(), "sshd does not ask for keys");
        client.send_binary(CTRL_C);
        stage.wait_interrupts(round);
    }
    memory.check();
    read_to(&mut client, &mut checker, TOTAL);
    assert_eq!(client.wait_type("exit")["status"], 0);
    memory.check();
}
