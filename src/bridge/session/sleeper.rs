//! One timer of the shard for all of a session's deadlines.

use crate::runtime::Sleep;
use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::{Duration, Instant};

/// Deadlines further away than this have slack.
const FAR: Duration = Duration::from_secs(5);

/// Sleeps until the earliest deadline, for one task. A deadline that moved later
/// leaves the timer alone: it fires early once and is set again, which is cheaper
/// than moving it at every keystroke. So is not to poll it before its time, which
/// would enter it anew.
#[derive(Default)]
pub(super) struct Sleeper {
    armed: Option<Sleep>,
}

impl Sleeper {
    /// Ready if `deadline` is over; otherwise the task will be woken then.
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
        let is_far = deadline - now > FAR;
        if let Some(timer) = &mut self.armed
            && (timer.latest() <= deadline
                || (timer.deadline() <= deadline && is_far)
                || timer.deadline() == deadline)
        {
            if now < timer.deadline() {
                return Poll::Pending;
            }
            let fired = Pin::new(timer).poll(cx).map(drop);
            if fired.is_ready() {
                self.armed = None;
            }
            return fired;
        }
        let mut timer = Sleep::until(deadline);
        if is_far {
            timer = timer.with_slack();
        }
        let fired = Pin::new(&mut timer).poll(cx).map(drop);
        self.armed = fired.is_pending().then_some(timer);
        fired
    }
}
