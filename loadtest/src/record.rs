//! What a run has seen so far: histograms in microseconds, counts of failures by their kind.

use crate::client::Failure;
use hdrhistogram::Histogram;
use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

/// Microseconds: ten minutes. What takes longer counts as that.
const MAX_MICROS: u64 = 600_000_000;
const DIGITS: u8 = 3;

/// A histogram of microseconds.
#[must_use]
pub fn histogram() -> Histogram<u64> {
    match Histogram::new_with_bounds(1, MAX_MICROS, DIGITS) {
        Ok(histogram) => histogram,
        Err(_) => unreachable!("constants that fit each other"),
    }
}

fn micros(time: Duration) -> u64 {
    u64::try_from(time.as_micros()).unwrap_or(u64::MAX).max(1)
}

/// A distribution of times in microseconds.
#[derive(Debug, Clone, Copy, PartialEq, serde::Serialize)]
pub struct Summary {
    /// Number of them.
    pub count: u64,
    /// Their mean.
    pub mean: f64,
    /// The least.
    pub min: u64,
    /// Half are at most this.
    pub p50: u64,
    /// 90 % are.
    pub p90: u64,
    /// 99 % are.
    pub p99: u64,
    /// 99.9 % are.
    pub p999: u64,
    /// The most.
    pub max: u64,
}

impl Summary {
    /// Of these times; None when there are none.
    #[must_use]
    pub fn of(times: &Histogram<u64>) -> Option<Self> {
        (!times.is_empty()).then(|| Self {
            count: times.len(),
            mean: times.mean(),
            min: times.min(),
            p50: times.value_at_quantile(0.5),
            p90: times.value_at_quantile(0.9),
            p99: times.value_at_quantile(0.99),
            p999: times.value_at_quantile(0.999),
            max: times.max(),
        })
    }
}

/// The times of everything that was answered while measuring.
#[derive(Debug)]
pub struct Totals {
    /// From the intended time of sending to the answer.
    pub latency: Histogram<u64>,
    /// From the real time of sending to the answer.
    pub service: Histogram<u64>,
    /// From the intended to the real time of sending: the generator's own fault.
    pub lateness: Histogram<u64>,
}

impl Totals {
    fn new() -> Self {
        Self {
            latency: histogram(),
            service: histogram(),
            lateness: histogram(),
        }
    }

    fn add(&mut self, other: &Self) {
        // The bounds are the same everywhere, which is all that can go wrong.
        let _ = self.latency.add(&other.latency);
        let _ = self.service.add(&other.service);
        let _ = self.lateness.add(&other.lateness);
    }
}

#[derive(Debug)]
struct Part {
    second: Histogram<u64>,
    totals: Totals,
}

/// A failure's count, and what the first one said.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub struct Failures {
    /// How often.
    pub count: u64,
    /// What the first one said.
    pub first: String,
}

