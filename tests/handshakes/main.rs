//! Connections before their HTTP request: the PROXY protocol, and how many may be there at once.
#![cfg(test)]

#[path = "../common/mod.rs"]
mod common;

mod bound;
mod proxy;
mod transfer;

use common::Admin;

/// The sum over the shards of a metric's series whose labels hold `label`.
fn metric(admin: &Admin, name: &str, label: &str) -> u64 {
    let metrics = admin.get("/metrics").body;
    let series = metrics.lines().filter_map(|line| {
        let (labels, value) = line
            .strip_prefix(name)?
            .strip_prefix('{')?
            .split_once("} ")?;
        labels
            .contains(label)
            .then(|| value.parse::<u64>().unwrap())
    });
    series.sum()
}

/// Connections that failed for this cause.
fn failed(admin: &Admin, cause: &str) -> u64 {
    let label = format!("cause=\"{cause}\"");
    metric(admin, "sshard_handshakes_failed_total", &label)
}
