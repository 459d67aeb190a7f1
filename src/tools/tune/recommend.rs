//! Which setting to run, from what was measured. Pure.
//!
//! The fewest shards that are near the best in every throughput. Near is within [`TOLERANCE`], or
//! within the noise of the two that are compared where that is larger, up to [`MOST_NOISE`]: a
//! difference the rounds do not agree on would be another one in the next run.

use super::figures::{Figure, Figures};
use super::setting::Setting;
use serde::Serialize;

/// How far behind the best is as good as the best.
pub(super) const TOLERANCE: f64 = 0.05;

/// Noise beyond this is no excuse: a round that went wrong would make any setting as good.
pub(super) const MOST_NOISE: f64 = 0.25;

/// A throughput: its name, and where it stands.
type Throughput = (&'static str, fn(&Figures) -> &Figure);

const THROUGHPUTS: [Throughput; 2] = [
    ("sessions/s", |figures| &figures.sessions_per_s),
    ("MiB/s", |figures| &figures.mib_per_s),
];

/// How far a setting is behind the best in one throughput.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub(super) struct Lag {
    pub(super) of: &'static str,
    /// A part of the best: 0 is the best itself.
    pub(super) behind: f64,
    /// As far as this it counts as the best.
    pub(super) allowed: f64,
}

impl Lag {
    /// Below 0 it is near enough.
    pub(super) fn excess(&self) -> f64 {
        self.behind - self.allowed
    }
}

/// A setting all of whose sessions went well.
#[derive(Debug, Clone, Copy)]
pub(super) struct Candidate<'a> {
    pub(super) setting: Setting,
    pub(super) figures: &'a Figures,
}

/// The setting to run.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Choice {
    pub(super) setting: Setting,
    /// Whether it is near the best in every throughput; otherwise no setting is.
    pub(super) near: bool,
    /// Of every candidate, in their order.
    pub(super) lags: Vec<Vec<Lag>>,
}

/// Chooses; `candidates` are in the order in which they are preferred, fewest shards first. None
/// without any.
pub(super) fn choose(candidates: &[Candidate<'_>]) -> Option<Choice> {
    let lags: Vec<Vec<Lag>> = candidates
        .iter()
        .map(|candidate| lags(candidates, candidate))
        .collect();
    let scored = || candidates.iter().zip(lags.iter().map(|lags| worst(lags)));
    let near = scored().find(|(_, excess)| *excess <= 0.0);
    // The first of equals, hence the fewest shards.
    let (first, _) = near.or_else(|| scored().min_by(|a, b| a.1.total_cmp(&b.1)))?;
    let chosen = match near {
        Some(_) => scored()
            .filter(|(other, excess)| {
                *excess <= 0.0 && other.setting.shards == first.setting.shards
            })
            .fold(first, |kept, (other, _)| thriftier(kept, other)),
        None => first,
    };
    Some(Choice {
        setting: chosen.setting,
        near: near.is_some(),
        lags,
    })
}

/// The one that costs clearly less while users type; otherwise the first.
fn thriftier<'a>(kept: &'a Candidate<'a>, other: &'a Candidate<'a>) -> &'a Candidate<'a> {
    let cost = |candidate: &Candidate<'a>| &candidate.figures.cpu_ms_per_session_s;
    let (mine, theirs) = (cost(kept), cost(other));
    let clearly = 1.0 - allowed(mine, theirs);
    if theirs.median < mine.median * clearly {
        other
    } else {
        kept
    }
}

fn lags(candidates: &[Candidate<'_>], candidate: &Candidate<'_>) -> Vec<Lag> {
    let lag = |(of, figure): &Throughput| {
        let own = figure(candidate.figures);
        let all = candidates.iter().map(|other| figure(other.figures));
        // Itself is among them.
        let best = all
            .max_by(|a, b| a.median.total_cmp(&b.median))
            .unwrap_or(own);
        let behind = if best.median > 0.0 {
            1.0 - own.median / best.median
        } else {
            0.0
        };
        Lag {
            of,
            behind,
            allowed: allowed(own, best),
        }
    };
    THROUGHPUTS.iter().map(lag).collect()
}

fn allowed(one: &Figure, other: &Figure) -> f64 {
    let noise = one.noise.max(other.noise).min(MOST_NOISE);
    noise.max(TOLERANCE)
}

fn worst(lags: &[Lag]) -> f64 {
    lags.iter().map(Lag::excess).fold(f64::MIN, f64::max)
}
