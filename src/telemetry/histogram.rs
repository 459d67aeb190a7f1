//! Histogram of durations, in buckets that one thread writes and any thread reads.

use super::single_writer::SingleWriterCounter;
use std::time::Duration;

/// Upper bounds of the buckets, in microseconds; one more bucket is for what is above.
const BOUNDS: [u64; 15] = [
    500, 1_000, 2_000, 5_000, 10_000, 20_000, 50_000, 100_000, 200_000, 500_000, 1_000_000,
    2_000_000, 5_000_000, 10_000_000, 30_000_000,
];

const BUCKETS: usize = BOUNDS.len() + 1;

/// Durations since the start of the process.
#[derive(Debug, Default)]
pub struct Histogram {
    buckets: [SingleWriterCounter; BUCKETS],
    /// Sum of all durations, in microseconds.
    sum: SingleWriterCounter,
}

/// Counts of a [`Histogram`] at one moment, or of several added up.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub struct HistogramCounts {
    /// Durations per bucket: above the bucket before, and not above [`HistogramCounts::bounds`].
    pub buckets: [u64; BUCKETS],
    /// Sum of all of them.
    pub sum: Duration,
}

impl Histogram {
    /// Counts a duration. Only its one writer may.
    pub fn record(&self, duration: Duration) {
        let micros = u64::try_from(duration.as_micros()).unwrap_or(u64::MAX);
        let bucket = BOUNDS.partition_point(|bound| *bound < micros);
        if let Some(bucket) = self.buckets.get(bucket) {
            self.sum.add(micros);
            bucket.add(1);
        }
    }

    /// Returns what was counted so far.
    pub fn read(&self) -> HistogramCounts {
        HistogramCounts {
            buckets: self.buckets.each_ref().map(SingleWriterCounter::get),
            sum: Duration::from_micros(self.sum.get()),
        }
    }
}

impl HistogramCounts {
    /// Upper bounds of the buckets but the last, which has none.
    pub fn bounds() -> impl Iterator<Item = Duration> {
        BOUNDS.into_iter().map(Duration::from_micros)
    }

    /// Adds those of another.
    pub fn add(&mut self, other: &Self) {
        for (bucket, more) in self.buckets.iter_mut().zip(other.buckets) {
            *bucket += more;
        }
        self.sum = self.sum.saturating_add(other.sum);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_duration_is_in_the_first_bucket_whose_bound_it_does_not_pass() {
        let histogram = Histogram::default();
        let of = Duration::from_micros;
        for (micros, bucket) in [
            (0, 0),
            (500, 0),
            (501, 1),
            (1_000, 1),
            (30_000_000, 14),
            (30_000_001, 15),
        ] {
            let before = histogram.read();
            histogram.record(of(micros));
            let after = histogram.read();
            let count = before.buckets[bucket] + 1;
            assert_eq!(after.buckets[bucket], count, "{micros}");
            assert_eq!(after.sum, before.sum + of(micros));
        }
        assert_eq!(histogram.read().buckets.iter().sum::<u64>(), 6);
        assert_eq!(HistogramCounts::bounds().count() + 1, BUCKETS);
    }

    #[test]
    fn several_add_up() {
        let (one, two) = (Histogram::default(), Histogram::default());
        one.record(Duration::from_millis(3));
        two.record(Duration::from_millis(4));
        two.record(Duration::from_secs(40));
        let mut sum = one.read();
        sum.add(&two.read());
        assert_eq!(sum.buckets.iter().sum::<u64>(), 3);
        assert_eq!((sum.buckets[3], sum.buckets[15]), (2, 1));
        assert_eq!(sum.sum, Duration::from_millis(40_007));
    }
}
