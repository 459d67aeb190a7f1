//! Endless stream of numbered lines, 64 bytes each, that both ends can compute: output of the
//! bridge is compared byte by byte with its input, without storing either.

use crate::common::{Client, Event};

/// Bytes of a line: its number with leading zeros and a line feed.
pub(crate) const LINE: usize = 64;

/// `len` bytes of the stream from `offset` on.
pub(crate) fn bytes(offset: u64, len: usize) -> Vec<u8> {
    let line = LINE as u64;
    let skip = usize::try_from(offset % line).unwrap();
    let lines = (skip + len).div_ceil(LINE) as u64;
    let mut text: Vec<u8> = (offset / line..offset / line + lines)
        .flat_map(|number| format!("{number:063}\n").into_bytes())
        .collect();
    text.truncate(skip + len);
    text.drain(..skip);
    text
}

/// Checks the stream as it comes.
#[derive(Default)]
pub(crate) struct Checker {
    seen: u64,
}

impl Checker {
    /// Takes the next bytes.
    pub(crate) fn check(&mut self, got: &[u8]) {
        let wanted = bytes(self.seen, got.len());
        if got != wanted {
            let at = got.iter().zip(&wanted).position(|(a, b)| a != b).unwrap();
            let around = at.saturating_sub(LINE)..(at + LINE).min(got.len());
            panic!(
                "the stream differs at byte {}: got {:?}, not {:?}",
                self.seen + at as u64,
                String::from_utf8_lossy(&got[around.clone()]),
                String::from_utf8_lossy(&wanted[around])
            );
        }
        self.seen += got.len() as u64;
    }

    /// Reads and checks output until `count` bytes were checked in all.
    pub(crate) fn read_to(&mut self, client: &mut Client, count: u64) {
        self.check(&std::mem::take(&mut client.output));
        while self.seen() < count {
            match client.recv() {
                Event::Output(bytes) => self.check(&bytes),
                Event::Json(_) => {}
                other => panic!("{other:?} after {} bytes", self.seen()),
            }
        }
    }

    /// Number of bytes checked.
    pub(crate) fn seen(&self) -> u64 {
        self.seen
    }
}

#[test]
fn the_checker_detects_a_wrong_byte() {
    let mut checker = Checker::default();
    checker.check(&bytes(0, 100));
    checker.check(&bytes(100, 1000));
    assert_eq!(checker.seen(), 1100);
    let mut wrong = bytes(1100, 100);
    wrong[70] ^= 1;
    assert!(std::panic::catch_unwind(move || checker.check(&wrong)).is_err());
}
