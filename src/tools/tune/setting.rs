//! What is compared: numbers of shards and placements, and in which order they take turns.

use crate::config::Placement;
use std::fmt;

/// Every number up to this one is tried; beyond, in steps of a quarter, since what one shard more
/// of many brings is lost in the noise.
const EACH: usize = 8;

/// One way to run the bridge.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Setting {
    pub(super) shards: usize,
    pub(super) placement: Placement,
}

impl Setting {
    /// The line that runs the bridge so.
    pub(super) fn flags(self) -> String {
        let Self { shards, placement } = self;
        let placement = placement.as_str();
        format!("sshard serve --shards {shards} --placement {placement}")
    }
}

impl fmt::Display for Setting {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { shards, placement } = self;
        let s = if *shards == 1 { "" } else { "s" };
        write!(f, "{shards} shard{s}, {}", placement.as_str())
    }
}

/// All settings up to `max` shards, fewest first. With one shard there is nothing to place.
pub(super) fn all(max: usize, placements: &[Placement]) -> Vec<Setting> {
    let of = |shards: usize| {
        let count = if shards == 1 { 1 } else { placements.len() };
        let placements = placements.iter().take(count);
        placements.map(move |placement| Setting {
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

/// The turns of a round: forth in one, back in the next.
pub(super) fn turns(settings: usize, round: usize) -> Vec<usize> {
    let forth = 0..settings;
    if round.is_multiple_of(2) {
        forth.collect()
    } else {
        forth.rev().collect()
    }
}
