//! Choice of the variant to run, from the measurements. Pure.
//!
//! The fewest shards that are within [`TOLERANCE`] of the best in every throughput. Two variants
//! are compared round by round, and the median of the ratios counts: what the machine did besides
//! falls on both alike in one round, and would not in the medians of all.

use super::figures::{Figure, Figures};
use super::variant::Variant;
use serde::Serialize;

/// Relative distance to the best that counts as the best.
pub(super) const TOLERANCE: f64 = 0.05;

/// A median of n rounds is believed to this many times (spread of their middle half) / sqrt(n): a
/// little more than the notches of a box plot (1.57; McGill, Tukey and Larsen 1978).
const DOUBT: f64 = 2.0;

/// Throughput: its name, and its field.
type Throughput = (&'static str, fn(&Figures) -> &Figure);

const THROUGHPUTS: [Throughput; 2] = [
    ("sessions/s", |figures| &figures.sessions_per_s),
    ("MiB/s", |figures| &figures.mib_per_s),
];

/// Distance of a variant to the best in one throughput.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub(super) struct Lag {
    pub(super) of: &'static str,
    /// Relative distance: 0 is the best itself.
    pub(super) behind: f64,
}

/// Variant without a failed session.
#[derive(Debug, Clone, Copy)]
pub(super) struct Candidate<'a> {
    pub(super) variant: Variant,
    pub(super) figures: &'a Figures,
}

/// Recommended variant.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Choice {
    pub(super) variant: Variant,
    /// True if its number of shards is near the best in every throughput; otherwise none is.
    pub(super) near: bool,
    /// Distances of every candidate, in their order.
    pub(super) lags: Vec<[Lag; THROUGHPUTS.len()]>,
}

/// Chooses; `candidates` are in the order in which they are preferred, fewest shards first. None
/// without any.
pub(super) fn choose(candidates: &[Candidate<'_>]) -> Option<Choice> {
    let lags: Vec<_> = candidates
        .iter()
        .map(|candidate| THROUGHPUTS.map(|throughput| lag(candidates, candidate, throughput)))
        .collect();
    // The number first, whatever the placement: placements may be too close to tell apart.
    let behind = |shards: usize| {
        let of = candidates.iter().zip(&lags);
        let of = of.filter(move |(candidate, _)| candidate.variant.shards == shards);
        let best = of.fold([f64::MAX; THROUGHPUTS.len()], |mut best, (_, lags)| {
            for (best, lag) in best.iter_mut().zip(lags) {
                *best = best.min(lag.behind);
            }
            best
        });
        best.into_iter().fold(f64::MIN, f64::max)
    };
    let numbers = || candidates.iter().map(|candidate| candidate.variant.shards);
    let near = numbers().find(|shards| behind(*shards) <= TOLERANCE);
    // The first of equals, hence the fewest.
    let shards = near.or_else(|| numbers().min_by(|a, b| behind(*a).total_cmp(&behind(*b))))?;
    let placements = candidates
        .iter()
        .filter(|candidate| candidate.variant.shards == shards);
    let chosen = placements.reduce(|kept, other| if is_better(other, kept) { other } else { kept });
    Some(Choice {
        variant: chosen?.variant,
        near: near.is_some(),
        lags,
    })
}

/// Returns whether `other` is clearly better in one figure, and behind in no throughput.
fn is_better(other: &Candidate<'_>, kept: &Candidate<'_>) -> bool {
    let pairs = THROUGHPUTS.map(|(_, of)| (of(kept.figures), of(other.figures)));
    let is_behind = |(kept, other): &(&Figure, &Figure)| shortfall(other, kept).0 > TOLERANCE;
    let takes_less = is_clear(
        &other.figures.cpu_ms_per_session_s,
        &kept.figures.cpu_ms_per_session_s,
    );
    let is_ahead = takes_less || pairs.iter().any(|(kept, other)| is_clear(kept, other));
    is_ahead && !pairs.iter().any(is_behind)
}

fn lag(candidates: &[Candidate<'_>], candidate: &Candidate<'_>, (of, figure): Throughput) -> Lag {
    let own = figure(candidate.figures);
    let all = candidates.iter().map(|other| figure(other.figures));
    // Itself is among them.
    let best = all
        .max_by(|a, b| a.median.total_cmp(&b.median))
        .unwrap_or(own);
    let behind = shortfall(own, best).0;
    Lag { of, behind }
}

/// Returns whether `less` is smaller than `more` by more than the tolerance and the doubt.
fn is_clear(less: &Figure, more: &Figure) -> bool {
    let (short, doubt) = shortfall(less, more);
    short > TOLERANCE + doubt
}

/// Returns the relative amount by which `one` is smaller than `other`, and the doubt in it.
fn shortfall(one: &Figure, other: &Figure) -> (f64, f64) {
    let rounds = one.rounds.iter().zip(&other.rounds);
    let ratios = rounds.filter(|(_, other)| **other > 0.0);
    let ratio = Figure::of(ratios.map(|(one, other)| one / other).collect());
    if ratio.rounds.is_empty() {
        return (0.0, 0.0);
    }
    let spread = ratio.noise * ratio.median;
    let doubt = DOUBT * spread / (ratio.rounds.len() as f64).sqrt();
    (1.0 - ratio.median, doubt)
}
