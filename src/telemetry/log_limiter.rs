//! A log line that outsiders can cause at will is written now and then. For a line about nobody in
//! particular there is one limit; for a line about a client each client has its own, so that one
//! that causes many hides no other's.

use crate::limits::{ClientKey, Rate, RateTable};
use std::cell::Cell;
use std::net::IpAddr;
use std::time::{Duration, Instant};

/// Between two lines of one kind, about one client where there is one.
const PAUSE: Duration = Duration::from_secs(10);

/// Clients that are remembered for a line, 8 bytes each. More share what there is.
const CLIENTS: usize = 1024;

/// Counts what is not logged. Lives on one thread.
#[derive(Debug, Default)]
pub struct LogLimiter {
    last: Cell<Option<Instant>>,
    passed_over: Cell<u64>,
}

impl LogLimiter {
    /// Returns whether to log what happened `now`; with it, how often the same was
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

/// As [`LogLimiter`], for each client network. Lives on one thread.
pub struct ClientLogLimiter {
    clients: RateTable,
    passed_over: Cell<u64>,
}

impl ClientLogLimiter {
    /// Nothing logged yet. `epoch` is any time before its first use.
    pub fn new(epoch: Instant) -> Self {
        Self {
            clients: RateTable::new(CLIENTS, epoch),
            passed_over: Cell::new(0),
        }
    }

    /// Returns whether to log what `client` did `now`; with it, how often the same was passed over
    /// since the last line about any client.
    pub fn may_log(&self, client: IpAddr, now: Instant) -> Option<u64> {
        let rate = Rate::new(1, PAUSE);
        if self
            .clients
            .take(ClientKey::from(client), rate, now)
            .is_err()
        {
            self.passed_over.set(self.passed_over.get() + 1);
            return None;
        }
        Some(self.passed_over.take())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_line_stands_for_those_passed_over() {
        let limiter = LogLimiter::default();
        let start = crate::clock::now();
        assert_eq!(limiter.may_log(start), Some(0));
        for _ in 0..7 {
            assert_eq!(limiter.may_log(start + PAUSE / 2), None);
        }
        assert_eq!(limiter.may_log(start + PAUSE), Some(7));
        assert_eq!(limiter.may_log(start + PAUSE * 2), Some(0));
    }

    #[test]
    fn a_client_that_causes_many_hides_no_other() {
        let start = crate::clock::now();
        let limiter = ClientLogLimiter::new(start);
        let client = |last| IpAddr::from([192, 0, 2, last]);
        assert_eq!(limiter.may_log(client(1), start), Some(0));
        for _ in 0..7 {
            assert_eq!(limiter.may_log(client(1), start), None);
        }
        assert_eq!(limiter.may_log(client(2), start), Some(7));
        assert_eq!(limiter.may_log(client(3), start), Some(0));
        assert_eq!(limiter.may_log(client(1), start + PAUSE), Some(0));
    }
}
