//! A fixed number of plain OS threads for work that takes long but ends: the
//! key derivation of private keys. Started from the main thread before the
//! shards are pinned, so that they are not bound to a shard's core. Look-ups
//! of names, which may hang, have threads of their own (`targets::pool`).
//!
//! It knows no runtime (its futures work on any), sets no deadlines (a caller
//! that stops waiting drops the future) and cannot interrupt a job that runs.

use async_channel::{Receiver, Sender, TrySendError};
use std::future::Future;
use std::io;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::thread;
use thiserror::Error;

type Job = Box<dyn FnOnce() + Send>;

/// As many jobs wait as may; the caller should refuse or try later.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[error("the queue for blocking work is full")]
pub struct QueueFull;

/// The job panicked, so there is no result.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[error("the job panicked")]
pub struct JobLost;

/// Handle to the threads. They end, each after the job it is in, when the
/// last handle and the last queued job are gone.
#[derive(Debug, Clone)]
pub struct Workers {
    jobs: Sender<Job>,
}

impl Workers {
    /// Starts `threads` threads that share a queue of `queue_len` waiting jobs.
    ///
    /// # Errors
    /// `InvalidInput` if either number is zero; otherwise the system's reason
    /// for not starting a thread. Those already started then end.
    pub fn start(threads: usize, queue_len: usize) -> io::Result<Self> {
        if threads == 0 || queue_len == 0 {
            return Err(io::ErrorKind::InvalidInput.into());
        }
        let (jobs, queue) = async_channel::bounded(queue_len);
        for n in 0..threads {
            let queue = queue.clone();
            thread::Builder::new()
                .name(format!("sshard-worker-{n}"))
                .spawn(move || work(&queue))?;
        }
        Ok(Self { jobs })
    }

    /// Queues `job` and returns a future of its result. The job is queued
    /// whether or not the future is polled. If the future is dropped before
    /// the job starts, the job is skipped; until its turn comes it still
    /// takes a place in the queue.
    ///
    /// # Errors
    /// [`QueueFull`] at once; [`JobLost`] from the future if the job panicked.
    pub fn run<T, F>(
        &self,
        job: F,
    ) -> Result<impl Future<Output = Result<T, JobLost>> + Send + use<T, F>, QueueFull>
    where
        T: Send + 'static,
        F: FnOnce() -> T + Send + 'static,
    {
        let (reply, result) = async_channel::bounded(1);
        let job: Job = Box::new(move || {
            if !reply.is_closed() {
                // Fails only if the caller left meanwhile; nobody wants it then.
                let _ = reply.try_send(job());
            }
        });
        match self.jobs.try_send(job) {
            Ok(()) => Ok(async move { result.recv().await.map_err(|_| JobLost) }),
            Err(TrySendError::Full(_) | TrySendError::Closed(_)) => Err(QueueFull),
        }
    }
}

fn work(queue: &Receiver<Job>) {
    while let Ok(job) = queue.recv_blocking() {
        // A panic drops the job's end of the reply, which is how its caller
        // hears of it. Nothing of the job is looked at afterwards.
        let _ = catch_unwind(AssertUnwindSafe(job));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use futures_lite::future::block_on;
    use std::cell::RefCell;
    use std::sync::Arc;
    use std::sync::atomic::{AtomicBool, Ordering};

    /// Occupies one thread until the returned sender is dropped; returns once
    /// the job has started.
    fn occupy(workers: &Workers) -> (Sender<()>, impl Future<Output = Result<(), JobLost>>) {
        let (release, released) = async_channel::bounded::<()>(1);
        let (started, has_started) = async_channel::bounded(1);
        let job = workers
            .run(move || {
                started.send_blocking(()).unwrap();
                let _ = released.recv_blocking();
            })
            .unwrap();
        has_started.recv_blocking().unwrap();
        (release, job)
    }

    #[test]
    fn a_job_runs_on_a_named_thread_and_returns_its_result() {
        let workers = Workers::start(2, 4).unwrap();
        let name = workers.run(|| thread::current().name().map(str::to_owned));
        let name = block_on(name.unwrap()).unwrap().unwrap();
        assert!(name.starts_with("sshard-worker-"), "{name}");
    }

    #[test]
    fn zero_threads_or_places_are_refused() {
        for (threads, queue) in [(0, 1), (1, 0)] {
            let error = Workers::start(threads, queue).unwrap_err();
            assert_eq!(error.kind(), io::ErrorKind::InvalidInput);
        }
    }

    #[test]
    fn a_panic_costs_its_own_caller_only() {
        let workers = Workers::start(1, 4).unwrap();
        let lost = workers.run(|| -> u8 { panic!("planted") }).unwrap();
        let next = workers.run(|| 7).unwrap();
        assert_eq!(block_on(lost), Err(JobLost));
        assert_eq!(block_on(next), Ok(7));
    }

    #[test]
    fn the_queue_is_bounded() {
        let workers = Workers::start(1, 2).unwrap();
        let (release, first) = occupy(&workers);
        let second = workers.run(|| 2).unwrap();
        let third = workers.run(|| 3).unwrap();
        assert_eq!(workers.run(|| 4).err(), Some(QueueFull));
        drop(release);
        assert_eq!(block_on(first), Ok(()));
        assert_eq!(block_on(second), Ok(2));
        assert_eq!(block_on(third), Ok(3));
    }

    #[test]
    fn a_job_is_skipped_when_its_caller_left_before_it_started() {
        let workers = Workers::start(1, 4).unwrap();
        let (release, first) = occupy(&workers);
        let ran = Arc::new(AtomicBool::new(false));
        let witness = ran.clone();
        let abandoned = workers.run(move || witness.store(true, Ordering::SeqCst));
        drop(abandoned);
        // Runs after the abandoned one: there is one thread and one queue.
        let after = workers.run(|| ()).unwrap();
        drop(release);
        block_on(first).unwrap();
        block_on(after).unwrap();
        assert!(!ran.load(Ordering::SeqCst));
    }

    #[test]
    fn the_threads_end_with_the_last_handle() {
        thread_local! {
            static ALIVE: RefCell<Option<Sender<()>>> = const { RefCell::new(None) };
        }
        let workers = Workers::start(1, 1).unwrap();
        let (alive, ended) = async_channel::bounded::<()>(1);
        let set = workers.run(move || ALIVE.set(Some(alive))).unwrap();
        block_on(set).unwrap();
        assert!(!ended.is_closed());
        drop(workers);
        // The thread's end drops its locals, and with them the sender.
        assert!(ended.recv_blocking().is_err());
    }

    #[test]
    fn handles_cross_threads() {
        fn shared<T: Clone + Send + Sync + 'static>() {}
        shared::<Workers>();
    }
}
