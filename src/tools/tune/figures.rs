//! Measurements of a setting: one [`Sample`] per round, and the [`Figures`] of all rounds. Pure.

use serde::Serialize;

/// Measurements of one round of one setting.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub(super) struct Sample {
    pub(super) sessions_per_s: f64,
    pub(super) key_p50_ms: f64,
    pub(super) key_p99_ms: f64,
    pub(super) mib_per_s: f64,
    /// Processor time of the bridge per typing session and second.
    pub(super) cpu_ms_per_session_s: f64,
    /// Part of its shards' CPUs that the bridge used, in percent.
    pub(super) connect_busy_percent: f64,
    pub(super) bulk_busy_percent: f64,
}

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

/// Figures of a setting.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub(super) struct Figures {
    pub(super) sessions_per_s: Figure,
    pub(super) key_p50_ms: Figure,
    pub(super) key_p99_ms: Figure,
    pub(super) mib_per_s: Figure,
    pub(super) cpu_ms_per_session_s: Figure,
    pub(super) connect_busy_percent: Figure,
    pub(super) bulk_busy_percent: Figure,
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
