//! Timers of a shard: one ordered table for all, so that the loop knows the next deadline.
//!
//! No library: glommio's timers sit behind its own wait, and those of tokio and async-io behind theirs.

use super::{Runtime, current};
use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;
use std::future::Future;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll, Waker};
use std::time::{Duration, Instant};

/// Deadline, and a number that makes it the only one.
type TimerKey = (Instant, u64);

#[derive(Default)]
pub(super) struct Timers {
    waiting: RefCell<BTreeMap<TimerKey, Waker>>,
    numbers: Cell<u64>,
}

impl Timers {
    /// The earliest deadline.
    pub(super) fn next(&self) -> Option<Instant> {
        let waiting = self.waiting.borrow();
        waiting
            .first_key_value()
            .map(|((deadline, _), _)| *deadline)
    }

    /// Wakes whoever waited for a time up to `now`.
    pub(super) fn fire(&self, now: Instant) {
        while let Some(waker) = self.pop_due(now) {
            waker.wake();
        }
    }

    fn pop_due(&self, now: Instant) -> Option<Waker> {
        let mut waiting = self.waiting.borrow_mut();
        let first = waiting.first_entry()?;
        (first.key().0 <= now).then(|| first.remove())
    }

    fn enter(&self, deadline: Instant, waker: Waker) -> TimerKey {
        let key = (deadline, self.numbers.get());
        self.numbers.set(key.1 + 1);
        self.waiting.borrow_mut().insert(key, waker);
        key
    }

    fn leave(&self, key: TimerKey) {
        let waker = self.waiting.borrow_mut().remove(&key);
        drop(waker);
    }
}

/// Waits for a time; not before it, and about a millisecond after it at most while the shard keeps up.
pub struct Sleep {
    deadline: Instant,
    entered: Option<(Rc<Runtime>, TimerKey)>,
}

impl Sleep {
    /// Waits until `deadline`.
    pub fn until(deadline: Instant) -> Self {
        Self {
            deadline,
            entered: None,
        }
    }

    /// The time it waits for.
    pub fn deadline(&self) -> Instant {
        self.deadline
    }

    fn leave(&mut self) {
        if let Some((runtime, key)) = self.entered.take() {
            runtime.timers.leave(key);
        }
    }
}

/// Waits for `time` from now on.
pub fn sleep(time: Duration) -> Sleep {
    Sleep::until(crate::clock::now() + time)
}

impl Future for Sleep {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        if self.deadline <= crate::clock::now() {
            self.leave();
            return Poll::Ready(());
        }
        if let Some((runtime, key)) = &self.entered
            && let Some(waker) = runtime.timers.waiting.borrow_mut().get_mut(key)
        {
            waker.clone_from(cx.waker());
            return Poll::Pending;
        }
        match current() {
            Some(runtime) => {
                let key = runtime.timers.enter(self.deadline, cx.waker().clone());
                self.entered = Some((runtime, key));
            }
            // Without a shard's loop nobody else would wake the task.
            None => cx.waker().wake_by_ref(),
        }
        Poll::Pending
    }
}

impl Drop for Sleep {
    fn drop(&mut self) {
        self.leave();
    }
}
