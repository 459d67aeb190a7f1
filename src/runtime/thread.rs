//! A shard's thread: pins it, runs a glommio executor on it, and reports its end, by return or
//! panic.

#![expect(
    clippy::disallowed_types,
    reason = "the lock hands the work to one of several executors, before any of them serves"
)]

use glommio::{LocalExecutorBuilder, Placement, PoolPlacement};
use std::cell::Cell;
use std::future::Future;
use std::io;
use std::sync::mpsc::{RecvTimeoutError, sync_channel};
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;
use std::time::Duration;

/// Submission queue entries of glommio's ring, which a shard's loop does not wait on.
const RING_DEPTH: usize = 128;

/// Memory that glommio registers per executor for its own file I/O, in bytes; there is none, so
/// this is its floor.
const IO_MEMORY: usize = 64 * 1024;

/// Time an executor gets to run its first task. It takes a millisecond.
const START_TIMEOUT: Duration = Duration::from_secs(1);

/// Executors tried per shard.
const START_ATTEMPTS: usize = 5;

/// Reports the end of a thread.
struct EndReport<E: Fn()> {
    on_end: E,
    disarmed: Cell<bool>,
}

impl<E: Fn()> Drop for EndReport<E> {
    fn drop(&mut self) {
        if !self.disarmed.get() {
            (self.on_end)();
        }
    }
}

/// Runs the future that `work` makes on an executor pinned to `cpu`, on a new thread of this
/// `name`. When the thread ends, by itself or by a panic of any of its tasks, it calls `on_end`.
///
/// A glommio 0.9 executor whose preempt timer fires before its first task has run parks all the
/// same, and nothing ever wakes it (its `run_task_queues`; seen in 5 of 1,200 starts on busy CPUs).
/// Such an executor is left alone, and another one takes the work.
///
/// # Errors
/// If a thread cannot be made, or no executor starts. A failure to make the executor is logged and
/// ends the thread.
pub fn spawn_thread<F: Future<Output = ()>>(
    name: &str,
    cpu: usize,
    on_end: impl Fn() + Clone + Send + 'static,
    work: impl FnOnce() -> F + Send + 'static,
) -> io::Result<JoinHandle<()>> {
    let work = Arc::new(Mutex::new(Some(work)));
    for _ in 0..START_ATTEMPTS {
        let (started, has_started) = sync_channel(1);
        let work = Arc::clone(&work);
        let first = move || {
            // The lock is held for the taking alone, so it is never poisoned.
            let taken = work.lock().ok().and_then(|mut work| work.take());
            let _ = started.try_send(());
            taken
        };
        let report = EndReport {
            on_end: on_end.clone(),
            disarmed: Cell::new(false),
        };
        let thread = std::thread::Builder::new()
            .name(name.to_owned())
            .spawn(move || run(cpu, &report, first))?;
        match has_started.recv_timeout(START_TIMEOUT) {
            // Ended already: that is reported.
            Ok(()) | Err(RecvTimeoutError::Disconnected) => return Ok(thread),
            Err(RecvTimeoutError::Timeout) => {
                tracing::warn!(
                    thread = name,
                    "glommio executor did not start (lost wake-up, glommio 0.9); starting another"
                );
            }
        }
    }
    Err(io::Error::new(
        io::ErrorKind::TimedOut,
        "no executor ran its first task; are the CPUs overloaded?",
    ))
}

/// Body of the thread. `report` is on its own stack: a panic leaks the tasks, and what they hold
/// with them.
fn run<F: Future<Output = ()>, W: FnOnce() -> F, E: Fn()>(
    cpu: usize,
    report: &EndReport<E>,
    first: impl FnOnce() -> Option<W>,
) {
    match builder(Placement::Fixed(cpu)).make() {
        Ok(executor) => executor.run(async {
            match first() {
                Some(work) => work().await,
                // Woke up late: another executor has the work.
                None => report.disarmed.set(true),
            }
        }),
        Err(error) => tracing::error!(cpu, %error, "a shard's executor could not start"),
    }
}

fn builder(placement: Placement) -> LocalExecutorBuilder {
    LocalExecutorBuilder::new(placement)
        .io_memory(IO_MEMORY)
        .ring_depth(RING_DEPTH)
        // By default its blocking pool would be pinned to the shard's core.
        .blocking_thread_pool_placement(PoolPlacement::Unbound(1))
}

/// Makes an executor, on a thread of its own so that nothing of it stays.
///
/// # Errors
/// The system's error text, if io_uring cannot be used.
pub fn check_io_uring() -> Result<(), String> {
    let attempt = std::thread::spawn(|| {
        let made = builder(Placement::Unbound).make();
        made.map(drop).map_err(|error| error.to_string())
    });
    let failed = |_| Err("setting up a ring failed".to_owned());
    attempt.join().unwrap_or_else(failed)
}

#[cfg(test)]
mod tests {
    use super::super::{run, sleep, spawn};
    use super::*;

    const DEADLINE: Duration = Duration::from_secs(30);

    /// Runs `work` on a shard. Returns whether its end was reported, and whether it was an orderly
    /// one.
    fn end_of<F: Future<Output = ()> + 'static>(
        work: impl FnOnce() -> F + Send + 'static,
    ) -> (bool, bool) {
        let (ended, has_ended) = sync_channel(1);
        let cpu = core_affinity::get_core_ids().unwrap()[0].id;
        let on_end = move || ended.send(()).unwrap();
        let thread = spawn_thread("shard", cpu, on_end, move || async move {
            run(work()).await.unwrap();
        });
        let reported = has_ended.recv_timeout(DEADLINE).is_ok();
        (reported, thread.unwrap().join().is_ok())
    }

    #[test]
    fn an_orderly_end_is_reported() {
        assert_eq!(end_of(|| async {}), (true, true));
    }

    #[test]
    fn a_panic_of_the_main_task_is_reported() {
        assert_eq!(end_of(|| async { panic!("on purpose") }), (true, false));
    }

    /// The main task waits for a message then, with its waker in other hands: nothing ever drops
    /// it.
    #[test]
    fn a_panic_of_another_task_is_reported() {
        let (_sender, messages) = async_channel::bounded::<()>(1);
        let ended = end_of(|| async move {
            spawn(async {
                sleep(Duration::from_millis(1)).await;
                panic!("on purpose");
            });
            let _ = messages.recv().await;
        });
        assert_eq!(ended, (true, false));
    }
}
