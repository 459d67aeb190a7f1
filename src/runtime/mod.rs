//! The loop of a shard, and the only folder that names glommio, epoll or tokio on one.
//!
//! One thread, one loop. A tick waits in epoll_wait(2) for sockets, the next deadline or a wake-up
//! from another thread, fires timers, dispatches one bulk transfer, and polls the tasks that were
//! woken. The wait is the only blocking call: a keystroke costs one, and its echo another.
//!
//! glommio pins the thread, checks and holds what a shard needs of the kernel, and runs the loop as
//! its one task. While the shard serves, the task never returns to glommio's executor: a park and a
//! wake-up there cost ten to twelve system calls (`perf/README.md`).
//!
//! `tasks` polls, `timers` and `reactor` wake, `bulk` schedules bulk transfers, `stream` and
//! `listener` are sockets, `read_budget` bounds the work that one peer causes per poll, `thread`
//! starts a shard's thread, `tokio_clock` is what russh needs of tokio, `waker_slot` holds the
//! waker of a task that waits for no socket, `liveness` reports that the loop runs.

mod bulk;
mod delayed_ack;
mod listener;
mod liveness;
mod reactor;
mod read_budget;
mod readiness;
mod stream;
mod tasks;
#[cfg(test)]
pub(crate) mod tests;
mod thread;
mod timers;
mod tokio_clock;
mod waker_slot;

pub use bulk::BulkTicket;
pub use listener::Listener;
pub use read_budget::ReadBudget;
pub use stream::Stream;
pub use thread::{check_io_uring, spawn_thread};
pub use timers::{Sleep, sleep, timeout};
pub use tokio_clock::{ShortTimers, TokioClock, io as tokio_io};
pub use waker_slot::WakerSlot;

use bulk::BulkScheduler;
use liveness::Liveness;
use reactor::Reactor;
use std::cell::{Cell, RefCell};
use std::future::Future;
use std::io;
use std::rc::Rc;
use std::task::Poll;
use std::time::{Duration, Instant};
use tasks::{TaskKey, Tasks};
use timers::Timers;

/// After this time the sockets are polled again, although tasks are still busy: a keystroke waits
/// for no more than the round of tasks it comes in. A poll costs about a microsecond.
const BUSY_TIME: Duration = Duration::from_micros(200);

/// Polls between two clock checks.
const POLLS_PER_CLOCK_CHECK: u32 = 8;

/// A poll yields when its tick has taken this long.
const TICK_TIME: Duration = Duration::from_millis(2);

thread_local! {
    static CURRENT: RefCell<Option<Rc<Runtime>>> = const { RefCell::new(None) };
}

/// Sources of wake-ups of one shard's thread.
struct Runtime {
    reactor: Reactor,
    tasks: Tasks,
    timers: Timers,
    bulk: BulkScheduler,
    liveness: Liveness,
    /// Start of the present tick.
    tick: Cell<Instant>,
    /// More timers are due than the present tick has fired.
    late: Cell<bool>,
}

/// The runtime of this thread.
fn current() -> Option<Rc<Runtime>> {
    CURRENT
        .try_with(|current| current.borrow().clone())
        .ok()
        .flatten()
}

/// Runs `main` and every task that it spawns on this thread, which must be one of glommio's, until
/// `main` is done. Whatever is left then is dropped.
///
/// # Errors
/// If there are no descriptors left.
pub async fn run<F: Future + 'static>(main: F) -> io::Result<F::Output>
where
    F::Output: 'static,
{
    let tasks = Tasks::new()?;
    let runtime = Rc::new(Runtime {
        reactor: Reactor::new(tasks.remote_event())?,
        tasks,
        timers: Timers::default(),
        bulk: BulkScheduler::default(),
        liveness: Liveness::default(),
        tick: Cell::new(crate::clock::now()),
        late: Cell::new(false),
    });
    CURRENT.set(Some(Rc::clone(&runtime)));
    let output = Rc::new(RefCell::new(None));
    let result = Rc::clone(&output);
    spawn(async move {
        let done = main.await;
        *result.borrow_mut() = Some(done);
    });
    let output = std::future::poll_fn(|_| {
        loop {
            let idle = runtime.run_tasks();
            let done = output.borrow_mut().take();
            if let Some(done) = done {
                return Poll::Ready(done);
            }
            runtime.wait(idle);
        }
    })
    .await;
    runtime.tasks.clear();
    CURRENT.take();
    Ok(output)
}

impl Runtime {
    /// Begins the next tick: waits for an event, if `idle`, and queues the tasks that it wakes.
    fn wait(&self, idle: bool) {
        let timeout = if idle {
            self.wait_limit()
        } else {
            Some(Duration::ZERO)
        };
        if self.reactor.wait(timeout) {
            self.tasks.take_remote();
        }
        let now = crate::clock::now();
        self.tick.set(now);
        self.late.set(self.timers.fire(now));
        self.bulk.tick(now);
        self.liveness.tick(now);
    }

    /// Polls what was woken. Returns whether nothing is left.
    fn run_tasks(&self) -> bool {
        let mut polls = 0_u32;
        while self.tasks.poll_next() {
            polls += 1;
            if polls.is_multiple_of(POLLS_PER_CLOCK_CHECK) && self.tick_time() >= BUSY_TIME {
                return !self.tasks.has_ready();
            }
        }
        true
    }

    /// Time since the present tick began.
    fn tick_time(&self) -> Duration {
        crate::clock::now().saturating_duration_since(self.tick.get())
    }

    /// Time until something is due; None while nothing is.
    fn wait_limit(&self) -> Option<Duration> {
        if self.bulk.has_waiting() || self.late.get() {
            return Some(Duration::ZERO);
        }
        let deadlines = [self.timers.next(), self.bulk.next_deadline()];
        let first = deadlines.into_iter().flatten().min();
        let until = |at: Instant| at.saturating_duration_since(crate::clock::now());
        let waits = [first.map(until), self.liveness.longest_wait()];
        waits.into_iter().flatten().min()
    }
}

/// Task that ends when this is dropped.
pub struct Task {
    runtime: Rc<Runtime>,
    key: TaskKey,
}

impl Drop for Task {
    fn drop(&mut self) {
        self.runtime.tasks.cancel(self.key);
    }
}

/// Runs `task` on this shard. Does nothing on a thread without a shard's loop.
pub fn spawn(task: impl Future<Output = ()> + 'static) {
    if let Some(runtime) = current() {
        runtime.tasks.insert(Box::pin(task));
    }
}

/// Runs `task` on this shard for as long as the result lives. `None` on a thread without a shard's
/// loop.
pub fn spawn_scoped(task: impl Future<Output = ()> + 'static) -> Option<Task> {
    let runtime = current()?;
    let key = runtime.tasks.insert(Box::pin(task));
    Some(Task { runtime, key })
}

/// Has `report` called with the time whenever the loop of this thread has run, at least once a
/// second and at most ten times. Does nothing on a thread without a shard's loop.
pub fn on_heartbeat(report: impl Fn(Instant) + 'static) {
    if let Some(runtime) = current() {
        runtime.liveness.set_report(report);
    }
}

/// Returns a number that is another one in each poll of a task.
pub fn poll_number() -> u64 {
    current().map_or(0, |runtime| runtime.tasks.polls())
}

/// Returns whether the present tick has taken so long that a task with more work should yield.
pub fn should_yield() -> bool {
    current().is_some_and(|runtime| runtime.tick_time() >= TICK_TIME)
}
