//! Whether the process lives, and whether it takes sessions.

use super::Desk;
use super::routes::text_response;
use crate::http::{Problem, Reply};
use hyper::StatusCode;
use std::time::Duration;

/// A shard whose last beat is older does not serve its sessions. It beats
/// twice a second.
const STUCK: Duration = Duration::from_secs(2);

const PLAIN: &str = "text/plain; charset=utf-8";

/// Every shard's loop turns.
pub(super) fn alive(desk: &Desk) -> Result<Reply, Problem> {
    let now = crate::clock::now();
    let ages = desk
        .watched
        .counters
        .shards()
        .map(|shard| shard.beat_age(now));
    let stuck: Vec<String> = ages
        .enumerate()
        .filter(|(_, age)| *age >= STUCK)
        .map(|(shard, age)| format!("shard {shard} for {:.1} s", age.as_secs_f64()))
        .collect();
    if stuck.is_empty() {
        return Ok(text_response(StatusCode::OK, PLAIN, "alive\n".to_owned()));
    }
    Err(Problem::unavailable(format!(
        "does not run: {}",
        stuck.join(", ")
    )))
}

/// New sessions are welcome.
pub(super) fn ready(desk: &Desk) -> Result<Reply, Problem> {
    let watched = &desk.watched;
    let health = watched.lifecycle.health(&watched.limits);
    health
        .ready()
        .map(|text| text_response(StatusCode::OK, PLAIN, text.to_owned()))
}
