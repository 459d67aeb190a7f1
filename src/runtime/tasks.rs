//! Tasks of a shard: each is polled by the shard's loop when it was woken, in the order of the
//! wake-ups.
//!
//! A wake-up on the shard's own thread is an entry in a queue. One from another thread (a worker,
//! the resolver, the control thread) goes through a channel, and an eventfd that the reactor
//! watches interrupts its wait. A task is in either queue at most once, so both are bounded by the
//! number of tasks. A waker owns nothing of its task: it may be dropped anywhere, and outlive it.
//!
//! No library: those for one thread (async-executor's LocalExecutor, tokio's LocalSet) have a lock
//! or a wait of their own, and the wait is what the shard's loop must own.

use super::current;
use slab::Slab;
use std::cell::{Cell, RefCell};
use std::collections::VecDeque;
use std::future::Future;
use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::task::{Context, Poll, Wake, Waker};

/// Index in the slab, and a number no other task of the shard has: an index is used again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct TaskKey {
    index: usize,
    number: u64,
}

/// Wake-ups from other threads.
struct Remote {
    woken: Sender<TaskKey>,
    event: OwnedFd,
}

struct TaskWaker {
    key: TaskKey,
    /// Woken, and not polled since.
    queued: AtomicBool,
    remote: Arc<Remote>,
}

impl Wake for TaskWaker {
    fn wake(self: Arc<Self>) {
        self.wake_by_ref();
    }

    fn wake_by_ref(self: &Arc<Self>) {
        // Exchanged here and before each poll: what a thread did before it found the flag set, that
        // poll sees.
        if self.queued.swap(true, Ordering::AcqRel) {
            return;
        }
        let local = current().filter(|runtime| Arc::ptr_eq(&runtime.tasks.remote, &self.remote));
        match local {
            Some(runtime) => runtime.tasks.ready.borrow_mut().push_back(self.key),
            None => self.remote.wake(self.key),
        }
    }
}

impl Remote {
    fn wake(&self, key: TaskKey) {
        // Fails when the shard has ended.
        if self.woken.send(key).is_ok() {
            // Fails when 2^64 - 2 wake-ups wait; then it is readable.
            let _ = rustix::io::write(&self.event, &1_u64.to_ne_bytes());
        }
    }
}

struct Task {
    future: Pin<Box<dyn Future<Output = ()>>>,
    state: Arc<TaskWaker>,
    waker: Waker,
}

struct Slot {
    number: u64,
    /// None while it is polled.
    task: Option<Task>,
}

/// Tasks of one shard, and the queues of those that were woken.
pub(super) struct Tasks {
    slots: RefCell<Slab<Slot>>,
    ready: RefCell<VecDeque<TaskKey>>,
    numbers: Cell<u64>,
    polls: Cell<u64>,
    remote: Arc<Remote>,
    woken: Receiver<TaskKey>,
}

impl Tasks {
    /// # Errors
    /// If there are no descriptors left.
    pub(super) fn new() -> io::Result<Self> {
        use rustix::event::{EventfdFlags, eventfd};
        let event = eventfd(0, EventfdFlags::NONBLOCK | EventfdFlags::CLOEXEC)?;
        #[expect(
            clippy::disallowed_methods,
            reason = "bounded: a task is in it at most once"
        )]
        let (sender, woken) = channel();
        Ok(Self {
            slots: RefCell::default(),
            ready: RefCell::default(),
            numbers: Cell::default(),
            polls: Cell::default(),
            remote: Arc::new(Remote {
                woken: sender,
                event,
            }),
            woken,
        })
    }

    /// Readable when another thread has woken a task.
    pub(super) fn remote_event(&self) -> BorrowedFd<'_> {
        self.remote.event.as_fd()
    }

    pub(super) fn has_ready(&self) -> bool {
        !self.ready.borrow().is_empty()
    }

    /// Polls of all tasks so far.
    pub(super) fn polls(&self) -> u64 {
        self.polls.get()
    }

    /// Inserts a task and queues its first poll.
    pub(super) fn insert(&self, future: Pin<Box<dyn Future<Output = ()>>>) -> TaskKey {
        let number = self.numbers.get();
        self.numbers.set(number + 1);
        let mut slots = self.slots.borrow_mut();
        let entry = slots.vacant_entry();
        let key = TaskKey {
            index: entry.key(),
            number,
        };
        let state = Arc::new(TaskWaker {
            key,
            queued: AtomicBool::new(true),
            remote: Arc::clone(&self.remote),
        });
        let waker = Waker::from(Arc::clone(&state));
        entry.insert(Slot {
            number,
            task: Some(Task {
                future,
                state,
                waker,
            }),
        });
        drop(slots);
        self.ready.borrow_mut().push_back(key);
        key
    }

    /// Takes the task out and drops it; one that is being polled is dropped after the poll.
    pub(super) fn cancel(&self, key: TaskKey) {
        drop(self.remove(key));
    }

    /// Drops all tasks, and those that their ends spawn.
    pub(super) fn clear(&self) {
        loop {
            let slots = self.slots.take();
            if slots.is_empty() {
                break;
            }
            drop(slots);
        }
        self.ready.take();
    }

    /// Polls the task that was woken first. False if there is none.
    pub(super) fn poll_next(&self) -> bool {
        // A statement of its own: the borrow must be over when the task runs.
        let next = self.ready.borrow_mut().pop_front();
        let Some(key) = next else {
            return false;
        };
        let Some(mut task) = self.take(key) else {
            return true;
        };
        task.state.queued.swap(false, Ordering::AcqRel);
        self.polls.set(self.polls.get().wrapping_add(1));
        let polled = task
            .future
            .as_mut()
            .poll(&mut Context::from_waker(&task.waker));
        match polled {
            Poll::Ready(()) => self.cancel(key),
            Poll::Pending => self.put_back(key, task),
        }
        true
    }

    /// Queues what other threads have woken.
    pub(super) fn take_remote(&self) {
        let mut count = [0; 8];
        // Before the queue is read: a later wake-up makes it readable again.
        let _ = rustix::io::read(&self.remote.event, &mut count);
        self.ready.borrow_mut().extend(self.woken.try_iter());
    }

    fn take(&self, key: TaskKey) -> Option<Task> {
        find(&mut self.slots.borrow_mut(), key)?.task.take()
    }

    /// A task that was cancelled meanwhile has no slot any more, and is dropped.
    fn put_back(&self, key: TaskKey, task: Task) {
        if let Some(slot) = find(&mut self.slots.borrow_mut(), key) {
            slot.task = Some(task);
        }
    }

    /// Returns the slot, so that the borrow is over when the task is dropped: its Drop may spawn
    /// and cancel.
    fn remove(&self, key: TaskKey) -> Option<Slot> {
        let mut slots = self.slots.borrow_mut();
        find(&mut slots, key)?;
        Some(slots.remove(key.index))
    }
}

fn find(slots: &mut Slab<Slot>, key: TaskKey) -> Option<&mut Slot> {
    let slot = slots.get_mut(key.index);
    slot.filter(|slot| slot.number == key.number)
}
