//! Timers of a shard: two ordered tables for all, so that the loop knows the next deadline.
//!
//! A timer with slack fires with the first tick after its deadline, and the loop waits for none but
//! its latest time. So the pings of many idle sessions wake their shard together, and those of a
//! busy one leave one by one.
//!
//! No library: glommio's timers sit behind its own wait, and those of tokio and async-io behind
//! theirs.

use super::{Runtime, current};
use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;
use std::future::Future;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll, Waker};
use std::time::{Duration, Instant};

/// Most timers that fire between two polls of the sockets: a keystroke that comes meanwhile waits
/// for as many.
const PER_TICK: usize = 4;

/// Time by which a timer with slack may be late.
const SLACK: Duration = Duration::from_millis(100);

/// Deadline, and a number that makes the key unique.
type TimerKey = (Instant, u64);

type Table = RefCell<BTreeMap<TimerKey, Waker>>;

#[derive(Default)]
pub(super) struct Timers {
    exact: Table,
    slack: Table,
    numbers: Cell<u64>,
}

impl Timers {
    /// Returns the latest time until which the loop may sleep: the earliest deadline, slack
    /// included.
    pub(super) fn next(&self) -> Option<Instant> {
        let exact = first(&self.exact);
        let slack = first(&self.slack).map(|deadline| deadline + SLACK);
        exact.into_iter().chain(slack).min()
    }

    /// Wakes tasks that waited for a time up to `now`, at most [`PER_TICK`]; the others are due at
    /// the next tick. Returns whether there are others.
    pub(super) fn fire(&self, now: Instant) -> bool {
        let mut due = 0;
        for table in [&self.exact, &self.slack] {
            while first(table).is_some_and(|deadline| deadline <= now) {
                due += 1;
                if due > PER_TICK {
                    return true;
                }
                // The borrow must be over: waking may run code that sets a timer.
                let fired = table.borrow_mut().pop_first();
                if let Some((_, waker)) = fired {
                    waker.wake();
                }
            }
        }
        false
    }

    fn table(&self, has_slack: bool) -> &Table {
        if has_slack { &self.slack } else { &self.exact }
    }

    fn enter(&self, deadline: Instant, has_slack: bool, waker: Waker) -> TimerKey {
        let key = (deadline, self.numbers.get());
        self.numbers.set(key.1 + 1);
        self.table(has_slack).borrow_mut().insert(key, waker);
        key
    }

    fn leave(&self, has_slack: bool, key: TimerKey) {
        let waker = self.table(has_slack).borrow_mut().remove(&key);
        drop(waker);
    }
}

fn first(table: &Table) -> Option<Instant> {
    let table = table.borrow();
    table.first_key_value().map(|((deadline, _), _)| *deadline)
}

/// Waits for a time; not before it, and about a millisecond after it at most while the shard keeps
/// up.
pub struct Sleep {
    deadline: Instant,
    has_slack: bool,
    entered: Option<(Rc<Runtime>, TimerKey)>,
}

impl Sleep {
    /// Waits until `deadline`.
    pub fn until(deadline: Instant) -> Self {
        Self {
            deadline,
            has_slack: false,
            entered: None,
        }
    }

    /// The same, a tenth of a second late where that saves the shard a wake-up. To be called before
    /// the first poll.
    #[must_use]
    pub fn with_slack(mut self) -> Self {
        self.has_slack = true;
        self
    }

    /// The time it waits for.
    pub fn deadline(&self) -> Instant {
        self.deadline
    }

    /// Time by which it has ended, while the shard keeps up.
    pub fn latest(&self) -> Instant {
        if self.has_slack {
            self.deadline + SLACK
        } else {
            self.deadline
        }
    }

    fn leave(&mut self) {
        if let Some((runtime, key)) = self.entered.take() {
            runtime.timers.leave(self.has_slack, key);
        }
    }
}

/// Waits for `time` from now on.
pub fn sleep(time: Duration) -> Sleep {
    Sleep::until(crate::clock::now() + time)
}

/// Runs `future` for at most `limit`. `None` if it is not done by then; it is dropped in either
/// case.
pub async fn timeout<T>(limit: Duration, future: impl Future<Output = T>) -> Option<T> {
    let expired = async {
        sleep(limit).await;
        None
    };
    futures_lite::future::or(async { Some(future.await) }, expired).await
}

impl Future for Sleep {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        if self.deadline <= crate::clock::now() {
            self.leave();
            return Poll::Ready(());
        }
        if let Some((runtime, key)) = &self.entered
            && let Some(waker) = runtime
                .timers
                .table(self.has_slack)
                .borrow_mut()
                .get_mut(key)
        {
            waker.clone_from(cx.waker());
            return Poll::Pending;
        }
        match current() {
            Some(runtime) => {
                let waker = cx.waker().clone();
                let key = runtime.timers.enter(self.deadline, self.has_slack, waker);
                self.entered = Some((runtime, key));
            }
            // Without a shard's loop nothing else would wake the task.
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

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::Arc;
    use std::sync::atomic::{AtomicUsize, Ordering};
    use std::task::Wake;

    #[derive(Default)]
    struct Wakes(AtomicUsize);

    impl Wake for Wakes {
        fn wake(self: Arc<Self>) {
            self.0.fetch_add(1, Ordering::Relaxed);
        }
    }

    #[test]
    fn timers_that_are_due_together_fire_in_several_ticks() {
        let (timers, wakes) = (Timers::default(), Arc::new(Wakes::default()));
        let now = crate::clock::now();
        for has_slack in [true, false, true] {
            for _ in 0..PER_TICK {
                timers.enter(now, has_slack, Arc::clone(&wakes).into());
            }
        }
        timers.enter(now + SLACK, false, Arc::clone(&wakes).into());
        for ticks in 1..=3 {
            assert_eq!(timers.fire(now), ticks < 3);
            assert_eq!(wakes.0.load(Ordering::Relaxed), ticks * PER_TICK);
        }
        assert!(!timers.fire(now));
        assert_eq!(timers.next(), Some(now + SLACK));
    }

    #[test]
    fn a_timer_with_slack_fires_with_any_tick_and_is_waited_for_no_longer_than_the_slack() {
        let (timers, wakes) = (Timers::default(), Arc::new(Wakes::default()));
        let deadline = crate::clock::now() + SLACK;
        timers.enter(deadline, true, Arc::clone(&wakes).into());
        assert_eq!(timers.next(), Some(deadline + SLACK));
        timers.fire(deadline - Duration::from_nanos(1));
        assert_eq!(wakes.0.load(Ordering::Relaxed), 0);
        timers.fire(deadline);
        assert_eq!(wakes.0.load(Ordering::Relaxed), 1);
        assert_eq!(timers.next(), None);
    }
}
