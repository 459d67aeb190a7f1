//! Limits on frames without data, and the end of a client that exceeds them.

use crate::common::raw::{Raw, frame};
use crate::common::{Fixture, Options};
use crate::crowd::Kind;

const PING: u8 = 0x89;
const PONG: u8 = 0x8a;

/// Frames far above the limit, and far below a flood.
const TOO_MANY: usize = 20_000;

/// Returns the close code of a connection that sends `bytes` this often.
fn ended_by(mut raw: Raw, start: &[u8], bytes: &[u8]) -> u16 {
    // It may end before all is sent.
    let _ = raw.try_send(&[start, &bytes.repeat(TOO_MANY)].concat());
    raw.until_close().0
}

#[test]
fn too_many_control_frames_end_with_1008() {
    let fixture = Fixture::new(&[]);
    for kind in [Kind::Pings, Kind::Pongs, Kind::EmptyFragments] {
        let (start, frame) = kind.frames();
        let (addr, path) = (fixture.bridge.addr(), fixture.path());
        let compatible = Raw::upgrade(addr, &path, &Options::compatible());
        let (first, mut ready) = (fixture.raw(), fixture.raw());
        ready.send_frame(0x81, br#"{"type":"auth","username":"u"}"#);
        while ready.text()["type"] != "ready" {}
        for (when, raw) in [
            ("first", first),
            ("ready", ready),
            ("compatible", compatible),
        ] {
            assert_eq!(ended_by(raw, &start, &frame), 1008, "{kind:?}, {when}");
        }
    }
    fixture
        .bridge
        .wait_stderr("control-frame-flood", crate::common::DEADLINE);
}

/// A thousand at once: each ping is answered, in order, and the session continues.
#[test]
fn a_thousand_pings_at_once_are_answered() {
    let fixture = Fixture::new(&[]);
    let mut raw = fixture.raw();
    raw.text();
    let pings = (0..500_u32).flat_map(|n| {
        let ping = frame(PING, Some([1, 2, 3, 4]), &n.to_be_bytes());
        [ping, frame(PONG, Some([5, 6, 7, 8]), b"")]
    });
    let all: Vec<u8> = pings.flatten().collect();
    raw.send(&all);
    for number in 0..500_u32 {
        let pong = raw.frame().expect("a pong");
        assert_eq!(
            (pong.first, pong.payload),
            (PONG, number.to_be_bytes().to_vec())
        );
    }
    raw.send_frame(0x81, br#"{"type":"ping","data":"on"}"#);
    assert_eq!(raw.text()["data"], "on");
}
