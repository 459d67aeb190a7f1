//! Delay-based pacing of output to a client that reads slowly: what has left cannot be
//! taken back when the user types Ctrl-C, so little is under way. Pure arithmetic.
//!
//! TCP holds a slow client back only once the buffers of both kernels are full,
//! and at 1 Mbit/s that is two seconds of output. So a client that proves slow is
//! sent a [window](Pacer::budget) of output and a ping (RFC 6455 section 5.5.2)
//! behind it; its pong shows that what came before has been read, and allows
//! more. The window follows the time the pongs take, as delay-based congestion
//! control does (TCP Vegas; RFC 6817). A client that reads as it should gets no
//! such pings; nor does one that acknowledges (`flow_window`).

use std::time::{Duration, Instant};

/// Smallest window, in bytes.
const MIN_WINDOW: u64 = 16 * 1024;

/// Window at which a client is not slow any more, in bytes.
const MAX_WINDOW: u64 = 256 * 1024;

/// Upper bound of the queue delay: a pong that takes this much longer than the fastest has output
/// queued before it that a smaller window would spare.
const HIGH_DELAY: Duration = Duration::from_millis(300);

/// Lower bound of the queue delay: a pong that takes no more than this longer leaves room for a larger
/// window.
const LOW_DELAY: Duration = Duration::from_millis(100);

/// Longest wait for a pong. After it TCP alone holds the client back.
pub(in crate::bridge) const PONG_TIMEOUT: Duration = Duration::from_secs(30);

/// Pacer of one slow client. Offsets are those of the session's output.
#[derive(Debug)]
pub(super) struct Pacer {
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

impl Pacer {
    /// For a client that has been sent `sent` bytes; how many of them are still
    /// under way, its first pong will tell.
    pub(super) fn new(sent: u64) -> Self {
        Self {
            window: MIN_WINDOW,
            arrived: sent.saturating_sub(MIN_WINDOW),
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
        if late > HIGH_DELAY {
            if self.window == MIN_WINDOW {
                // It is the way that is longer now, or the client still slower.
                self.fastest = Some(took);
            }
            self.window = (self.window / 2).max(MIN_WINDOW);
        } else if late < LOW_DELAY && was_used {
            self.window *= 2;
        }
        self.window < MAX_WINDOW
    }

    /// The pong did not come within [`PONG_TIMEOUT`].
    pub(super) fn on_overdue(&mut self) {
        self.lost = true;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MS: Duration = Duration::from_millis(1);

    /// A client that reads `rate` bytes per second at a distance of `round_trip`:
    /// its pacer once it has settled, and the bytes it read each second then;
    /// `None` if it was found not to be slow.
    fn settle(rate: u64, round_trip: Duration) -> Option<(Pacer, u64)> {
        let start = crate::clock::now();
        let (mut now, mut sent) = (start, 500_000);
        let mut pacer = Pacer::new(sent);
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
                if !pacer.on_pong(now, number) {
                    return None;
                }
            }
            loop {
                if let Some(number) = pacer.next_ping(now, sent) {
                    pongs.push_back((number, now + round_trip));
                }
                match pacer.budget(sent) {
                    0 => break,
                    budget => sent += budget,
                }
            }
        }
        Some((pacer, (read - read_at_half) / 20))
    }

    #[test]
    fn a_slow_client_has_little_under_way_and_is_never_idle() {
        for rate in [10_000, 50_000, 125_000, 400_000] {
            let (pacer, read) = settle(rate, 2 * MS).unwrap();
            assert!(read > rate * 97 / 100, "{read} of {rate} bytes a second");
            let delay = pacer.window * 1000 / rate;
            assert!(
                delay < 500 || pacer.window <= 2 * MIN_WINDOW,
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
        let mut pacer = Pacer::new(100_000);
        assert_eq!(pacer.budget(100_000), 0, "what is under way comes first");
        assert_eq!(pacer.next_ping(now, 100_000), Some(100_000));
        assert_eq!(pacer.next_ping(now, 100_000), None, "one at a time");
        pacer.on_overdue();
        assert_eq!(pacer.budget(100_000), u64::MAX);
        assert!(pacer.on_pong(now, 99_999), "another ping's");
        assert_eq!(pacer.budget(200_000), u64::MAX);
        assert!(pacer.on_pong(now + PONG_TIMEOUT * 2, 100_000));
        assert_eq!(pacer.budget(200_000), 0);
    }
}
