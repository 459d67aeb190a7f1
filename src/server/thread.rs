//! The thread of a shard: pinned, its executor made and run on it, and its
//! end told to the control thread, however it comes.

#![expect(
    clippy::disallowed_types,
    reason = "the lock hands the work to one of several executors, before any of them serves"
)]

use crate::control::Event;
use glommio::{LocalExecutorBuilder, PoolPlacement};
use std::cell::Cell;
use std::future::Future;
use std::io;
use std::sync::mpsc::{RecvTimeoutError, SyncSender, sync_channel};
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;
use std::time::Duration;

/// Submission queue entries per executor; more than are in flight in a turn.
const RING_DEPTH: usize = 4096;

/// A busy shard's tasks are asked to yield this often; bounds how late timers
/// run, and letters from other threads are read. Each turn of glommio's loop
/// costs about ten microseconds.
const PREEMPT: Duration = Duration::from_millis(5);

/// How long an executor gets to run its first task. It takes a millisecond.
const START_TIMEOUT: Duration = Duration::from_secs(1);

/// Executors tried per shard.
const START_ATTEMPTS: usize = 5;

/// Tells the control thread when the shard's thread ends.
struct DeathWatch {
    shard: usize,
    events: SyncSender<Event>,
    disarmed: Cell<bool>,
}

impl Drop for DeathWatch {
    fn drop(&mut self) {
        if !self.disarmed.get() {
            // Waits for room: a death must be heard behind whatever else is told.
            // Fails only if the control thread is gone, and then nobody cares.
            let _ = self.events.send(Event::ShardEnded(self.shard));
        }
    }
}

/// Runs the future that `work` makes on an executor pinned to `cpu`, on a new
/// thread. When the thread ends, by itself or by a panic of any of the
/// executor's tasks, [`Event::ShardEnded`] says so.
///
/// A glommio 0.9 executor whose preempt timer fires before its first task has
/// run parks all the same, and nothing ever wakes it (its `run_task_queues`;
/// seen in 5 of 1,200 starts on busy CPUs). Such an executor is left alone,
/// and another one takes the work.
///
/// # Errors
/// If a thread cannot be made, or no executor starts. A failure to make the
/// executor is logged and ends the thread.
pub(super) fn spawn<F: Future<Output = ()>>(
    shard: usize,
    cpu: usize,
    events: SyncSender<Event>,
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
        let watch = DeathWatch {
            shard,
            events: events.clone(),
            disarmed: Cell::new(false),
        };
        let thread = std::thread::Builder::new()
            .name(format!("sshard-{shard}"))
            .spawn(move || run(cpu, &watch, first))?;
        match has_started.recv_timeout(START_TIMEOUT) {
            // Ended already: its watch has told so.
            Ok(()) | Err(RecvTimeoutError::Disconnected) => return Ok(thread),
            Err(RecvTimeoutError::Timeout) => {
                tracing::warn!(
                    shard,
                    "an executor lost its first wake-up; starting another"
                );
            }
        }
    }
    Err(io::Error::new(
        io::ErrorKind::TimedOut,
        "no executor ran its first task; are the CPUs overloaded?",
    ))
}

/// The thread. `watch` is on its own stack: a panic leaks the executor's
/// tasks, and what they hold with them.
fn run<F: Future<Output = ()>, W: FnOnce() -> F>(
    cpu: usize,
    watch: &DeathWatch,
    first: impl FnOnce() -> Option<W>,
) {
    let shard = watch.shard;
    let executor = LocalExecutorBuilder::new(glommio::Placement::Fixed(cpu))
        .io_memory(super::IO_MEMORY)
        .ring_depth(RING_DEPTH)
        .preempt_timer(PREEMPT)
        // By default its blocking pool would be pinned to the shard's core.
        .blocking_thread_pool_placement(PoolPlacement::Unbound(1))
        .make();
    match executor {
        Ok(executor) => executor.run(async {
            match first() {
                Some(work) => work().await,
                // Woke up late: another executor has the work.
                None => watch.disarmed.set(true),
            }
        }),
        Err(error) => tracing::error!(shard, %error, "a shard's executor could not start"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::control::events;
    use crate::server::cpus;

    const DEADLINE: Duration = Duration::from_secs(30);

    fn end_of<F: Future<Output = ()>>(
        work: impl FnOnce() -> F + Send + 'static,
    ) -> (Option<usize>, bool) {
        let (sender, receiver) = events();
        let cpu = cpus::choose(&crate::config::Server::default()).unwrap()[0];
        let thread = spawn(7, cpu, sender, work).unwrap();
        let shard = match receiver.recv_timeout(DEADLINE) {
            Ok(Event::ShardEnded(shard)) => Some(shard),
            _ => None,
        };
        (shard, thread.join().is_ok())
    }

    #[test]
    fn an_end_in_order_is_told() {
        let ended = end_of(|| async {});
        assert_eq!(ended, (Some(7), true));
    }

    #[test]
    fn a_panic_of_the_shard_itself_is_told() {
        let ended = end_of(|| async { panic!("on purpose") });
        assert_eq!(ended, (Some(7), false));
    }

    /// The shard's own future waits for mail then, with its waker in other
    /// hands: nothing ever drops it.
    #[test]
    fn a_panic_of_another_task_is_told() {
        let (_letters, mail) = async_channel::bounded::<()>(1);
        let ended = end_of(|| async move {
            glommio::spawn_local(async {
                glommio::timer::sleep(Duration::from_millis(1)).await;
                panic!("on purpose");
            })
            .detach();
            let _ = mail.recv().await;
        });
        assert_eq!(ended, (Some(7), false));
    }
}
