//! OS threads for work that would block a shard: private keys, signatures, look-ups of names.
//! Started before the shards are pinned, so that none is bound to a shard's core.
//!
//! Guarantees: jobs, threads and the queue are bounded, in all and per client (IPv4 address or IPv6
//! /64); clients are served round-robin (`schedule`); a panic of a job reaches its own caller
//! alone; a job whose caller has gone before it starts is not run.
//!
//! It knows no runtime (its futures work on any), sets no deadlines (a caller that gives up drops
//! the future) and cannot interrupt a job that runs. No library's pool schedules by client.

mod schedule;

pub use schedule::Bounds;

use crate::net::network_of;
use async_channel::{Receiver, Sender};
use schedule::{JobId, Schedule};
use std::future::Future;
use std::io;
use std::net::IpAddr;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{self, SyncSender, sync_channel};
use std::sync::{Arc, Weak};
use std::thread;
use thiserror::Error;

/// Events that may wait for the dispatcher, beside those that fill the queue.
const SUBMISSIONS: usize = 1024;

/// Reason why there is no result.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum WorkError {
    /// The queue is full, for all clients or for this one. Try again later.
    #[error("the queue for blocking work is full")]
    QueueFull,
    /// The job panicked, or no thread could be started for it.
    #[error("the job ended without a result")]
    Lost,
}

/// Action for a job that leaves the queue.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Dispatch {
    Run,
    /// Removed from the queue for another client's job.
    Evict,
}

/// Flag of a job whose caller no longer waits for the result.
#[derive(Debug, Clone, Default)]
struct Abandoned(Arc<AtomicBool>);

impl Abandoned {
    fn is_set(&self) -> bool {
        self.0.load(Ordering::Acquire)
    }
}

/// A job and its reply channel.
struct Job {
    run: Box<dyn FnOnce(Dispatch) + Send>,
    abandoned: Abandoned,
}

enum Event {
    Submitted(IpAddr, Job),
    Finished(JobId),
    /// A caller no longer waits, or the last handle is gone.
    Wake,
}

/// Command to a worker thread.
enum Command {
    Run(JobId, Job),
    End,
}

/// Handle of the threads. They end, each after its running job, when the last handle is gone.
#[derive(Debug, Clone)]
pub struct Workers {
    inner: Arc<Inner>,
}

#[derive(Debug)]
struct Inner {
    events: SyncSender<Event>,
}

impl Drop for Inner {
    fn drop(&mut self) {
        // Full only while events wait, and the dispatcher sees at each that nobody is left.
        let _ = self.events.try_send(Event::Wake);
    }
}

/// Guard of a caller's future; Drop before the result abandons the job.
struct AbandonGuard {
    abandoned: Abandoned,
    events: SyncSender<Event>,
    waits: bool,
}

impl AbandonGuard {
    fn disarm(mut self) {
        self.waits = false;
    }
}

impl Drop for AbandonGuard {
    fn drop(&mut self) {
        if self.waits {
            self.abandoned.0.store(true, Ordering::Release);
            // Full only while events wait, and the dispatcher looks for abandoned jobs after each
            // of them.
            let _ = self.events.try_send(Event::Wake);
        }
    }
}

impl Workers {
    /// Starts the threads, and one that dispatches jobs to them. They are named `sshard-{name}`.
    ///
    /// # Errors
    /// The system's reason for not starting a thread. Those already started then end.
    pub fn start(name: &'static str, bounds: Bounds) -> io::Result<Self> {
        // The schedule refuses jobs, and not this channel, unless the dispatcher has not run for as
        // many events.
        let (events, received) = sync_channel(bounds.queue + SUBMISSIONS);
        let inner = Arc::new(Inner { events });
        let (commands, received_commands) = async_channel::bounded(bounds.max_threads);
        let events = inner.events.clone();
        let mut dispatcher = Dispatcher {
            name,
            schedule: Schedule::new(bounds),
            handles: Arc::downgrade(&inner),
            commands,
            received_commands,
            idle: 0,
            alive: 0,
        };
        for _ in 0..dispatcher.schedule.threads() {
            dispatcher.spawn_worker(&events)?;
        }
        thread::Builder::new()
            .name(format!("sshard-{name}-queue"))
            .spawn(move || dispatcher.run(&received, &events))?;
        Ok(Self { inner })
    }

