//! Detection of a client that reads slowly: its socket is full, but for short spells, and takes
//! less than a minimum rate. Full means that the kernel does not take all bytes that wait.
//!
//! Guarantees that a client is reported only while its socket is full. May report a fast client
//! that receives bursts, each longer than its socket takes at once; the pacer then finds it fast.
//! Pure arithmetic: no socket, no clock.

use std::time::{Duration, Instant};

/// Shortest sample. A socket that has had free space for longer than this was not the bottleneck,
/// so a new sample starts when it is full again. A shorter spell of free space belongs to the
/// sample.
const MIN_SAMPLE: Duration = Duration::from_millis(100);

/// Rate below which a client is slow, in bytes per second: 8 Mbit/s.
const SLOW_RATE: u64 = 1_000_000;

/// Write rate of a socket while it is full.
#[derive(Debug, Default)]
pub(super) struct SlowReaderDetector {
    /// Start of the present sample, and the bytes written by then.
    sample: Option<(Instant, u64)>,
    /// Time at which the socket last became free.
    unblocked_since: Option<Instant>,
}

impl SlowReaderDetector {
    /// Takes the state of the socket at the end of a poll of the session, and the bytes it has
    /// written so far. Returns true if the rate of a complete sample is below [`SLOW_RATE`].
    pub(super) fn observe(&mut self, now: Instant, blocked: bool, written: u64) -> bool {
        if !blocked {
            self.unblocked_since.get_or_insert(now);
            return false;
        }
        let unblocked_since = self.unblocked_since.take();
        if unblocked_since.is_some_and(|since| now.saturating_duration_since(since) > MIN_SAMPLE) {
            self.sample = None;
        }
        let (start, before) = *self.sample.get_or_insert((now, written));
        let age = now.saturating_duration_since(start);
        if age < MIN_SAMPLE {
            return false;
        }
        self.sample = Some((now, written));
        let bytes = u128::from(written.saturating_sub(before));
        bytes * 1000 < u128::from(SLOW_RATE) * age.as_millis()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MS: Duration = Duration::from_millis(1);

    #[test]
    fn only_a_socket_that_stays_full_below_the_slow_rate_is_slow() {
        let start = crate::clock::now();
        let mut detector = SlowReaderDetector::default();
        assert!(!detector.observe(start, true, 0));
        assert!(
            !detector.observe(start + 99 * MS, true, 0),
            "the sample is too short"
        );
        assert!(!detector.observe(start + 200 * MS, true, 200_000), "1 MB/s");
        assert!(detector.observe(start + 400 * MS, true, 399_000));
        // The socket drains, and is full again with the next output.
        assert!(!detector.observe(start + 500 * MS, false, 420_000));
        assert!(detector.observe(start + 550 * MS, true, 450_000));
        assert!(!detector.observe(start + 600 * MS, false, 450_000));
        assert!(
            !detector.observe(start + 900 * MS, true, 460_000),
            "it had room"
        );
    }
}
