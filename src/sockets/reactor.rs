//! Which sockets of a shard are ready: one epoll instance for them all, and a
//! task that waits on it when no other task has anything to do.
//!
//! glommio can tell readiness too, at the price of a request per wait and of
//! about ten system calls per turn of its loop, two turns per keystroke
//! (`perf/README.md`). Here a turn is one epoll_wait(2), whatever became
//! ready. While sockets are busy the task blocks in it for [`LINGER`] at most;
//! whatever glommio's own ring has (a timer, a letter from another thread)
//! interrupts it or waits as long. A shard that is idle parks in glommio, which
//! then watches the epoll instance.

use super::line::Line;
use super::readiness::Readiness;
use futures_lite::future::or;
use rustix::event::Timespec;
use rustix::event::epoll::{self, CreateFlags, Event, EventData, EventFlags};
use rustix::io::Errno;
use slab::Slab;
use std::cell::{Cell, RefCell};
use std::future::Future;
use std::io;
use std::os::fd::{AsFd, OwnedFd};
use std::rc::Rc;
use std::task::{Poll, Waker};
use std::time::{Duration, Instant};

/// How long a shard waits for its sockets before it parks in glommio: longer
/// than an answer from nearby takes. Other threads' letters wait as long.
const LINGER: Timespec = Timespec {
    tv_sec: 0,
    tv_nsec: 1_000_000,
};

const NO_TIME: Timespec = Timespec {
    tv_sec: 0,
    tv_nsec: 0,
};

/// How far the beats are apart at which sockets are read that rest: what a flood
/// brings in that time is read at once. Small packets of it cost a wake-up each
/// otherwise.
const BEAT: Duration = Duration::from_micros(1000);

/// Most events taken at once.
const BATCH: usize = 256;

/// After this time sockets are looked at again, although tasks are still busy: a
/// key waits for no more than the round of tasks it comes in. A look costs about
/// a microsecond.
const BUSY_TIME: Duration = Duration::from_micros(200);

/// Pause when the shard cannot park for want of a descriptor.
const PARK_RETRY: Duration = Duration::from_millis(1);

/// Events reported for a socket. Urgent data changes what a short read means.
const EDGES: EventFlags = EventFlags::IN
    .union(EventFlags::PRI)
    .union(EventFlags::OUT)
    .union(EventFlags::RDHUP)
    .union(EventFlags::ET);

thread_local! {
    static REACTOR: RefCell<Option<Rc<Reactor>>> = const { RefCell::new(None) };
}

/// The sockets of one thread.
pub(super) struct Reactor {
    epoll: OwnedFd,
    sockets: RefCell<Slab<Rc<Readiness>>>,
    /// Those that rest, and the time of the beat that ends it.
    resting: RefCell<Vec<Rc<Readiness>>>,
    beat: Cell<Option<Instant>>,
    pub(super) line: Line,
    /// The reactor's own task, while it is parked.
    parked: RefCell<Option<Waker>>,
    /// Polls of all tasks made by [`spawn`].
    polls: Cell<u64>,
}

/// A socket's place in the reactor, given back by Drop. The descriptor must be
/// the only one of its socket and be closed right after: closing it takes it
/// out of the epoll instance.
pub(super) struct Registration {
    reactor: Rc<Reactor>,
    key: usize,
    readiness: Rc<Readiness>,
}

impl Registration {
    /// Enters `socket` with the reactor of this thread.
    ///
    /// # Errors
    /// If the thread has no reactor, or the kernel no room.
    pub(super) fn new(socket: impl AsFd) -> io::Result<Self> {
        let reactor = current().ok_or_else(|| io::Error::other("this thread has no reactor"))?;
        let readiness = Rc::new(Readiness::default());
        // Tried at once; a socket that does not connect yet says so.
        readiness.write.set_ready(true);
        let key = reactor.sockets.borrow_mut().insert(Rc::clone(&readiness));
        let registration = Self {
            reactor,
            key,
            readiness,
        };
        epoll::add(
            &registration.reactor.epoll,
            socket,
            EventData::new_u64(key as u64),
            EDGES,
        )?;
        Ok(registration)
    }

