//! Answers of `/healthz` and `/readyz`: 503 names the shard that does not run, or the reason why no
//! session is taken.

use super::AdminContext;
use crate::http::{Problem, Reply, probe_reply};

/// Answers `/healthz` by 200 while every shard's event loop runs, and `/readyz` while new sessions
/// are taken.
pub(super) fn answer(context: &AdminContext, path: &str) -> Result<Reply, Problem> {
    let process = &context.process;
    if path == "/healthz" {
        let now = crate::clock::now();
        let shards = process.counters.shards().enumerate();
        let stuck: Vec<String> = shards
            .filter(|(_, counters)| counters.is_stuck(now))
            .map(|(shard, counters)| {
                let age = counters.heartbeat_age(now).as_secs_f64();
                format!("shard {shard} has not run for {age:.1} s")
            })
            .collect();
        if !stuck.is_empty() {
            return Err(Problem::unavailable(stuck.join(", ")));
        }
    }
    probe_reply(path, process.lifecycle.health(&process.limits))
}
