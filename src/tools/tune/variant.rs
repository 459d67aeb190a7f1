//! Variants to compare, numbers of shards and placements, and their order in each round.

use crate::config::Placement;
use crate::tools::text::counted;
use serde::{Serialize, Serializer};
use std::fmt;

/// Number of shards up to which every number is measured. Above, steps of a quarter: the effect of
/// one shard more is lost in the noise there.
const EACH: usize = 8;

/// Number of shards and placement of a bridge.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub(super) struct Variant {
    pub(super) shards: usize,
    #[serde(serialize_with = "as_word")]
    pub(super) placement: Placement,
}

fn as_word<S: Serializer>(placement: &Placement, to: S) -> Result<S::Ok, S::Error> {
    to.serialize_str(placement.as_str())
}

impl Variant {
    /// Returns the command line of such a bridge.
    pub(super) fn flags(self) -> String {
        let Self { shards, placement } = self;
        let placement = placement.as_str();
        format!("sshard serve --shards {shards} --placement {placement}")
    }
}

impl fmt::Display for Variant {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { shards, placement } = self;
        write!(
            f,
            "{}, {}",
            counted(*shards as u64, "shard"),
            placement.as_str()
        )
    }
}

/// Returns all variants up to `max` shards, fewest first. With one shard there is no placement.
pub(super) fn all(max: usize, placements: &[Placement]) -> Vec<Variant> {
    let of = |shards: usize| {
        let count = if shards == 1 { 1 } else { placements.len() };
        let placements = placements.iter().take(count);
        placements.map(move |placement| Variant {
            shards,
            placement: *placement,
        })
    };
    ladder(max).into_iter().flat_map(of).collect()
}

fn ladder(max: usize) -> Vec<usize> {
    let next = |count: &usize| {
        let step = if *count < EACH { 1 } else { *count / 4 };
        (*count < max).then(|| (*count + step).min(max))
    };
    std::iter::successors(Some(1), next).collect()
}

/// Returns the order of a round: forward in one, backward in the next.
pub(super) fn round_order(variants: usize, round: usize) -> Vec<usize> {
    let forth = 0..variants;
    if round.is_multiple_of(2) {
        forth.collect()
    } else {
        forth.rev().collect()
    }
}
