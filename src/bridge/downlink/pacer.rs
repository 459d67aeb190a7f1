//! Delay-based pacing of output to a client that reads slowly: output that was sent cannot be taken
//! back when the user types Ctrl-C, so little is kept in flight.
//!
//! TCP holds a slow client back only once the buffers of both kernels are full; at 1 Mbit/s that is
//! two seconds of output. So such a client is sent one [window](Pacer::budget) of output and,
//! behind it, a ping (RFC 6455 section 5.5.2) that carries the offset of the output before it. The
//! pong confirms that this output was read, and admits more. The window follows the queue delay, as
//! in delay-based congestion control (TCP Vegas; RFC 6817): the round trip of a ping less the
//! shortest one. Below LOW_DELAY the window doubles, if half of it was in use; above HIGH_DELAY it
//! is halved; between them it stays. A ping behind more than a window measures the buffers of TCP,
//! so it is no sample: such are the first ping, and those after a timeout, after a halved window,
//! or after messages were not read.
//!
//! Guarantees that nothing is sent while a window or more is in flight, unless a pong times out, or
//! the client's messages are not read now (`ClientFlow::budget`). Does not apply to a client that
//! acknowledges output (`flow_window`), or whose window has grown to MAX_WINDOW. Pure arithmetic:
//! no socket, no clock.

use std::time::{Duration, Instant};

/// Smallest window, in bytes.
const MIN_WINDOW: u64 = 16 * 1024;

/// Window at which a client is no longer slow, in bytes.
const MAX_WINDOW: u64 = 256 * 1024;

/// Queue delay above which the window is halved.
const HIGH_DELAY: Duration = Duration::from_millis(300);

/// Queue delay below which the window is doubled.
const LOW_DELAY: Duration = Duration::from_millis(100);

/// Wait for a pong, if `websocket.stall_timeout` is not shorter and no pong took long before. After
/// it only TCP bounds the output, until the pong comes.
const PONG_TIMEOUT: Duration = Duration::from_secs(30);

/// Longest wait for a pong, however long the one before took: meanwhile nothing detects a client
/// that hangs.
const MAX_PONG_TIMEOUT: Duration = Duration::from_secs(600);

/// Pacer of one slow client. Offsets are those of the session's output.
#[derive(Debug, Default)]
pub(super) struct Pacer {
    window: u64,
    /// Offset of the output that a pong has confirmed as read.
    confirmed: u64,
    /// Offset at which the unanswered ping was sent, and the time.
    ping: Option<(u64, Instant)>,
    /// Shortest round trip of a ping behind at most a window.
    min_round_trip: Option<Duration>,
    /// Round trip of the latest ping that was answered.
    round_trip: Duration,
    /// The latest ping was not answered in time.
    timed_out: bool,
}