/// Counts and times of a run, written by every thread of the generator.
#[derive(Debug)]
pub struct Recorder {
    start: Instant,
    /// One for each thread of the generator, so that they seldom meet.
    parts: Vec<Mutex<Part>>,
    set_up: Mutex<Histogram<u64>>,
    named: Mutex<BTreeMap<String, Histogram<u64>>>,
    failures: Mutex<BTreeMap<String, Failures>>,
    /// Measured is what was intended between these, microseconds after the start.
    measured: (AtomicU64, AtomicU64),
    /// Sessions that were ready.
    pub opened: AtomicU64,
    /// Sessions that are.
    pub live: AtomicU64,
    /// The most that ever were.
    pub most_live: AtomicU64,
    /// Sends, measured or not.
    pub sent: AtomicU64,
    /// Bytes of output, measured or not.
    pub output: AtomicU64,
    /// Answers that were measured.
    pub answers: AtomicU64,
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    // What is kept is counts; a panic elsewhere leaves them right enough to be shown.
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Recorder {
    /// Counts from `start`, for so many threads. Everything is measured until
    /// [`Recorder::measure`].
    #[must_use]
    pub fn new(start: Instant, threads: usize) -> Self {
        let part = || {
            Mutex::new(Part {
                second: histogram(),
                totals: Totals::new(),
            })
        };
        Self {
            start,
            parts: (0..threads.max(1)).map(|_| part()).collect(),
            set_up: Mutex::new(histogram()),
            named: Mutex::default(),
            failures: Mutex::default(),
            measured: (AtomicU64::new(0), AtomicU64::new(u64::MAX)),
            opened: AtomicU64::new(0),
            live: AtomicU64::new(0),
            most_live: AtomicU64::new(0),
            sent: AtomicU64::new(0),
            output: AtomicU64::new(0),
            answers: AtomicU64::new(0),
        }
    }

    /// When the run began.
    #[must_use]
    pub fn start(&self) -> Instant {
        self.start
    }

    /// Measures what is intended from `from` on and before `to`.
    pub fn measure(&self, from: Instant, to: Instant) {
        let since = |at: Instant| micros(at.saturating_duration_since(self.start));
        self.measured.0.store(since(from), Ordering::Relaxed);
        self.measured.1.store(since(to), Ordering::Relaxed);
    }

    /// Session `index` had its answer at `now` to what it meant to send at `intended`, and sent at
    /// `sent`.
    pub fn answered(&self, index: usize, intended: Instant, sent: Instant, now: Instant) {
        let latency = micros(now.saturating_duration_since(intended));
        let at = micros(intended.saturating_duration_since(self.start));
        let from = self.measured.0.load(Ordering::Relaxed);
        let to = self.measured.1.load(Ordering::Relaxed);
        let Some(part) = self.parts.get(index % self.parts.len().max(1)) else {
            return;
        };
        let mut part = lock(part);
        part.second.saturating_record(latency);
        if (from..to).contains(&at) {
            self.answers.fetch_add(1, Ordering::Relaxed);
            let totals = &mut part.totals;
            totals.latency.saturating_record(latency);
            let service = now.saturating_duration_since(sent);
            totals.service.saturating_record(micros(service));
            let late = sent.saturating_duration_since(intended);
            totals.lateness.saturating_record(micros(late));
        }
    }

    /// A session was ready this long after its connection.
    pub fn ready(&self, set_up: Duration) {
        self.opened.fetch_add(1, Ordering::Relaxed);
        lock(&self.set_up).saturating_record(micros(set_up));
    }

    /// A time of a kind of its own, such as from a Ctrl-C to silence.
    pub fn note(&self, name: &str, time: Duration) {
        let mut named = lock(&self.named);
        let times = named.entry(name.to_owned()).or_insert_with(histogram);
        times.saturating_record(micros(time));
    }

    /// All times of a kind, at once.
    pub fn note_all(&self, name: &str, times: &Histogram<u64>) {
        lock(&self.named).insert(name.to_owned(), times.clone());
    }

    /// Something failed.
    pub fn failed(&self, failure: &Failure) {
        self.failed_times(failure, 1);
    }

    /// Something failed so often.
    pub fn failed_times(&self, failure: &Failure, count: u64) {
        if count == 0 {
            return;
        }
        let mut failures = lock(&self.failures);
        let known = failures
            .entry(failure.kind.clone())
            .or_insert_with(|| Failures {
                count: 0,
                first: failure.detail.clone(),
            });
        known.count = known.count.saturating_add(count);
    }

    /// The times since this was last asked.
    #[must_use]
    pub fn take_second(&self) -> Histogram<u64> {
        let mut all = histogram();
        for part in &self.parts {
            let mut part = lock(part);
            let _ = all.add(&part.second);
            part.second.reset();
        }
        all
    }

    /// Everything measured since this was last asked.
    #[must_use]
    pub fn take_totals(&self) -> Totals {
        let mut all = Totals::new();
        for part in &self.parts {
            let totals = std::mem::replace(&mut lock(part).totals, Totals::new());
            all.add(&totals);
        }
        all
    }

    /// The 99th percentile of what was measured so far, microseconds.
    #[must_use]
    pub fn p99(&self) -> u64 {
        let mut all = histogram();
        for part in &self.parts {
            let _ = all.add(&lock(part).totals.latency);
        }
        all.value_at_quantile(0.99)
    }

    /// Times from connection to ready.
    #[must_use]
    pub fn set_up(&self) -> Option<Summary> {
        Summary::of(&lock(&self.set_up))
    }

    /// What [`Recorder::note`] was told.
    #[must_use]
    pub fn named(&self) -> BTreeMap<String, Summary> {
        let named = lock(&self.named);
        let summary = |(name, times): (&String, &Histogram<u64>)| {
            Summary::of(times).map(|times| (name.clone(), times))
        };
        named.iter().filter_map(summary).collect()
    }

    /// Failures by their kind.
    #[must_use]
    pub fn failures(&self) -> BTreeMap<String, Failures> {
        lock(&self.failures).clone()
    }

    /// How many failures.
    #[must_use]
    pub fn failure_count(&self) -> u64 {
        lock(&self.failures).values().map(|kind| kind.count).sum()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MS: Duration = Duration::from_millis(1);

    #[test]
    fn a_bridge_that_stands_still_is_seen_by_everything_meant_for_that_time() {
        // 100 keystrokes, one each 10 ms. The answers to the last 50 all come at 1,000 ms.
        let start = Instant::now();
        let recorder = Recorder::new(start, 2);
        for number in 0..100 {
            let intended = start + MS * 10 * number;
            // A closed loop would have sent nothing meanwhile, and measured one long time.
            let (sent, answer) = if number < 50 {
                (intended, intended + MS)
            } else {
                (start + MS * 999, start + MS * 1000)
            };
            recorder.answered(number as usize, intended, sent, answer);
        }
        let totals = recorder.take_totals();
        assert_eq!(totals.latency.len(), 100);
        let p75 = totals.latency.value_at_quantile(0.75);
        assert!((240_000..260_000).contains(&p75), "{p75}");
        assert!(totals.service.max() < 1_010, "{}", totals.service.max());
        let late = totals.lateness.max();
        assert!((498_000..500_000).contains(&late), "{late}");
    }

    #[test]
    fn warm_up_is_in_the_seconds_and_not_in_the_totals() {
        let start = Instant::now();
        let recorder = Recorder::new(start, 1);
        recorder.measure(start + MS * 10, start + MS * 20);
        for number in 0..30 {
            let at = start + MS * number;
            recorder.answered(0, at, at, at + MS);
        }
        assert_eq!(recorder.take_second().len(), 30);
        assert_eq!(recorder.take_second().len(), 0);
        assert_eq!(recorder.take_totals().latency.len(), 10);
        assert_eq!(recorder.take_totals().latency.len(), 0);
    }

    #[test]
    fn failures_are_counted_by_kind_and_the_first_is_quoted() {
        let recorder = Recorder::new(Instant::now(), 1);
        recorder.failed(&Failure::new("reset", "one"));
        recorder.failed(&Failure::new("reset", "two"));
        recorder.failed_times(&Failure::new("unanswered", "x"), 5);
        recorder.failed_times(&Failure::new("none", "x"), 0);
        let failures = recorder.failures();
        assert_eq!(failures.len(), 2);
        assert_eq!(failures["reset"].count, 2);
        assert_eq!(failures["reset"].first, "one");
        assert_eq!(recorder.failure_count(), 7);
    }
}
