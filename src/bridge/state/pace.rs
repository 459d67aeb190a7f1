//! Little output under way to a client that reads slowly: what has left cannot be
//! taken back when the user types Ctrl-C. Pure arithmetic.
//!
//! TCP holds a slow client back only once the buffers of both kernels are full,
//! and at 1 Mbit/s that is two seconds of output. So a client that proves slow is
//! sent a [window](Pace::budget) of output and a ping (RFC 6455 section 5.5.2)
//! behind it; its pong tells that what came before has been read, and allows
//! more. The window follows the time the pongs take, as delay-based congestion
//! control does (TCP Vegas; RFC 6817). A client that reads as it should gets no
//! such pings; nor does one that acknowledges (`flow_window`).

use std::time::{Duration, Instant};

/// The least window, in bytes.
const LEAST: u64 = 16 * 1024;

/// A client that may have this much under way, in bytes, is not slow any more.
const MOST: u64 = 256 * 1024;

/// A pong that takes this much longer than the fastest has output queued before
/// it that a smaller window would spare.
const LATE: Duration = Duration::from_millis(300);

/// One that takes no more than this longer leaves room for a larger window.
const EARLY: Duration = Duration::from_millis(100);

/// A pong that takes longer is not waited for: TCP is to hold the client back.
pub(super) const PATIENCE: Duration = Duration::from_secs(30);

/// How slow a client's socket takes bytes, while it has as many as it can hold.
#[derive(Debug, Default)]
pub(super) struct Blockage {
    /// Since when it is full again and again, and the bytes it had taken by then.
    since: Option<(Instant, u64)>,
    /// Since when it is not full.
    free: Option<Instant>,
}

impl Blockage {
    /// What is looked at, at least. A socket that has had room for longer was not
    /// what held output back.
    const SPAN: Duration = Duration::from_millis(100);

    /// Below this rate a client is slow, in bytes per second: 8 Mbit/s.
    const RATE: u64 = 1_000_000;

    /// At the end of a turn: whether the socket has more than it takes, and the
    /// bytes it took so far. Whether the client has proved slow.
    pub(super) fn note(&mut self, now: Instant, blocked: bool, taken: u64) -> bool {
        if !blocked {
            self.free.get_or_insert(now);
            return false;
        }
        let free = self.free.take();
        if free.is_some_and(|free| now.saturating_duration_since(free) > Self::SPAN) {
            self.since = None;
        }
        let (since, before) = *self.since.get_or_insert((now, taken));
        let age = now.saturating_duration_since(since);
        if age < Self::SPAN {
            return false;
        }
        self.since = Some((now, taken));
        let bytes = u128::from(taken.saturating_sub(before));
        bytes * 1000 < u128::from(Self::RATE) * age.as_millis()
    }
}

/// The account of one slow client. Bytes are counted since the session's start.
#[derive(Debug)]
pub(super) struct Pace {
    window: u64,
    /// Output that was read, as its pong tells.
    arrived: u64,
    /// Output before the ping that is unanswered, and when that left.
    ping: Option<(u64, Instant)>,
    /// The shortest time a pong took; not the first, which came behind all that
    /// was under way before.
    fastest: Option<Duration>,
    answered: bool,
    /// The latest ping was not answered in time.
    lost: bool,
}

impl Pace {
    /// For a client that has been sent `sent` bytes; how many of them are still
    /// under way, its first pong will tell.
    pub(super) fn new(sent: u64) -> Self {
        Self {
            window: LEAST,
            arrived: sent.saturating_sub(LEAST),
            ping: None,
            fastest: None,
            answered: false,
            lost: false,
        }
    }

    /// Bytes that may be sent now: half a window at most, so that there is a
    /// ping between the halves.
    pub(super) fn budget(&self, sent: u64) -> u64 {
        if self.lost {
            return u64::MAX;
        }
        let under_way = sent.saturating_sub(self.arrived);
        self.window.saturating_sub(under_way).min(self.window / 2)
    }

    /// The number the next ping must carry, if one is due. Keys and their echo
    /// are too little for one.
    pub(super) fn next_ping(&mut self, now: Instant, sent: u64) -> Option<u64> {
        let under_way = sent.saturating_sub(self.arrived);
        if self.ping.is_some() || under_way < self.window / 4 {
            return None;
        }
        self.ping = Some((sent, now));
        Some(sent)
    }

    /// The number of the ping that is unanswered.
    pub(super) fn pinged(&self) -> Option<u64> {
        self.ping.map(|(sent, _)| sent)
    }

