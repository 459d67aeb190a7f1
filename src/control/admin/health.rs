//! Answers of `/healthz` and `/readyz`: 503 names the shard that does not run, or the reason why no
//! session is taken.

use super::AdminContext;
use super::response::text_response;
use crate::http::{Problem, Reply};
use hyper::StatusCode;

const PLAIN: &str = "text/plain; charset=utf-8";

/// Answers 200 while every shard's event loop runs.
pub(super) fn alive(context: &AdminContext) -> Result<Reply, Problem> {
    let now = crate::clock::now();
    let shards = context.process.counters.shards().enumerate();
    let stuck: Vec<String> = shards
        .filter(|(_, counters)| counters.is_stuck(now))
        .map(|(shard, counters)| {
            let age = counters.heartbeat_age(now).as_secs_f64();
            format!("shard {shard} has not run for {age:.1} s")
        })
        .collect();
    if stuck.is_empty() {
        return Ok(text_response(StatusCode::OK, PLAIN, "alive\n".to_owned()));
    }
    Err(Problem::unavailable(stuck.join(", ")))
}

/// Answers 200 while new sessions are taken.
pub(super) fn ready(context: &AdminContext) -> Result<Reply, Problem> {
    let process = &context.process;
    let health = process.lifecycle.health(&process.limits);
    health
        .ready()
        .map(|text| text_response(StatusCode::OK, PLAIN, text.to_owned()))
}
