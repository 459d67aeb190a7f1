//! Threads for look-ups, which block and can't be interrupted. One that hangs
//! costs its own thread and no more: when its caller has left, another thread
//! takes its place, up to a bound. `schedule` decides; this file has the
//! threads. All of them are made by one that was started before the shards
//! were pinned, so that none is bound to a shard's core.

mod schedule;

pub(super) use schedule::Bounds;

use super::resolver::ResolveError;
use async_channel::{Receiver, Sender};
use schedule::{Schedule, Ticket};
use std::future::Future;
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::mpsc::{self, RecvTimeoutError, SyncSender, sync_channel};
use std::sync::{Arc, Weak};
use std::thread;
use std::time::Duration;

/// How long a look-up that waits may go without a look at who has left.
const LOOK: Duration = Duration::from_millis(20);

/// What a look-up brings.
pub(super) type Answer = Result<Vec<SocketAddr>, ResolveError>;

/// Who waits for an answer.
#[derive(Debug, Clone)]
struct Caller(Sender<Answer>);

impl Caller {
    fn has_left(&self) -> bool {
        self.0.is_closed()
    }

    /// Whoever left does not hear it.
    fn tell(&self, answer: Answer) {
        let _ = self.0.try_send(answer);
    }
}

struct Task {
    job: Box<dyn FnOnce() -> Answer + Send>,
    caller: Caller,
}

enum Event {
    Submitted(IpAddr, Task),
    Finished(Ticket),
    /// The last handle is gone.
    Closed,
}

/// For a thread that looks names up.
enum Order {
    Run(Ticket, Task),
    End,
}

/// Handle to the threads, which end with the last one.
#[derive(Debug, Clone)]
pub(super) struct Pool {
    door: Arc<Door>,
}

#[derive(Debug)]
struct Door {
    events: SyncSender<Event>,
}

impl Drop for Door {
    fn drop(&mut self) {
        // Full only while the dispatcher is at work; it then sees by itself
        // that nobody is left.
        let _ = self.events.try_send(Event::Closed);
    }
}

impl Pool {
    /// Starts the threads, and the one that starts more while some hang.
    ///
    /// # Errors
    /// The system's.
    pub(super) fn start(bounds: Bounds, queue: usize) -> io::Result<Self> {
        let (events, heard) = sync_channel(queue.max(1));
        let door = Arc::new(Door { events });
        let (orders, taken) = async_channel::bounded(queue.max(1));
        let mut dispatcher = Dispatcher {
            schedule: Schedule::new(bounds),
            door: Arc::downgrade(&door),
            orders,
            taken,
            idle: 0,
            alive: 0,
        };
        let events = door.events.clone();
        for _ in 0..dispatcher.schedule.threads() {
            dispatcher.hire(&events)?;
        }
        thread::Builder::new()
            .name("sshard-lookups".to_owned())
            .spawn(move || dispatcher.run(&heard, &events))?;
        Ok(Self { door })
    }

    /// Runs `job` for `client` when its turn comes. Dropping the future gives
    /// the job up.
    pub(super) fn run<F: FnOnce() -> Answer + Send + 'static>(
        &self,
        client: IpAddr,
        job: F,
    ) -> impl Future<Output = Answer> + Send + use<F> {
        let (reply, answer) = async_channel::bounded(1);
        let task = Task {
            job: Box::new(job),
            caller: Caller(reply),
        };
        let submitted = self
            .door
            .events
            .try_send(Event::Submitted(client, task))
            .map_err(|_| ResolveError::QueueFull);
        async move {
            submitted?;
            // Closed without a word only while the process ends.
            answer.recv().await.unwrap_or(Err(ResolveError::Temporary))
        }
    }
}

struct Dispatcher {
    schedule: Schedule,
    door: Weak<Door>,
    orders: Sender<Order>,
    taken: Receiver<Order>,
    /// Threads that wait for an order.
    idle: usize,
    alive: usize,
}

impl Dispatcher {
    fn run(mut self, heard: &mpsc::Receiver<Event>, events: &SyncSender<Event>) {
        while self.door.strong_count() > 0 {
            let event = if self.schedule.is_waiting() {
                heard.recv_timeout(LOOK)
            } else {
                heard.recv().map_err(|_| RecvTimeoutError::Disconnected)
            };
            match event {
                Ok(Event::Submitted(client, task)) => {
                    if let Err(task) = self.schedule.push(client, task) {
                        task.caller.tell(Err(ResolveError::QueueFull));
                    }
                }
                Ok(Event::Finished(ticket)) => {
                    self.schedule.finish(ticket);
                    self.idle += 1;
                }
                Err(RecvTimeoutError::Timeout) => {}
                Ok(Event::Closed) | Err(RecvTimeoutError::Disconnected) => break,
            }
            self.schedule.give_up_left();
            while let Some((ticket, task)) = self.schedule.next() {
                self.start(ticket, task, events);
            }
            while self.idle > 0 && self.alive > self.schedule.threads() {
                self.order(Order::End);
                self.alive -= 1;
            }
        }
    }

    fn start(&mut self, ticket: Ticket, task: Task, events: &SyncSender<Event>) {
        if self.idle == 0
            && let Err(error) = self.hire(events)
        {
            tracing::error!(%error, "no thread for a look-up");
            self.schedule.finish(ticket);
            return task.caller.tell(Err(ResolveError::Temporary));
        }
        self.order(Order::Run(ticket, task));
    }

    /// For a thread that is idle, so there is room for it.
    fn order(&mut self, order: Order) {
        self.idle -= 1;
        let _ = self.orders.try_send(order);
    }

    fn hire(&mut self, events: &SyncSender<Event>) -> io::Result<()> {
        let (taken, events) = (self.taken.clone(), events.clone());
        thread::Builder::new()
            .name("sshard-lookup".to_owned())
            .spawn(move || look_up(&taken, &events))?;
        self.idle += 1;
        self.alive += 1;
        Ok(())
    }
}

fn look_up(taken: &Receiver<Order>, events: &SyncSender<Event>) {
    while let Ok(Order::Run(ticket, Task { job, caller })) = taken.recv_blocking() {
        // Nothing of a job that panicked is looked at afterwards.
        let answer = catch_unwind(AssertUnwindSafe(job));
        caller.tell(answer.unwrap_or(Err(ResolveError::Temporary)));
        if events.send(Event::Finished(ticket)).is_err() {
            return;
        }
    }
}

#[cfg(test)]
mod tests;
