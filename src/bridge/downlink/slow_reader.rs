//! Detection of a client that reads slowly: its socket stays full and takes little. Pure arithmetic.

use std::time::{Duration, Instant};

/// Time that is looked at, at least. A socket that has had room for longer was not what held output back.
const SPAN: Duration = Duration::from_millis(100);

/// Rate below which a client is slow, in bytes per second: 8 Mbit/s.
const RATE: u64 = 1_000_000;

/// Rate at which a client's socket takes bytes while it has as many as it can hold.
#[derive(Debug, Default)]
pub(super) struct SlowReaderDetector {
    /// Beginning of the present span in which it is full again and again, and the bytes it had taken by then.
    since: Option<(Instant, u64)>,
    /// Time since when it is not full.
    free: Option<Instant>,
}

impl SlowReaderDetector {
    /// Takes, at the end of a tick, whether the socket has more than it takes, and the bytes it took so far.
    /// Returns whether the client has proved slow.
    pub(super) fn note(&mut self, now: Instant, blocked: bool, taken: u64) -> bool {
        if !blocked {
            self.free.get_or_insert(now);
            return false;
        }
        let free = self.free.take();
        if free.is_some_and(|free| now.saturating_duration_since(free) > SPAN) {
            self.since = None;
        }
        let (since, before) = *self.since.get_or_insert((now, taken));
        let age = now.saturating_duration_since(since);
        if age < SPAN {
            return false;
        }
        self.since = Some((now, taken));
        let bytes = u128::from(taken.saturating_sub(before));
        bytes * 1000 < u128::from(RATE) * age.as_millis()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MS: Duration = Duration::from_millis(1);

    #[test]
    fn only_a_socket_that_stays_full_and_takes_little_is_slow() {
        let start = crate::clock::now();
        let mut detector = SlowReaderDetector::default();
        assert!(!detector.note(start, true, 0));
        assert!(!detector.note(start + 99 * MS, true, 0), "too soon to tell");
        assert!(!detector.note(start + 200 * MS, true, 200_000), "1 MB/s");
        assert!(detector.note(start + 400 * MS, true, 399_000));
        // It takes what waits, and is full again with what comes next.
        assert!(!detector.note(start + 500 * MS, false, 420_000));
        assert!(detector.note(start + 550 * MS, true, 450_000));
        assert!(!detector.note(start + 600 * MS, false, 450_000));
        assert!(
            !detector.note(start + 900 * MS, true, 460_000),
            "it had room"
        );
    }
}
