//! One timer of the shard for all deadlines of a session.

use crate::runtime::Sleep;
use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::{Duration, Instant};

/// Deadlines further away than this have slack.
const SLACK_FROM: Duration = Duration::from_secs(5);

/// Sleep until the earliest deadline, for one task. If the deadline moves later, the timer stays:
/// it fires early once and is set again, which costs less than moving it at every keystroke. For
/// the same reason it is not polled before its time, which would register it again.
#[derive(Default)]
pub(super) struct Sleeper {
    sleep: Option<Sleep>,
}

impl Sleeper {
    /// Ready if `deadline` has passed; otherwise the task is woken then.
    pub(super) fn poll(
        &mut self,
        cx: &mut Context<'_>,
        deadline: Option<Instant>,
        now: Instant,
    ) -> Poll<()> {
        let Some(deadline) = deadline else {
            return Poll::Pending;
        };
        if deadline <= now {
            return Poll::Ready(());
        }
        let is_far = deadline - now > SLACK_FROM;
        let timer = match &mut self.sleep {
            Some(timer) if is_in_time(timer, deadline, is_far) => {
                if now < timer.deadline() {
                    return Poll::Pending;
                }
                timer
            }
            slot => {
                let timer = Sleep::until(deadline);
                slot.insert(if is_far { timer.with_slack() } else { timer })
            }
        };
        let fired = Pin::new(timer).poll(cx);
        if fired.is_ready() {
            self.sleep = None;
        }
        fired
    }
}

/// Returns whether `timer` serves for `deadline`. A near one must not wait for the slack of a timer
/// that was set for another deadline.
fn is_in_time(timer: &Sleep, deadline: Instant, is_far: bool) -> bool {
    let fires = if is_far {
        timer.deadline()
    } else {
        timer.latest()
    };
    fires <= deadline || timer.deadline() == deadline
}
