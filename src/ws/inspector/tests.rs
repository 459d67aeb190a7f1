//! The rate of frames without data.

use super::*;
use std::time::Duration;

const HOUR: Duration = Duration::from_secs(3600);

/// An inspector and its time.
struct Rig {
    inspector: Inspector,
    now: Instant,
}

impl Rig {
    fn new() -> Self {
        let now = crate::clock::now();
        Self {
            inspector: Inspector::new(1024, now),
            now,
        }
    }

    /// Passes the time, and reads.
    fn pass(&mut self, time: Duration) {
        self.now += time;
        self.inspector.inspect(&[], self.now);
    }

    /// Reads so many frames with an empty payload, all at once. Returns whether they are allowed.
    fn allows(&mut self, opcode: u8, count: u64) -> bool {
        for _ in 0..count {
            let frame = [FIN | opcode, MASKED, 0, 0, 0, 0];
            self.inspector.inspect(&frame, self.now);
        }
        match self.inspector.violation {
            None => true,
            Some(WsViolation::Flood) => false,
            Some(other) => panic!("{other:?}"),
        }
    }

    /// Reads so many pings at the end of each second, for an hour, and other input every 20 ms.
    /// Returns whether they are allowed.
    fn allows_each_second(&mut self, count: u64) -> bool {
        (0..3600).all(|_| {
            for _ in 0..50 {
                self.pass(Duration::from_millis(20));
            }
            self.allows(PING, count)
        })
    }
}

#[test]
fn thirty_two_control_frames_a_second_are_allowed_and_then_a_burst() {
    let mut rig = Rig::new();
    assert!(rig.allows_each_second(32));
    rig.pass(Duration::from_secs(1));
    assert!(rig.allows(PING, BURST));
    assert!(!rig.allows(PING, 2));
}

#[test]
fn more_than_thirty_two_control_frames_a_second_use_up_the_burst() {
    assert!(!Rig::new().allows_each_second(33));
}

#[test]
fn the_time_of_a_pause_counts_beyond_the_burst_and_is_not_kept() {
    let token = Duration::from_secs(1) / 32;
    let almost = token - Duration::from_micros(1);
    for (until_next_read, left) in [(almost, 3600 * 32), (token, 1)] {
        let mut rig = Rig::new();
        rig.pass(HOUR + almost);
        // What came meanwhile may take several reads.
        rig.pass(until_next_read);
        assert!(rig.allows(PING, BURST + left), "{until_next_read:?}");
        assert!(!rig.allows(PING, 1), "{until_next_read:?}");
    }
}

#[test]
fn each_owed_pong_pays_for_one_pong() {
    let mut rig = Rig::new();
    rig.inspector.expect_pong();
    rig.inspector.expect_pong();
    assert!(rig.allows(PONG, 2 + BURST));
    assert!(!rig.allows(PONG, 1));
}

#[test]
fn an_owed_pong_pays_for_no_ping() {
    let mut rig = Rig::new();
    rig.inspector.expect_pong();
    assert!(rig.allows(PING, BURST));
    assert!(rig.allows(PONG, 1));
    assert!(!rig.allows(PING, 1));
}
