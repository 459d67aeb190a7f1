//! Histograms in microseconds and counters of a run, and its failures by kind.

use crate::client::Failure;
use hdrhistogram::Histogram;
use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

/// Largest recorded time, ten minutes in microseconds; longer ones count as that.
const MAX_MICROS: u64 = 600_000_000;
const DIGITS: u8 = 3;

/// Empty histogram of microseconds.
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

/// Summary of a distribution of times, in microseconds.
#[derive(Debug, Clone, Copy, PartialEq, serde::Serialize)]
pub struct Summary {
    /// Number of times.
    pub count: u64,
    /// Arithmetic mean.
    pub mean: f64,
    /// Smallest time.
    pub min: u64,
    /// 50th percentile.
    pub p50: u64,
    /// 90th percentile.
    pub p90: u64,
    /// 99th percentile.
    pub p99: u64,
    /// 99.9th percentile.
    pub p999: u64,
    /// Largest time.
    pub max: u64,
}

impl Summary {
    /// Summary of these times; None when there are none.
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

/// Times of answers.
#[derive(Debug)]
pub struct Times {
    /// Time from the intended send to the answer, measured or not.
    pub every: Histogram<u64>,
    /// The same, in the measured time.
    pub latency: Histogram<u64>,
    /// Time from the actual send to the answer, in the measured time.
    pub service: Histogram<u64>,
    /// Time from the intended to the actual send, in the measured time: the generator's own delay.
    pub lateness: Histogram<u64>,
}

/// Number of failures of a kind, and the text of the first.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub struct Failures {
    /// Number of failures.
    pub count: u64,
    /// Text of the first failure.
    pub first: String,
}

/// Counters and times of a run, written by all threads of the generator.
#[derive(Debug)]
pub struct Recorder {
    /// Start of the run.
    pub start: Instant,
    /// One per thread of the generator, so that the locks are rarely contended.
    parts: Vec<Mutex<Times>>,
    set_up: Mutex<Histogram<u64>>,
    named: Mutex<BTreeMap<String, Histogram<u64>>>,
    failures: Mutex<BTreeMap<String, Failures>>,
    /// Begin and end of the measured time, in microseconds after the start.
    measured: (AtomicU64, AtomicU64),
    /// Sessions that became ready.
    pub opened: AtomicU64,
    /// Sessions that are ready now.
    pub live: AtomicU64,
    /// Most sessions that were ready at once.
    pub most_live: AtomicU64,
    /// Sends, measured or not.
    pub sent: AtomicU64,
    /// Bytes of output, measured or not.
    pub output: AtomicU64,
    /// Answers in the measured time.
    pub answers: AtomicU64,
}

pub(crate) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    // Counters stay valid after a panic of another thread.
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Recorder {
    /// Recorder of a run that starts at `start`, for that many threads. Everything counts as
    /// measured until [`Recorder::measure`].
    #[must_use]
    pub fn new(start: Instant, threads: usize) -> Self {
        let part = || {
            Mutex::new(Times {
                every: histogram(),
                latency: histogram(),
                service: histogram(),
                lateness: histogram(),
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

    /// Sets the measured time: sends intended from `from` on and before `to`.
    pub fn measure(&self, from: Instant, to: Instant) {
        let since = |at: Instant| micros(at.saturating_duration_since(self.start));
        self.measured.0.store(since(from), Ordering::Relaxed);
        self.measured.1.store(since(to), Ordering::Relaxed);
    }

    /// Records an answer of session `index` at `now`, to a send intended at `intended` and made at
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
        part.every.saturating_record(latency);
        if (from..to).contains(&at) {
            self.answers.fetch_add(1, Ordering::Relaxed);
            part.latency.saturating_record(latency);
            let service = now.saturating_duration_since(sent);
            part.service.saturating_record(micros(service));
            let late = sent.saturating_duration_since(intended);
            part.lateness.saturating_record(micros(late));
        }
    }

    /// Records a session that became ready, with its time since the connection.
    pub fn ready(&self, set_up: Duration) {
        self.opened.fetch_add(1, Ordering::Relaxed);
        lock(&self.set_up).saturating_record(micros(set_up));
    }

    /// Records a time of a named kind, such as from a Ctrl-C to the end of output.
    pub fn record_named(&self, name: &str, time: Duration) {
        let mut named = lock(&self.named);
        let times = named.entry(name.to_owned()).or_insert_with(histogram);
        times.saturating_record(micros(time));
    }

    /// Sets all times of a named kind.
    pub fn set_named(&self, name: &str, times: &Histogram<u64>) {
        lock(&self.named).insert(name.to_owned(), times.clone());
    }

    /// Records a failure.
    pub fn failed(&self, failure: &Failure) {
        self.failed_times(failure, 1);
    }

    /// Records `count` failures of a kind.
    pub fn failed_times(&self, failure: &Failure, count: u64) {
        if count == 0 {
            return;
        }
        let mut failures = lock(&self.failures);
        let known = failures.entry(failure.kind.clone());
        let first = failure.detail.clone();
        known.or_insert(Failures { count: 0, first }).count += count;
    }

    /// Returns and resets a histogram of the answers, summed over the threads.
    #[must_use]
    pub fn take(&self, of: fn(&mut Times) -> &mut Histogram<u64>) -> Histogram<u64> {
        let mut sum = histogram();
        for part in &self.parts {
            let mut part = lock(part);
            let times = of(&mut part);
            // Fails only for different bounds, and these are the same.
            let _ = sum.add(&*times);
            times.reset();
        }
        sum
    }

    /// 99th percentile of the measured latencies so far, in microseconds.
    #[must_use]
    pub fn p99(&self) -> u64 {
        let mut all = histogram();
        for part in &self.parts {
            let _ = all.add(&lock(part).latency);
        }
        all.value_at_quantile(0.99)
    }

    /// Times from connection to ready.
    #[must_use]
    pub fn set_up(&self) -> Option<Summary> {
        Summary::of(&lock(&self.set_up))
    }

    /// Summaries of the named kinds.
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

    /// Number of all failures.
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
    fn a_stalled_bridge_delays_every_send_intended_meanwhile() {
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
        let latency = recorder.take(|times| &mut times.latency);
        assert_eq!(latency.len(), 100);
        let p75 = latency.value_at_quantile(0.75);
        assert!((240_000..260_000).contains(&p75), "{p75}");
        let service = recorder.take(|times| &mut times.service).max();
        assert!(service < 1_010, "{service}");
        let late = recorder.take(|times| &mut times.lateness).max();
        assert!((498_000..500_000).contains(&late), "{late}");
    }

    #[test]
    fn warm_up_is_in_the_rows_and_not_in_the_totals() {
        let start = Instant::now();
        let recorder = Recorder::new(start, 1);
        recorder.measure(start + MS * 10, start + MS * 20);
        for number in 0..30 {
            let at = start + MS * number;
            recorder.answered(0, at, at, at + MS);
        }
        for (every, measured) in [(30, 10), (0, 0)] {
            assert_eq!(recorder.take(|times| &mut times.every).len(), every);
            assert_eq!(recorder.take(|times| &mut times.latency).len(), measured);
        }
    }

    #[test]
    fn failures_are_counted_by_kind_with_the_text_of_the_first() {
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
