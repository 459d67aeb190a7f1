//! Histogram of durations, in cells that one thread writes and any thread reads.

use super::single_writer::SingleWriterCounter;
use std::time::Duration;

/// Upper bounds of the cells, in microseconds; one more cell is for what is above.
const BOUNDS: [u64; 15] = [
    500, 1_000, 2_000, 5_000, 10_000, 20_000, 50_000, 100_000, 200_000, 500_000, 1_000_000,
    2_000_000, 5_000_000, 10_000_000, 30_000_000,
];

const CELLS: usize = BOUNDS.len() + 1;

/// Durations since the start of the process.
#[derive(Debug, Default)]
pub struct Histogram {
    cells: [SingleWriterCounter; CELLS],
    /// Sum of all durations, in microseconds.
    sum: SingleWriterCounter,
}

/// Counts of a [`Histogram`] at one moment, or of several added up.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub struct HistogramCounts {
    /// Durations per cell: above the cell before, and not above [`HistogramCounts::bounds`].
    pub cells: [u64; CELLS],
    /// Sum of all of them.
    pub sum: Duration,
}

impl Histogram {
    /// Counts a duration. Only its one writer may.
    pub fn record(&self, duration: Duration) {
        let micros = u64::try_from(duration.as_micros()).unwrap_or(u64::MAX);
        let cell = BOUNDS.partition_point(|bound| *bound < micros);
        if let Some(cell) = self.cells.get(cell) {
            self.sum.add(micros);
            cell.add(1);
        }
    }

    /// Returns what was counted so far.
    pub fn read(&self) -> HistogramCounts {
        HistogramCounts {
            cells: self.cells.each_ref().map(SingleWriterCounter::get),
            sum: Duration::from_micros(self.sum.get()),
        }
    }
}

impl HistogramCounts {
    /// Upper bounds of the cells but the last, which has none.
    pub fn bounds() -> impl Iterator<Item = Duration> {
        BOUNDS.into_iter().map(Duration::from_micros)
    }

    /// Adds those of another.
    pub fn add(&mut self, other: &Self) {
        for (cell, more) in self.cells.iter_mut().zip(other.cells) {
            *cell += more;
        }
        self.sum = self.sum.saturating_add(other.sum);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_duration_is_in_the_first_cell_whose_bound_it_does_not_pass() {
        let histogram = Histogram::default();
        let of = Duration::from_micros;
        for (micros, cell) in [
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
            assert_eq!(after.cells[cell], before.cells[cell] + 1, "{micros}");
            assert_eq!(after.sum, before.sum + of(micros));
        }
        assert_eq!(histogram.read().cells.iter().sum::<u64>(), 6);
        assert_eq!(HistogramCounts::bounds().count() + 1, CELLS);
    }

    #[test]
    fn several_add_up() {
        let (one, two) = (Histogram::default(), Histogram::default());
        one.record(Duration::from_millis(3));
        two.record(Duration::from_millis(4));
        two.record(Duration::from_secs(40));
        let mut sum = one.read();
        sum.add(&two.read());
        assert_eq!(sum.cells.iter().sum::<u64>(), 3);
        assert_eq!((sum.cells[3], sum.cells[15]), (2, 1));
        assert_eq!(sum.sum, Duration::from_millis(40_007));
    }
}