    /// A pong that carries `number`. `false` if the client is not slow any more.
    pub(super) fn on_pong(&mut self, now: Instant, number: u64) -> bool {
        let Some((sent, at)) = self.ping.filter(|(sent, _)| *sent == number) else {
            return true;
        };
        let took = now.saturating_duration_since(at);
        let was_used = sent - self.arrived >= self.window / 2;
        (self.ping, self.arrived, self.lost) = (None, sent, false);
        if !std::mem::replace(&mut self.answered, true) {
            return true;
        }
        let fastest = self.fastest.map_or(took, |fastest| fastest.min(took));
        self.fastest = Some(fastest);
        let late = took - fastest;
        if late > LATE {
            if self.window == LEAST {
                // It is the way that is longer now, or the client still slower.
                self.fastest = Some(took);
            }
            self.window = (self.window / 2).max(LEAST);
        } else if late < EARLY && was_used {
            self.window *= 2;
        }
        self.window < MOST
    }

    /// The pong did not come within [`PATIENCE`].
    pub(super) fn on_overdue(&mut self) {
        self.lost = true;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MS: Duration = Duration::from_millis(1);

    /// A client that reads `rate` bytes per second at a distance of `round_trip`:
    /// its pace once it has settled, and the bytes it read each second then;
    /// `None` if it was found not to be slow.
    fn settle(rate: u64, round_trip: Duration) -> Option<(Pace, u64)> {
        let start = crate::clock::now();
        let (mut now, mut sent) = (start, 500_000);
        let mut pace = Pace::new(sent);
        // What is under way: bytes of output, or the pong of a ping.
        let (mut read, mut pongs) = (sent - 250_000, std::collections::VecDeque::new());
        let mut read_at_half = 0;
        for step in 0..40_000 {
            if step == 20_000 {
                read_at_half = read;
            }
            now += MS;
            read = (read + rate / 1000).min(sent);
            while let Some((number, at)) = pongs.front().copied() {
                if number > read || now < at {
                    break;
                }
                pongs.pop_front();
                if !pace.on_pong(now, number) {
                    return None;
                }
            }
            loop {
                if let Some(number) = pace.next_ping(now, sent) {
                    pongs.push_back((number, now + round_trip));
                }
                match pace.budget(sent) {
                    0 => break,
                    budget => sent += budget,
                }
            }
        }
        Some((pace, (read - read_at_half) / 20))
    }

    #[test]
    fn a_slow_client_has_little_under_way_and_is_never_idle() {
        for rate in [10_000, 50_000, 125_000, 400_000] {
            let (pace, read) = settle(rate, 2 * MS).unwrap();
            assert!(read > rate * 97 / 100, "{read} of {rate} bytes a second");
            let delay = pace.window * 1000 / rate;
            assert!(
                delay < 500 || pace.window <= 2 * LEAST,
                "{delay} ms at {rate}"
            );
        }
    }

    #[test]
    fn distance_alone_makes_no_client_slow() {
        for round_trip in [1, 50, 300, 600] {
            assert!(
                settle(50_000_000, round_trip * MS).is_none(),
                "{round_trip} ms"
            );
        }
    }

    #[test]
    fn without_pongs_tcp_alone_pushes_back_until_one_comes() {
        let now = crate::clock::now();
        let mut pace = Pace::new(100_000);
        assert_eq!(pace.budget(100_000), 0, "what is under way comes first");
        assert_eq!(pace.next_ping(now, 100_000), Some(100_000));
        assert_eq!(pace.next_ping(now, 100_000), None, "one at a time");
        pace.on_overdue();
        assert_eq!(pace.budget(100_000), u64::MAX);
        assert!(pace.on_pong(now, 99_999), "another ping's");
        assert_eq!(pace.budget(200_000), u64::MAX);
        assert!(pace.on_pong(now + PATIENCE * 2, 100_000));
        assert_eq!(pace.budget(200_000), 0);
    }

    #[test]
    fn only_a_socket_that_stays_full_and_takes_little_is_slow() {
        let start = crate::clock::now();
        let mut blockage = Blockage::default();
        assert!(!blockage.note(start, true, 0));
        assert!(!blockage.note(start + 99 * MS, true, 0), "too soon to tell");
        assert!(!blockage.note(start + 200 * MS, true, 200_000), "1 MB/s");
        assert!(blockage.note(start + 400 * MS, true, 399_000));
        // It takes what waits, and is full again with what comes next.
        assert!(!blockage.note(start + 500 * MS, false, 420_000));
        assert!(blockage.note(start + 550 * MS, true, 450_000));
        assert!(!blockage.note(start + 600 * MS, false, 450_000));
        assert!(
            !blockage.note(start + 900 * MS, true, 460_000),
            "it had room"
        );
    }
}
