//! Counters of the shards. Every cell has one writer, the shard it belongs to: counting is a plain
//! load and store, without a lock and without an atomic read-modify-write, and readers add the
//! shards up.

use super::handshakes::HandshakeFailure;
use super::histogram::Histogram;
use super::single_writer::SingleWriterCounter;
use crate::error::{Reason, Stage};
use crate::registry::State;
use crossbeam_utils::CachePadded;
use std::sync::Arc;
use std::time::{Duration, Instant};

/// Numbers of sessions by outcome: `total = open + successful + failed`.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub struct SessionStats {
    /// Sessions now, in any state.
    pub open: u64,
    /// Sessions since the start of the process.
    pub total: u64,
    /// Sessions that the remote process or their client's close ended.
    pub successful: u64,
    /// Sessions that anything else ended.
    pub failed: u64,
}

/// HTTP answers that have a cell of their own; any other is counted as 0.
const HTTP_STATUSES: [u16; 13] = [
    101, 200, 304, 308, 400, 403, 404, 405, 408, 421, 426, 429, 503,
];

/// Age of the last heartbeat from which on a shard does not serve its sessions. There is at least
/// one a second (`crate::runtime::on_heartbeat`).
const STUCK: Duration = Duration::from_secs(2);

const STATUS_CELLS: usize = HTTP_STATUSES.len() + 1;
const ENDINGS: usize = Stage::ALL.len() * Reason::ALL.len();

/// Counters of one shard, since the start of the process.
#[derive(Debug)]
pub struct ShardCounters {
    start: Instant,
    /// Milliseconds from the start to the last heartbeat.
    last_heartbeat: SingleWriterCounter,
    /// Connections the shard accepted, whichever shard served them.
    pub accepted: SingleWriterCounter,
    /// Connections between accept and the end of the upgrade, now.
    pub handshakes: SingleWriterCounter,
    /// Sessions created.
    pub started: SingleWriterCounter,
    /// Sessions that a drain waits for: all, except (unless `Drain::admit`) those that had not sent
    /// `auth` when it began and those that came later.
    pub awaited: SingleWriterCounter,
    /// Input of clients, in bytes.
    pub input_bytes: SingleWriterCounter,
    /// Output to clients, in bytes.
    pub output_bytes: SingleWriterCounter,
    /// Time from `auth` to the shell, questions to the user not counted.
    pub setup: Histogram,
    /// Time from a little input to the next output: an estimate of how fast typed text is echoed.
    pub echo: Histogram,
    /// CPU time that the shard's thread has had, in microseconds.
    cpu: SingleWriterCounter,
    states: [SingleWriterCounter; State::ALL.len()],
    responses: [SingleWriterCounter; STATUS_CELLS],
    endings: [SingleWriterCounter; ENDINGS],
    failed_handshakes: [SingleWriterCounter; HandshakeFailure::ALL.len()],
}

impl ShardCounters {
    fn new(start: Instant) -> Self {
        Self {
            start,
            last_heartbeat: SingleWriterCounter::default(),
            accepted: SingleWriterCounter::default(),
            handshakes: SingleWriterCounter::default(),
            started: SingleWriterCounter::default(),
            awaited: SingleWriterCounter::default(),
            input_bytes: SingleWriterCounter::default(),
            output_bytes: SingleWriterCounter::default(),
            setup: Histogram::default(),
            echo: Histogram::default(),
            cpu: SingleWriterCounter::default(),
            states: std::array::from_fn(|_| SingleWriterCounter::default()),
            responses: std::array::from_fn(|_| SingleWriterCounter::default()),
            endings: std::array::from_fn(|_| SingleWriterCounter::default()),
            failed_handshakes: std::array::from_fn(|_| SingleWriterCounter::default()),
        }
    }

