//! russh's session loop on the shard's own loop.
//!
//! russh is written for tokio. Two ways to run it on another executor were tried: (a) a tokio current-thread runtime
//! pumped from a task after every touch, and (b) russh's session loop as a task of the shard, which needs only its one
//! spawn function replaced (crates/russh-util). (b) was chosen: one scheduler instead of two, wakers that work without
//! a pump, and no notify that can be forgotten (a forgotten pump costs seconds). What remains of tokio is a clock
//! (`runtime`).

use crate::runtime;
use futures_lite::FutureExt;
use std::panic::AssertUnwindSafe;
use tracing::Instrument;

/// Puts russh's session loops of this thread on this shard.
pub fn run_loops_here() {
    russh_util::runtime::set_thread_spawner(|task| {
        // It logs in the span of the session that starts it. One panicking session loop must not end the shard; its
        // dropped handler tells the session.
        let session = async move {
            if AssertUnwindSafe(task).catch_unwind().await.is_err() {
                tracing::error!("an SSH session loop panicked");
            }
        };
        runtime::spawn(session.in_current_span());
    });
}
