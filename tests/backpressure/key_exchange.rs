//! Key exchanges during transfers (RFC 4253 section 9). sshd begins them, and passes nothing on in
//! either direction until they are complete.

use crate::common::{Options, wait_until};
use crate::fixture::{BulkFixture, BulkSession, KIB, MIB, SMALL_BUFFER};
use crate::pipe::Pipe;
use serde_json::json;

const TOTAL: u64 = 32 * MIB;

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

/// Bulk output to a client that reads into a small buffer.
fn start(total: u64, rekey: &str) -> BulkSession {
    let options = Options::v1().receive_buffer(SMALL_BUFFER);
    BulkSession::start(total, &["LogLevel DEBUG1", rekey], &json!({}), &options)
}

#[test]
fn output_is_exact_across_key_exchanges() {
    let lines = ["LogLevel DEBUG1", "RekeyLimit 1M"];
    let mut session = BulkSession::start(TOTAL, &lines, &json!({}), &Options::v1());
    session.read_out();
    keys_changed_often(&session.fixture);
}

#[test]
fn both_directions_are_exact_across_key_exchanges() {
    let fixture = BulkFixture::start(&["LogLevel DEBUG1", "RekeyLimit 1M"], &[]);
    let command = format!("stty raw -echo && echo READY && head -c {TOTAL}");
    let mut pipe = Pipe::open(&fixture, &command, Some(128 * KIB), &Options::v1());
    pipe.run(TOTAL, TOTAL);
    pipe.finish();
    keys_changed_often(&fixture);
}

/// The reader stops at many points of a stream with frequent key exchanges.
#[test]
fn ctrl_c_arrives_behind_a_stopped_reader_while_keys_change() {
    let mut session = start(TOTAL, "RekeyLimit 64K");
    for round in 1..=10 {
        session.read_to(round * 777 * KIB);
        session.wait_throttled();
        session.interrupt(round);
    }
    session.read_out();
    keys_changed_often(&session.fixture);
}

/// Ctrl-C comes while reads are being stopped: before, during and after a key exchange, whose rest
/// is then unread. The moment cannot be controlled, so it is tried often.
#[test]
fn ctrl_c_arrives_while_reads_stop_and_keys_change() {
    // Not less: once a packet of output is larger than the limit, sshd (9.2) asks for keys before
    // it, again and again. Packets have up to 32 KiB.
    let mut session = start(3 * TOTAL, "RekeyLimit 64K");
    for round in 1..=300 {
        session.read_to(round * 300 * KIB);
        session.interrupt(round);
    }
    session.read_out();
    keys_changed_often(&session.fixture);
}

#[test]
fn ctrl_c_arrives_when_keys_are_asked_for_behind_a_stopped_reader() {
    let mut session = start(TOTAL, "RekeyLimit default 1");
    for round in 1..=3 {
        session.read_to(round * MIB);
        session.wait_throttled();
        // The KEXINIT is behind output that is not read, so no reply to it is under way.
        wait_until("sshd does not ask for keys", || {
            let (asked, got) = keys(&session.fixture);
            asked > got
        });
        session.interrupt(round);
    }
    session.read_out();
}