    pub(super) fn readiness(&self) -> &Readiness {
        &self.readiness
    }

    /// The socket is read at the next beat, whatever comes before; it may rest
    /// again then. `socket` is the one that was entered.
    pub(super) fn rest(&self, socket: impl AsFd) -> io::Result<()> {
        let (reactor, readiness) = (&self.reactor, &self.readiness);
        // A write that waits must be told of room.
        if readiness.ended.get() || readiness.write.waiting.get() {
            return Ok(());
        }
        if !readiness.resting.replace(true) {
            self.watch(socket, EventFlags::ET)?;
        }
        readiness.read.set_ready(false);
        if !readiness.waits_for_beat.replace(true) {
            reactor.resting.borrow_mut().push(Rc::clone(readiness));
        }
        if reactor.beat.get().is_none() {
            reactor.beat.set(Some(crate::clock::now() + BEAT));
            reactor.unpark();
        }
        Ok(())
    }

    /// After a call that would have blocked: the next edge is told, and what there
    /// is already where an edge may have passed unseen, at the end of a rest or at
    /// the mark of urgent data.
    pub(super) fn rearm(&self, socket: impl AsFd) -> io::Result<()> {
        if self.readiness.resting.replace(false) || self.readiness.urgent.get() {
            self.watch(socket, EDGES)?;
        }
        Ok(())
    }

    /// Of a socket with duplicates: closing it is not enough.
    pub(super) fn unwatch(&self, socket: impl AsFd) {
        if let Err(error) = epoll::delete(&self.reactor.epoll, socket) {
            tracing::debug!(%error, "a socket was not watched any more");
        }
    }

    fn watch(&self, socket: impl AsFd, flags: EventFlags) -> io::Result<()> {
        let data = EventData::new_u64(self.key as u64);
        Ok(epoll::modify(&self.reactor.epoll, socket, data, flags)?)
    }
}

impl Drop for Registration {
    fn drop(&mut self) {
        self.reactor.sockets.borrow_mut().try_remove(self.key);
    }
}

/// The reactor of this thread.
pub(super) fn current() -> Option<Rc<Reactor>> {
    REACTOR.with_borrow(Clone::clone)
}

/// Gives this thread, which must be one of glommio's, its reactor.
///
/// # Errors
/// If there are no descriptors left.
pub fn install() -> io::Result<()> {
    let reactor = Rc::new(Reactor {
        epoll: epoll::create(CreateFlags::CLOEXEC)?,
        sockets: RefCell::default(),
        resting: RefCell::default(),
        beat: Cell::new(None),
        line: Line::default(),
        parked: RefCell::default(),
        polls: Cell::new(0),
    });
    REACTOR.set(Some(Rc::clone(&reactor)));
    glommio::spawn_local(async move { reactor.drive().await }).detach();
    Ok(())
}

/// Runs `task` on this thread, in the knowledge of its reactor: the reactor
/// blocks only when no such task has anything to do.
pub fn spawn(task: impl Future<Output = ()> + 'static) {
    spawn_task(task).detach();
}

/// The same, of a task that can be cancelled.
pub fn spawn_task(task: impl Future<Output = ()> + 'static) -> glommio::Task<()> {
    let reactor = current();
    // Boxed at once: what is moved into an async block takes its room twice.
    let mut task = Box::pin(task);
    glommio::spawn_local(std::future::poll_fn(move |cx| {
        if let Some(reactor) = &reactor {
            reactor.polls.set(reactor.polls.get().wrapping_add(1));
        }
        task.as_mut().poll(cx)
    }))
}