    /// Notes that the shard's event loop runs, and the CPU time of its thread.
    pub fn note_heartbeat(&self, now: Instant, cpu: Duration) {
        self.cpu
            .set(u64::try_from(cpu.as_micros()).unwrap_or(u64::MAX));
        let age = now.saturating_duration_since(self.start).as_millis();
        self.last_heartbeat
            .set(u64::try_from(age).unwrap_or(u64::MAX));
    }

    /// Time since the last heartbeat; since the start if there was none.
    pub fn heartbeat_age(&self, now: Instant) -> Duration {
        let last = self.start + Duration::from_millis(self.last_heartbeat.get());
        now.saturating_duration_since(last)
    }

    /// CPU time of the shard's thread at its last heartbeat.
    pub fn cpu(&self) -> Duration {
        Duration::from_micros(self.cpu.get())
    }

    /// Returns whether the event loop has not run for so long that it serves nobody.
    pub fn is_stuck(&self, now: Instant) -> bool {
        self.heartbeat_age(now) >= STUCK
    }

    /// Counts the answer to an HTTP request.
    pub fn note_response(&self, status: u16) {
        let known = HTTP_STATUSES.iter().position(|known| *known == status);
        if let Some(cell) = self.responses.get(known.unwrap_or(HTTP_STATUSES.len())) {
            cell.add(1);
        }
    }

    /// HTTP answers by status; 0 stands for those without a cell.
    pub fn responses(&self) -> impl Iterator<Item = (u16, u64)> {
        let statuses = HTTP_STATUSES.into_iter().chain([0]);
        statuses.zip(self.responses.iter().map(SingleWriterCounter::get))
    }

    /// Counts a connection that ended before its HTTP request.
    pub fn note_handshake_failure(&self, cause: HandshakeFailure) {
        if let Some(cell) = self.failed_handshakes.get(cause as usize) {
            cell.add(1);
        }
    }

    /// Connections that ended before their HTTP request, by cause.
    pub fn failed_handshakes(&self) -> impl Iterator<Item = (HandshakeFailure, u64)> {
        let causes = HandshakeFailure::ALL.iter().copied();
        causes.zip(self.failed_handshakes.iter().map(SingleWriterCounter::get))
    }

    /// Counts a session's change of state; `None` stands for before its start and after its end.
    pub fn note_state(&self, from: Option<State>, to: Option<State>) {
        if let Some(cell) = from.and_then(|state| self.states.get(state as usize)) {
            cell.sub(1);
        }
        if let Some(cell) = to.and_then(|state| self.states.get(state as usize)) {
            cell.add(1);
        }
    }

    /// Numbers of sessions by state.
    pub fn states(&self) -> impl Iterator<Item = (State, u64)> {
        let states = State::ALL.iter().copied();
        states.zip(self.states.iter().map(SingleWriterCounter::get))
    }

    /// Counts a session's end.
    pub fn note_ending(&self, stage: Stage, reason: Reason) {
        let index = stage as usize * Reason::ALL.len() + reason as usize;
        if let Some(cell) = self.endings.get(index) {
            cell.add(1);
        }
    }

    /// Ended sessions by stage and reason, those that occurred.
    pub fn endings(&self) -> impl Iterator<Item = (Stage, Reason, u64)> {
        let pairs = Stage::ALL
            .iter()
            .flat_map(|stage| Reason::ALL.iter().map(|reason| (*stage, *reason)));
        pairs
            .zip(self.endings.iter().map(SingleWriterCounter::get))
            .filter(|(_, count)| *count > 0)
            .map(|((stage, reason), count)| (stage, reason, count))
    }

    /// Numbers of sessions by outcome. Ended sessions are read first, so that the numbers add up
    /// whatever the shard counts meanwhile.
    pub fn stats(&self) -> SessionStats {
        let mut stats = SessionStats::default();
        for (_, reason, count) in self.endings() {
            if reason.is_failure() {
                stats.failed += count;
            } else {
                stats.successful += count;
            }
        }
        stats.total = self.started.get();
        let ended = stats.successful + stats.failed;
        stats.open = stats.total.saturating_sub(ended);
        stats
    }
}

