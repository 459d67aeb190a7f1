//! Measurements of a variant: one [`Sample`] per round, and the [`Figures`] of all rounds. Pure.

use serde::Serialize;

/// Measurements of a variant.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub(super) struct Measured<T> {
    pub(super) sessions_per_s: T,
    pub(super) key_p50_ms: T,
    pub(super) key_p99_ms: T,
    pub(super) mib_per_s: T,
    /// Processor time of the bridge per typing session and second.
    pub(super) cpu_ms_per_session_s: T,
    /// Part of its shards' CPUs that the bridge used, in percent.
    pub(super) connect_busy_percent: T,
    pub(super) bulk_busy_percent: T,
}

/// Those of one round.
pub(super) type Sample = Measured<f64>;
/// Those of all rounds.
pub(super) type Figures = Measured<Figure>;

/// Median and spread of one measurement over the rounds.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub(super) struct Figure {
    pub(super) median: f64,
    /// Spread of the middle half of the rounds, relative to the median.
    pub(super) noise: f64,
    pub(super) rounds: Vec<f64>,
}

impl Figure {
    /// Values of the rounds in their order.
    pub(super) fn of(rounds: Vec<f64>) -> Self {
        let mut sorted = rounds.clone();
        sorted.sort_by(f64::total_cmp);
        let median = quantile(&sorted, 0.5);
        let spread = quantile(&sorted, 0.75) - quantile(&sorted, 0.25);
        let noise = if median > 0.0 { spread / median } else { 0.0 };
        Self {
            median,
            noise,
            rounds,
        }
    }
}

/// Returns a quantile, interpolated between the two nearest values; 0 of none.
fn quantile(sorted: &[f64], part: f64) -> f64 {
    let at = part * sorted.len().saturating_sub(1) as f64;
    let below = sorted.get(at.floor() as usize).copied().unwrap_or(0.0);
    let above = sorted.get(at.ceil() as usize).copied().unwrap_or(below);
    below + (above - below) * at.fract()
}

impl Figures {
    /// Returns the figures; None without a round.
    pub(super) fn of(samples: &[Sample]) -> Option<Self> {
        if samples.is_empty() {
            return None;
        }
        let figure = |of: fn(&Sample) -> f64| Figure::of(samples.iter().map(of).collect());
        Some(Self {
            sessions_per_s: figure(|sample| sample.sessions_per_s),
            key_p50_ms: figure(|sample| sample.key_p50_ms),
            key_p99_ms: figure(|sample| sample.key_p99_ms),
            mib_per_s: figure(|sample| sample.mib_per_s),
            cpu_ms_per_session_s: figure(|sample| sample.cpu_ms_per_session_s),
            connect_busy_percent: figure(|sample| sample.connect_busy_percent),
            bulk_busy_percent: figure(|sample| sample.bulk_busy_percent),
        })
    }
}