/// A number that is another one in each poll of a task made by [`spawn`].
pub fn turn() -> u64 {
    REACTOR.with_borrow(|reactor| reactor.as_ref().map_or(0, |reactor| reactor.polls.get()))
}

impl Reactor {
    async fn drive(&self) {
        let mut events = Vec::with_capacity(BATCH);
        let mut handle = self.epoll.try_clone().ok();
        loop {
            let quiet = self.let_tasks_run().await;
            let timeout = if quiet { self.patience() } else { NO_TIME };
            let found = self.wait(&mut events, timeout);
            // After the others, in the same round.
            let called = self.line.call_next();
            if self.beat.get().is_some() {
                self.end_rest();
            } else if !called && found == Some(0) && quiet {
                self.park(&mut handle).await;
            }
        }
    }

    /// Whether no task has anything to do any more.
    async fn let_tasks_run(&self) -> bool {
        let until = crate::clock::now() + BUSY_TIME;
        loop {
            let before = self.polls.get();
            futures_lite::future::yield_now().await;
            if self.polls.get() == before {
                return true;
            }
            if crate::clock::now() >= until {
                return false;
            }
        }
    }

    /// How long a quiet shard waits.
    fn patience(&self) -> Timespec {
        if !self.line.is_empty() {
            return NO_TIME;
        }
        let Some(beat) = self.beat.get() else {
            return LINGER;
        };
        let left = beat.saturating_duration_since(crate::clock::now());
        Timespec::try_from(left).unwrap_or(NO_TIME)
    }

    /// At the beat, all that rest are read.
    fn end_rest(&self) {
        if self.beat.get().is_some_and(|at| at <= crate::clock::now()) {
            self.beat.set(None);
            for readiness in self.resting.take() {
                readiness.waits_for_beat.set(false);
                readiness.read.wake();
            }
        }
    }

    /// How many sockets had something; `None` if the wait was interrupted.
    fn wait(&self, events: &mut Vec<Event>, timeout: Timespec) -> Option<usize> {
        events.clear();
        let room = rustix::buffer::spare_capacity(events);
        match epoll::wait(&self.epoll, room, Some(&timeout)) {
            Ok(count) => {
                let sockets = self.sockets.borrow();
                for event in events.iter() {
                    let key = usize::try_from(event.data.u64());
                    if let Some(readiness) = key.ok().and_then(|key| sockets.get(key)) {
                        readiness.note(event.flags);
                    }
                }
                Some(count)
            }
            // By what glommio's ring has, for one.
            Err(Errno::INTR) => None,
            Err(error) => {
                tracing::error!(%error, "cannot wait for sockets");
                Some(0)
            }
        }
    }

    /// Until there is something to do that no socket tells of: a task that a
    /// timer woke may let its socket rest, or stand in line.
    async fn work(&self) -> io::Result<()> {
        std::future::poll_fn(|cx| {
            if self.beat.get().is_some() || !self.line.is_empty() {
                return Poll::Ready(Ok(()));
            }
            *self.parked.borrow_mut() = Some(cx.waker().clone());
            Poll::Pending
        })
        .await
    }

    /// To be called when there is.
    pub(super) fn unpark(&self) {
        let parked = self.parked.take();
        if let Some(parked) = parked {
            parked.wake();
        }
    }

    /// Leaves the waiting to glommio, until a socket has something. It takes
    /// `handle`, another descriptor of the epoll instance, and closes it; the
    /// next is made at once, so that the shard always holds as many.
    async fn park(&self, handle: &mut Option<OwnedFd>) {
        let parked = match handle.take().map_or_else(|| self.epoll.try_clone(), Ok) {
            Ok(epoll) => or(self.work(), super::wait_readable(epoll)).await,
            Err(error) => Err(error),
        };
        *handle = self.epoll.try_clone().ok();
        if let Err(error) = parked {
            tracing::debug!(%error, "cannot park on the sockets; trying again");
            glommio::timer::sleep(PARK_RETRY).await;
        }
    }
}