impl Pacer {
    /// Returns the pacer of a client that has confirmed no output yet. All that was sent counts as
    /// in flight: a ping is due, and a window or more is read before anything else is sent.
    pub(super) fn new() -> Self {
        Self {
            window: MIN_WINDOW,
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
    /// a quarter of the window is in flight, so that echoes of keystrokes cause few pings.
    pub(super) fn next_ping(&mut self, now: Instant, sent: u64) -> Option<u64> {
        let in_flight = sent.saturating_sub(self.confirmed);
        if self.ping.is_some() || in_flight < self.window / 4 {
            return None;
        }
        self.ping = Some((sent, now));
        Some(sent)
    }

    /// Returns the time after which an unanswered ping has timed out: [`PONG_TIMEOUT`] or
    /// `stall_timeout`, but at least twice the latest round trip, up to [`MAX_PONG_TIMEOUT`]. The
    /// slowest clients need minutes for what TCP holds, and would never be paced otherwise.
    pub(super) fn pong_timeout(&self, stall_timeout: Duration) -> Duration {
        let slow = (self.round_trip * 2).min(MAX_PONG_TIMEOUT);
        PONG_TIMEOUT.min(stall_timeout).max(slow)
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
        let before_ping = sent - self.confirmed;
        (self.ping, self.confirmed, self.timed_out) = (None, sent, false);
        self.round_trip = round_trip;
        if before_ping > self.window {
            return true;
        }
        let min_round_trip = self
            .min_round_trip
            .map_or(round_trip, |min| min.min(round_trip));
        self.min_round_trip = Some(min_round_trip);
        let queue_delay = round_trip - min_round_trip;
        if queue_delay > HIGH_DELAY {
            if self.window == MIN_WINDOW {
                // Even the smallest window is late, so the shortest round trip is out of date.
                self.min_round_trip = Some(round_trip);
            }
            self.window = (self.window / 2).max(MIN_WINDOW);
        } else if queue_delay < LOW_DELAY && before_ping >= self.window / 2 {
            self.window *= 2;
        }
        self.window < MAX_WINDOW
    }

    /// Stops pacing until the next pong: [`Self::pong_timeout`] is over.
    pub(super) fn on_timeout(&mut self) {
        self.timed_out = true;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MS: Duration = Duration::from_millis(1);

    /// Simulates a client that reads `rate` bytes per second behind `round_trip` and `tcp_buffers`
    /// bytes, for 400 s. Returns its pacer in the steady state, the bytes read per second, and the
    /// most bytes in flight; `None` if the client was found not to be slow.
    fn simulate(rate: u64, round_trip: Duration, tcp_buffers: u64) -> Option<(Pacer, u64, u64)> {
        const STEPS: u64 = 400_000;
        let mut now = crate::clock::now();
        let (mut sent, mut read) = (2 * tcp_buffers, tcp_buffers);
        let mut pacer = Pacer::new();
        let mut pongs = std::collections::VecDeque::new();
        let mut timeout = None;
        let (mut read_at_half, mut most_in_flight) = (0, 0);
        for step in 0..STEPS {
            if step == STEPS / 2 {
                read_at_half = read;
            }
            now += MS;
            read = (read * 1000 + rate).min(sent * 1000) / 1000;
            while let Some((number, at)) = pongs.front().copied() {
                if number > read || now < at {
                    break;
                }
                (timeout, _) = (None, pongs.pop_front());
                if !pacer.on_pong(now, number) {
                    return None;
                }
            }
            if timeout.take_if(|timeout| *timeout <= now).is_some() {
                pacer.on_timeout();
            }
            loop {
                if let Some(number) = pacer.next_ping(now, sent) {
                    pongs.push_back((number, now + round_trip));
                    timeout = Some(now + pacer.pong_timeout(Duration::from_secs(60)));
                }
                match pacer.budget(sent).min(read + tcp_buffers - sent) {
                    0 => break,
                    budget => sent += budget,
                }
            }
            if step >= STEPS / 2 {
                most_in_flight = most_in_flight.max(sent - read);
            }
        }
        Some((
            pacer,
            (read - read_at_half) / (STEPS / 2000),
            most_in_flight,
        ))
    }

    #[test]
    fn a_slow_client_has_a_bounded_queue_delay_and_full_throughput() {
        for rate in [3_000, 7_000, 10_000, 50_000, 125_000, 400_000] {
            let (pacer, read, in_flight) = simulate(rate, 2 * MS, 250_000).unwrap();
            assert!(read > rate * 97 / 100, "{read} of {rate} bytes a second");
            assert!(in_flight <= pacer.window.max(2 * MIN_WINDOW), "{in_flight}");
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
                simulate(50_000_000, round_trip * MS, 250_000).is_none(),
                "{round_trip} ms"
            );
        }
    }

    #[test]
    fn after_a_pong_timeout_only_tcp_bounds_output_until_a_pong_arrives() {
        let now = crate::clock::now();
        let mut pacer = Pacer::new();
        assert_eq!(pacer.budget(100_000), 0, "what is under way comes first");
        assert_eq!(pacer.next_ping(now, 100_000), Some(100_000));
        assert_eq!(pacer.next_ping(now, 100_000), None, "one at a time");
        pacer.on_timeout();
        assert_eq!(pacer.budget(100_000), u64::MAX);
        assert!(pacer.on_pong(now, 99_999), "another ping's");
        assert_eq!(pacer.budget(200_000), u64::MAX);
        assert!(pacer.on_pong(now + PONG_TIMEOUT * 2, 100_000));
        assert_eq!(pacer.budget(200_000), 0);
        assert_eq!(pacer.pong_timeout(PONG_TIMEOUT), PONG_TIMEOUT * 4);
        assert_eq!(pacer.next_ping(now, 200_000), Some(200_000));
        assert!(pacer.on_pong(now + MAX_PONG_TIMEOUT * 2, 200_000));
        assert_eq!(pacer.pong_timeout(PONG_TIMEOUT), MAX_PONG_TIMEOUT);
    }
}
