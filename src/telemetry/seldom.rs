//! A log line that hostile clients can cause at will is written now and then.

use std::cell::Cell;
use std::time::{Duration, Instant};

/// Between two lines of one kind and shard.
const PAUSE: Duration = Duration::from_secs(10);

/// Counts what is not logged. Lives on one shard.
#[derive(Debug, Default)]
pub struct Seldom {
    last: Cell<Option<Instant>>,
    passed_over: Cell<u64>,
}

impl Seldom {
    /// Whether to log what happened `now`; with it, how often the same was
    /// passed over since the last line.
    pub fn may_log(&self, now: Instant) -> Option<u64> {
        let since = self.last.get().map(|last| now.duration_since(last));
        if since.is_some_and(|since| since < PAUSE) {
            self.passed_over.set(self.passed_over.get() + 1);
            return None;
        }
        self.last.set(Some(now));
        Some(self.passed_over.take())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_line_stands_for_those_passed_over() {
        let seldom = Seldom::default();
        let start = crate::clock::now();
        assert_eq!(seldom.may_log(start), Some(0));
        for _ in 0..7 {
            assert_eq!(seldom.may_log(start + PAUSE / 2), None);
        }
        assert_eq!(seldom.may_log(start + PAUSE), Some(7));
        assert_eq!(seldom.may_log(start + PAUSE * 2), Some(0));
    }
}
