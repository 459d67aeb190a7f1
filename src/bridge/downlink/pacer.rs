//! Delay-based pacing of output to a client that reads slowly: output that was sent cannot be taken
//! back when the user types Ctrl-C, so little is kept in flight.
//!
//! TCP holds a slow client back only once the buffers of both kernels are full; at 1 Mbit/s that is
//! two seconds of output. So such a client is sent one [window](Pacer::budget) of output and,
//! behind it, a ping (RFC 6455 section 5.5.2). The pong confirms that the output before it was
//! read, and admits more. The window follows the round trip of these pings, as in delay-based
//! congestion control (TCP Vegas; RFC 6817). Their delay is the round trip less the shortest one.
//! Below LOW_DELAY the window doubles, if half of it was in use; above HIGH_DELAY it is halved;
//! between them it stays.
//!
//! Guarantees that nothing is sent while a window or more is in flight, unless a pong times out.
//! Does not apply to a client that acknowledges output (`flow_window`), whose window has grown to
//! MAX_WINDOW, or whose messages are not read now (`ClientFlow::budget`). Pure arithmetic: no
//! socket, no clock.

use std::time::{Duration, Instant};

/// Smallest window, in bytes.
const MIN_WINDOW: u64 = 16 * 1024;

/// Window at which a client is no longer slow, in bytes.
const MAX_WINDOW: u64 = 256 * 1024;

/// Queue delay above which the window is halved. The queue delay of a pong is its round trip less
/// the shortest one.
const HIGH_DELAY: Duration = Duration::from_millis(300);

/// Queue delay below which the window is doubled.
const LOW_DELAY: Duration = Duration::from_millis(100);

/// Longest wait for a pong, unless `websocket.stall_timeout` is shorter. After it only TCP bounds
/// the output, until the pong comes.
pub(in crate::bridge) const PONG_TIMEOUT: Duration = Duration::from_secs(30);

/// Pacer of one slow client. Offsets are those of the session's output.
#[derive(Debug, Default)]
pub(super) struct Pacer {
    window: u64,
    /// Offset of the output that a pong has confirmed as read.
    confirmed: u64,
    /// Offset at which the unanswered ping was sent, and the time.
    ping: Option<(u64, Instant)>,
    /// Shortest round trip of a ping. The first ping does not count: it waited behind all output
    /// that was in flight before.
    min_round_trip: Option<Duration>,
    /// The pong of the first ping has come.
    calibrated: bool,
    /// The latest ping was not answered in time.
    timed_out: bool,
}

impl Pacer {
    /// Returns the pacer of a client that has been sent `sent` bytes. A whole window of them counts
    /// as in flight, so a ping is due at once, and nothing is sent until its pong shows that the
    /// client has read them all.
    pub(super) fn new(sent: u64) -> Self {
        Self {
            window: MIN_WINDOW,
            confirmed: sent.saturating_sub(MIN_WINDOW),
            ..Self::default()
        }
    }

    /// Returns the bytes that may be sent now: at most half a window, so that a ping goes between
    /// the halves.
    pub(super) fn budget(&self, sent: u64) -> u64 {
        if self.timed_out {
            return u64::MAX;
        }
        let in_flight = sent.saturating_sub(self.confirmed);
        self.window.saturating_sub(in_flight).min(self.window / 2)
    }

    /// Returns the number of the next ping, which is `sent`, if one is due: none is unanswered, and
    /// a quarter of the window is in flight. The echo of keystrokes alone stays below that for
    /// long.
    pub(super) fn next_ping(&mut self, now: Instant, sent: u64) -> Option<u64> {
        let in_flight = sent.saturating_sub(self.confirmed);
        if self.ping.is_some() || in_flight < self.window / 4 {
            return None;
        }
        self.ping = Some((sent, now));
        Some(sent)
    }

    /// Returns the number of the unanswered ping.
    pub(super) fn unanswered_ping(&self) -> Option<u64> {
        self.ping.map(|(sent, _)| sent)
    }

    /// Takes a pong that carries `number`. Returns false if the client is no longer slow.
    pub(super) fn on_pong(&mut self, now: Instant, number: u64) -> bool {
        let Some((sent, at)) = self.ping.filter(|(sent, _)| *sent == number) else {
            return true;
        };
        let round_trip = now.saturating_duration_since(at);
        let window_used = sent - self.confirmed >= self.window / 2;
        (self.ping, self.confirmed, self.timed_out) = (None, sent, false);
        if !std::mem::replace(&mut self.calibrated, true) {
            return true;
        }
        let min_round_trip = self
            .min_round_trip
            .map_or(round_trip, |min| min.min(round_trip));
        self.min_round_trip = Some(min_round_trip);
        let queue_delay = round_trip - min_round_trip;
        if queue_delay > HIGH_DELAY {
            if self.window == MIN_WINDOW {
                // The path has become longer, or the client slower.
                self.min_round_trip = Some(round_trip);
            }
            self.window = (self.window / 2).max(MIN_WINDOW);
        } else if queue_delay < LOW_DELAY && window_used {
            self.window *= 2;
        }
        self.window < MAX_WINDOW
    }

    /// Stops pacing until the next pong: [`PONG_TIMEOUT`] is over.
    pub(super) fn on_timeout(&mut self) {
        self.timed_out = true;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MS: Duration = Duration::from_millis(1);

    /// Simulates a client that reads `rate` bytes per second behind `round_trip`. Returns its pacer
    /// in the steady state, and the bytes read per second; `None` if the client was found not to be
    /// slow.
    fn simulate(rate: u64, round_trip: Duration) -> Option<(Pacer, u64)> {
        let start = crate::clock::now();
        let (mut now, mut sent) = (start, 500_000);
        let mut pacer = Pacer::new(sent);
        // In flight: bytes of output, and the pongs of pings.
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
    fn a_slow_client_has_a_bounded_queue_delay_and_full_throughput() {
        for rate in [10_000, 50_000, 125_000, 400_000] {
            let (pacer, read) = simulate(rate, 2 * MS).unwrap();
            assert!(read > rate * 97 / 100, "{read} of {rate} bytes a second");
            let delay = pacer.window * 1000 / rate;
            assert!(
                delay < 500 || pacer.window <= 2 * MIN_WINDOW,
                "{delay} ms at {rate}"
            );
        }
    }

    #[test]
    fn a_long_round_trip_alone_does_not_make_a_client_slow() {
        for round_trip in [1, 50, 300, 600] {
            assert!(
                simulate(50_000_000, round_trip * MS).is_none(),
                "{round_trip} ms"
            );
        }
    }

    #[test]
    fn after_a_pong_timeout_only_tcp_bounds_output_until_a_pong_arrives() {
        let now = crate::clock::now();
        let mut pacer = Pacer::new(100_000);
        assert_eq!(pacer.budget(100_000), 0, "what is under way comes first");
        assert_eq!(pacer.next_ping(now, 100_000), Some(100_000));
        assert_eq!(pacer.next_ping(now, 100_000), None, "one at a time");
        pacer.on_timeout();
        assert_eq!(pacer.budget(100_000), u64::MAX);
        assert!(pacer.on_pong(now, 99_999), "another ping's");
        assert_eq!(pacer.budget(200_000), u64::MAX);
        assert!(pacer.on_pong(now + PONG_TIMEOUT * 2, 100_000));
        assert_eq!(pacer.budget(200_000), 0);
    }
}