/// Counters of every shard. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Counters {
    shards: Arc<[CachePadded<ShardCounters>]>,
}

/// Counters that one shard writes. Cheap to clone; lives on that shard.
#[derive(Debug, Clone)]
pub struct OwnCounters {
    counters: Counters,
    shard: usize,
}

impl Counters {
    /// Makes counters of zero for `shards` shards (at least one).
    pub fn new(shards: usize, start: Instant) -> Self {
        let shards = (0..shards.max(1)).map(|_| CachePadded::new(ShardCounters::new(start)));
        Self {
            shards: shards.collect(),
        }
    }

    /// Counters for `shard` to write to, wrapped around if there is no such shard.
    pub fn of_shard(&self, shard: usize) -> OwnCounters {
        OwnCounters {
            counters: self.clone(),
            shard: shard % self.shards.len(),
        }
    }

    /// Counters of one shard, if there is such a shard.
    pub fn shard(&self, shard: usize) -> Option<&ShardCounters> {
        self.shards.get(shard).map(|padded| &**padded)
    }

    /// Counters of every shard, by number.
    pub fn shards(&self) -> impl Iterator<Item = &ShardCounters> {
        self.shards.iter().map(|padded| &**padded)
    }

    /// Time since the start of the process.
    pub fn uptime(&self, now: Instant) -> Duration {
        let start = self.shards.first().map_or(now, |shard| shard.start);
        now.saturating_duration_since(start)
    }
}

impl OwnCounters {
    /// Counters of all shards, to read.
    pub fn all(&self) -> &Counters {
        &self.counters
    }
}

impl std::ops::Deref for OwnCounters {
    type Target = ShardCounters;

    #[expect(clippy::indexing_slicing, reason = "in bounds since `of_shard`")]
    fn deref(&self) -> &ShardCounters {
        &self.counters.shards[self.shard]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_ending_has_a_cell_of_its_own() {
        let counters = Counters::new(2, crate::clock::now());
        let own = counters.of_shard(1);
        for stage in Stage::ALL {
            for reason in Reason::ALL {
                own.note_ending(*stage, *reason);
            }
        }
        own.note_ending(Stage::Login, Reason::LoginFailed);
        let [first, second] = [0, 1].map(|n| counters.shards().nth(n).unwrap());
        assert_eq!(first.endings().count(), 0);
        assert_eq!(second.endings().count(), ENDINGS);
        for (stage, reason, count) in second.endings() {
            let twice = (stage, reason) == (Stage::Login, Reason::LoginFailed);
            assert_eq!(count, 1 + u64::from(twice), "{stage:?} {reason:?}");
        }
        let stats = second.stats();
        assert_eq!(stats.successful, 2 * Stage::ALL.len() as u64);
        assert_eq!(stats.successful + stats.failed, ENDINGS as u64 + 1);
    }

    #[test]
    fn an_unknown_status_is_counted_as_other() {
        let own = Counters::new(1, crate::clock::now()).of_shard(0);
        own.note_response(503);
        own.note_response(418);
        own.note_response(500);
        let seen: Vec<_> = own.responses().filter(|(_, count)| *count > 0).collect();
        assert_eq!(seen, [(503, 1), (0, 2)]);
    }

    #[test]
    fn the_heartbeat_age_counts_from_the_last_heartbeat() {
        let start = crate::clock::now();
        let own = Counters::new(1, start).of_shard(0);
        let after = |s| start + Duration::from_secs(s);
        assert_eq!(own.heartbeat_age(after(3)), Duration::from_secs(3));
        own.note_heartbeat(after(3), Duration::from_millis(250));
        assert_eq!(own.cpu(), Duration::from_millis(250));
        assert_eq!(own.heartbeat_age(after(4)), Duration::from_secs(1));
        assert_eq!(own.heartbeat_age(after(2)), Duration::ZERO);
    }
}
