//! One glommio timer for all of a session's deadlines.

use glommio::timer::Timer;
use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Instant;

/// Sleeps until the earliest deadline. A deadline that moved later leaves the
/// timer alone: it fires early once and is set again, which is cheaper than
/// moving it at every keystroke.
#[derive(Default)]
pub(super) struct Sleeper {
    armed: Option<(Instant, Timer)>,
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
        if self.armed.as_ref().is_none_or(|(at, _)| *at > deadline) {
            let timer = Timer::new(deadline - now);
            self.armed = Some((deadline, timer));
        }
        let Some((_, timer)) = &mut self.armed else {
            return Poll::Pending;
        };
        if Pin::new(timer).poll(cx).is_ready() {
            self.armed = None;
            return Poll::Ready(());
        }
        Poll::Pending
    }
}
