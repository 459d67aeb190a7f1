//! Figures that nobody measured, and what is made of them.

mod recommend;
mod report;
mod trial;

use super::figures::{Figures, Sample};
use super::variant::Variant;
use crate::config::Placement;

const fn balanced(shards: usize) -> Variant {
    let placement = Placement::Balanced;
    Variant { shards, placement }
}

const fn kernel(shards: usize) -> Variant {
    let placement = Placement::Kernel;
    Variant { shards, placement }
}

/// Three rounds around these, of so much noise each.
fn figures((sessions, mib, cpu): (f64, f64, f64), noise: f64) -> Figures {
    // The quarters lie half-way to the extremes.
    let round = |part: f64| Sample {
        sessions_per_s: sessions * part,
        key_p50_ms: 0.5 * part,
        key_p99_ms: 2.0 * part,
        mib_per_s: mib * part,
        cpu_ms_per_session_s: cpu * part,
        connect_busy_percent: 95.0,
        bulk_busy_percent: 60.0,
    };
    Figures::of(&[round(1.0 - noise), round(1.0), round(1.0 + noise)]).unwrap()
}
