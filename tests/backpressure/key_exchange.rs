//! Key exchanges during transfers (RFC 4253 section 9). sshd begins them, and passes nothing on in
//! either direction until they are complete.

use crate::common::{DEADLINE, Options, poll};
use crate::fixture::{BulkFixture, KIB, MIB, SMALL_BUFFER};
use crate::numbered::Checker;
use crate::pipe::{Pipe, READY_LINE};
use serde_json::json;

const TOTAL: u64 = 32 * MIB;
const CTRL_C: &[u8] = &[3];

/// Returns the numbers of key exchanges that sshd began and completed, of all connections together,
/// with the first of each.
fn keys(fixture: &BulkFixture) -> (usize, usize) {
    let log = fixture.sshd.log();
    let count = |line| log.matches(line).count();
    (
        count("SSH2_MSG_KEXINIT sent"),
        count("SSH2_MSG_NEWKEYS received"),
    )
}

fn keys_changed_often(fixture: &BulkFixture) {
    let (_, got) = keys(fixture);
    assert!(got > 20, "keys changed {got} times");
}

#[test]
fn output_is_exact_across_key_exchanges() {
    let fixture = BulkFixture::start(&["LogLevel DEBUG1", "RekeyLimit 1M"], &[]);
    let mut client = fixture.open_bulk(TOTAL, &json!({}), &Options::v1());
    let mut checker = Checker::default();
    checker.read_to(&mut client, TOTAL);
    assert_eq!(client.wait_type("exit")["status"], 0);
    keys_changed_often(&fixture);
}

#[test]
fn both_directions_are_exact_across_key_exchanges() {
    let fixture = BulkFixture::start(&["LogLevel DEBUG1", "RekeyLimit 1M"], &[]);
    let window = 128 * KIB;
    let command = format!("stty raw -echo && echo READY && head -c {TOTAL}");
    let (mut client, ready) =
        fixture.open(&command, &json!({ "flow_window": window }), &Options::v1());
    assert_eq!(client.output_until(READY_LINE), READY_LINE);
    let mut pipe = Pipe::new(client, &ready, Some(window));
    pipe.run(TOTAL, TOTAL);
    assert_eq!(pipe.seen(), TOTAL);
    assert_eq!(pipe.into_client().wait_type("exit")["status"], 0);
    keys_changed_often(&fixture);
}

/// The reader stops at many points of a stream with frequent key exchanges.
#[test]
fn ctrl_c_arrives_behind_a_stopped_reader_while_keys_change() {
    let fixture = BulkFixture::start(&["LogLevel DEBUG1", "RekeyLimit 64K"], &[]);
    let memory = fixture.watch_memory();
    let options = Options::v1().receive_buffer(SMALL_BUFFER);
    let mut client = fixture.open_bulk(TOTAL, &json!({}), &options);
    let mut checker = Checker::default();
    for round in 1..=10 {
        checker.read_to(&mut client, round * 777 * KIB);
        fixture.wait_throttled(checker.seen());
        client.send_binary(CTRL_C);
        fixture.wait_interrupts(round);
    }
    memory.check();
    checker.read_to(&mut client, TOTAL);
    assert_eq!(client.wait_type("exit")["status"], 0);
    memory.check();
    keys_changed_often(&fixture);
}

/// Ctrl-C comes while reads are being stopped: before, during and after a key exchange, whose rest
/// is then unread. The moment cannot be controlled, so it is tried often.
#[test]
fn ctrl_c_arrives_while_reads_stop_and_keys_change() {
    let fixture = BulkFixture::start(&["LogLevel DEBUG1", "RekeyLimit 32K"], &[]);
    let options = Options::v1().receive_buffer(SMALL_BUFFER);
    let total = 3 * TOTAL;
    let mut client = fixture.open_bulk(total, &json!({}), &options);
    let mut checker = Checker::default();
    for round in 1..=300 {
        checker.read_to(&mut client, round * 300 * KIB);
        client.send_binary(CTRL_C);
        fixture.wait_interrupts(round);
    }
    checker.read_to(&mut client, total);
    assert_eq!(client.wait_type("exit")["status"], 0);
    keys_changed_often(&fixture);
}

#[test]
fn ctrl_c_arrives_when_keys_are_asked_for_behind_a_stopped_reader() {
    let fixture = BulkFixture::start(&["LogLevel DEBUG1", "RekeyLimit default 1"], &[]);
    let memory = fixture.watch_memory();
    let options = Options::v1().receive_buffer(SMALL_BUFFER);
    let mut client = fixture.open_bulk(TOTAL, &json!({}), &options);
    let mut checker = Checker::default();
    for round in 1..=3 {
        checker.read_to(&mut client, round * MIB);
        fixture.wait_throttled(checker.seen());
        // The KEXINIT is behind output that is not read, so no reply to it is under way.
        let asking = poll(DEADLINE, || {
            let (asked, got) = keys(&fixture);
            (asked > got).then_some(())
        });
        assert!(asking.is_some(), "sshd does not ask for keys");
        client.send_binary(CTRL_C);
        fixture.wait_interrupts(round);
    }
    memory.check();
    checker.read_to(&mut client, TOTAL);
    assert_eq!(client.wait_type("exit")["status"], 0);
    memory.check();
}
