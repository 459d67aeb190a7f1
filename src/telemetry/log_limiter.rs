//! Rate limit of one log line that untrusted peers can cause at will. For a line about no client
//! there is one limit; for a line about a client each client network has its own, so that one that
//! causes many hides no other's. Suppressed lines are counted into the next.

use crate::limits::{ClientKey, Rate, RateTable};
use std::cell::Cell;
use std::net::IpAddr;
use std::time::{Duration, Instant};

/// Least time between two lines of one kind, about one client where there is one.
const PAUSE: Duration = Duration::from_secs(10);

/// Clients that are remembered for a line, 8 bytes each. More clients share entries.
const CLIENTS: usize = 1024;

/// Limiter of a line about no client. Lives on one thread.
#[derive(Debug, Default)]
pub struct LogLimiter {
    last: Cell<Option<Instant>>,
    suppressed: Cell<u64>,
}

impl LogLimiter {
    /// Returns the number of lines suppressed since the last one, or `None` if this one is
    /// suppressed.
    pub fn take(&self, now: Instant) -> Option<u64> {
        let since = self.last.get().map(|last| now.duration_since(last));
        if since.is_some_and(|since| since < PAUSE) {
            self.suppressed.set(self.suppressed.get() + 1);
            return None;
        }
        self.last.set(Some(now));
        Some(self.suppressed.take())
    }
}

/// Limiter of a line about a client, per client network. Lives on one thread.
pub struct ClientLogLimiter {
    clients: RateTable,
    suppressed: Cell<u64>,
}

impl ClientLogLimiter {
    /// Makes a limiter without lines. `epoch` is any time before its first use.
    pub fn new(epoch: Instant) -> Self {
        Self {
            clients: RateTable::new(CLIENTS, epoch),
            suppressed: Cell::new(0),
        }
    }

    /// Returns the number of lines suppressed since the last one about any client, or `None` if
    /// this one, about `client`, is suppressed.
    pub fn take(&self, client: IpAddr, now: Instant) -> Option<u64> {
        let (client, rate) = (ClientKey::from(client), Rate::new(1, PAUSE));
        if self.clients.take(client, rate, now).is_err() {
            self.suppressed.set(self.suppressed.get() + 1);
            return None;
        }
        Some(self.suppressed.take())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_line_counts_those_suppressed() {
        let limiter = LogLimiter::default();
        let start = crate::clock::now();
        assert_eq!(limiter.take(start), Some(0));
        for _ in 0..7 {
            assert_eq!(limiter.take(start + PAUSE / 2), None);
        }
        assert_eq!(limiter.take(start + PAUSE), Some(7));
        assert_eq!(limiter.take(start + PAUSE * 2), Some(0));
    }

    #[test]
    fn a_client_that_causes_many_lines_hides_no_other() {
        let start = crate::clock::now();
        let limiter = ClientLogLimiter::new(start);
        let client = |last| IpAddr::from([192, 0, 2, last]);
        assert_eq!(limiter.take(client(1), start), Some(0));
        for _ in 0..7 {
            assert_eq!(limiter.take(client(1), start), None);
        }
        assert_eq!(limiter.take(client(2), start), Some(7));
        assert_eq!(limiter.take(client(3), start), Some(0));
        assert_eq!(limiter.take(client(1), start + PAUSE), Some(0));
    }
}
