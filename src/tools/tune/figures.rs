//! What was measured of a setting: one [`Sample`] a round, and the [`Figures`] of all rounds.

use serde::Serialize;

/// One round of one setting.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub(super) struct Sample {
    pub(super) sessions_per_s: f64,
    pub(super) key_p50_ms: f64,
    pub(super) key_p99_ms: f64,
    pub(super) mib_per_s: f64,
    /// The bridge's processor time for one typing session, in each second.
    pub(super) cpu_ms_per_session_s: f64,
    /// How much of its shards' CPUs the bridge used, percent.
    pub(super) connect_busy_percent: f64,
    pub(super) bulk_busy_percent: f64,
}

/// One figure over the rounds.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub(super) struct Figure {
    pub(super) median: f64,
    /// The spread of the middle half of the rounds, relative to the median.
    pub(super) noise: f64,
    pub(super) rounds: Vec<f64>,
}

impl Figure {
    /// Of the rounds in their order.
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

/// Between the two nearest of those there are; 0 of none.
fn quantile(sorted: &[f64], part: f64) -> f64 {
    let at = part * sorted.len().saturating_sub(1) as f64;
    let below = sorted.get(at.floor() as usize).copied().unwrap_or(0.0);
    let above = sorted.get(at.ceil() as usize).copied().unwrap_or(below);
    below + (above - below) * at.fract()
}

/// Everything known of a setting.
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
    /// None without a round.
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