    /// Queues `job` for `client` and returns a future of its result. The job is queued whether or
    /// not the future is polled. Dropping the future abandons the job.
    ///
    /// # Errors
    /// From the future: [`WorkError::QueueFull`], at once or when other clients need the space, and
    /// [`WorkError::Lost`].
    pub fn run<T, F>(
        &self,
        client: IpAddr,
        job: F,
    ) -> impl Future<Output = Result<T, WorkError>> + Send + use<T, F>
    where
        T: Send + 'static,
        F: FnOnce() -> T + Send + 'static,
    {
        let (reply, result) = async_channel::bounded(1);
        let abandoned = Abandoned::default();
        let guard = AbandonGuard {
            abandoned: abandoned.clone(),
            events: self.inner.events.clone(),
            waits: true,
        };
        let run = move |dispatch| {
            let result = match dispatch {
                Dispatch::Run => Ok(job()),
                Dispatch::Evict => Err(WorkError::QueueFull),
            };
            // Fails only if the caller no longer waits.
            let _ = reply.try_send(result);
        };
        let job = Job {
            run: Box::new(run),
            abandoned,
        };
        let event = Event::Submitted(network_of(client), job);
        let submitted = self.inner.events.try_send(event);
        async move {
            let outcome = match submitted {
                Ok(()) => result.recv().await.unwrap_or(Err(WorkError::Lost)),
                Err(_) => Err(WorkError::QueueFull),
            };
            guard.disarm();
            outcome
        }
    }
}

struct Dispatcher {
    name: &'static str,
    schedule: Schedule,
    handles: Weak<Inner>,
    commands: Sender<Command>,
    received_commands: Receiver<Command>,
    /// Threads that wait for a command.
    idle: usize,
    alive: usize,
}

impl Dispatcher {
    fn run(mut self, received: &mpsc::Receiver<Event>, events: &SyncSender<Event>) {
        while let Ok(event) = received.recv() {
            if self.handles.strong_count() == 0 {
                return;
            }
            match event {
                Event::Submitted(client, job) => {
                    if let Some(evicted) = self.schedule.push(client, job) {
                        (evicted.run)(Dispatch::Evict);
                    }
                }
                Event::Finished(id) => {
                    self.schedule.finish(id);
                    self.idle += 1;
                }
                Event::Wake => {}
            }
            self.schedule.note_abandoned();
            while let Some((id, job)) = self.schedule.dispatch_next() {
                self.start(id, job, events);
            }
            while self.idle > 0 && self.alive > self.schedule.threads() {
                self.send(Command::End);
                self.alive -= 1;
            }
        }
    }

    fn start(&mut self, id: JobId, job: Job, events: &SyncSender<Event>) {
        if self.idle == 0
            && let Err(error) = self.spawn_worker(events)
        {
            let pool = self.name;
            tracing::error!(pool, %error, "a worker thread did not start; one job is lost");
            // Its caller sees that the job is dropped.
            return self.schedule.finish(id);
        }
        self.send(Command::Run(id, job));
    }

    /// Sends to a thread that is idle, so there is room in the channel.
    fn send(&mut self, command: Command) {
        self.idle -= 1;
        let _ = self.commands.try_send(command);
    }

    fn spawn_worker(&mut self, events: &SyncSender<Event>) -> io::Result<()> {
        let (commands, events) = (self.received_commands.clone(), events.clone());
        thread::Builder::new()
            .name(format!("sshard-{}", self.name))
            .spawn(move || work(&commands, &events))?;
        self.idle += 1;
        self.alive += 1;
        Ok(())
    }
}

fn work(commands: &Receiver<Command>, events: &SyncSender<Event>) {
    while let Ok(Command::Run(id, job)) = commands.recv_blocking() {
        // A panic drops the job's reply channel, which its caller sees. Nothing of the job is used
        // afterwards.
        let _ = catch_unwind(AssertUnwindSafe(|| (job.run)(Dispatch::Run)));
        if events.send(Event::Finished(id)).is_err() {
            return;
        }
    }
}

#[cfg(test)]
mod tests;
