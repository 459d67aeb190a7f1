//! Readiness of a shard's sockets: one epoll instance for them all, edge-triggered.
//!
//! It waits when the loop calls it, no longer than the given timeout, and wakes the tasks whose
//! sockets became ready. It schedules nothing and knows no timer.

use super::readiness::Readiness;
use super::{Runtime, current};
use rustix::event::Timespec;
use rustix::event::epoll::{self, CreateFlags, Event, EventData, EventFlags};
use rustix::io::Errno;
use slab::Slab;
use std::cell::RefCell;
use std::io;
use std::os::fd::{AsFd, OwnedFd};
use std::rc::Rc;
use std::time::Duration;

/// Maximum number of events per wait.
const BATCH: usize = 256;

/// Events reported for a socket. Urgent data changes what a short read means.
const EDGES: EventFlags = EventFlags::IN
    .union(EventFlags::PRI)
    .union(EventFlags::OUT)
    .union(EventFlags::RDHUP)
    .union(EventFlags::ET);

/// Event data of the descriptor that other threads' wake-ups make readable.
const REMOTE: u64 = u64::MAX;

pub(super) struct Reactor {
    epoll: OwnedFd,
    sockets: RefCell<Slab<Rc<Readiness>>>,
    events: RefCell<Vec<Event>>,
}

impl Reactor {
    /// `remote` is readable when another thread has woken a task.
    ///
    /// # Errors
    /// If there are no descriptors left.
    pub(super) fn new(remote: impl AsFd) -> io::Result<Self> {
        let epoll = epoll::create(CreateFlags::CLOEXEC)?;
        epoll::add(&epoll, remote, EventData::new_u64(REMOTE), EventFlags::IN)?;
        Ok(Self {
            epoll,
            sockets: RefCell::default(),
            events: RefCell::new(Vec::with_capacity(BATCH)),
        })
    }

    /// Waits until something is ready, for `timeout` at most (None: without limit), and wakes the
    /// tasks concerned. Returns whether other threads have woken tasks.
    pub(super) fn wait(&self, timeout: Option<Duration>) -> bool {
        // A time above the kernel's range is as good as none.
        let timeout = timeout.and_then(|time| Timespec::try_from(time).ok());
        let mut events = self.events.borrow_mut();
        events.clear();
        let room = rustix::buffer::spare_capacity(&mut *events);
        match epoll::wait(&self.epoll, room, timeout.as_ref()) {
            Ok(_) | Err(Errno::INTR) => {}
            Err(error) => tracing::error!(%error, "cannot wait for sockets"),
        }
        let mut remote = false;
        for event in events.iter() {
            let data = event.data.u64();
            if data == REMOTE {
                remote = true;
            } else if let Some(readiness) = self.find(data) {
                readiness.note(event.flags);
            }
        }
        remote
    }

    fn find(&self, data: u64) -> Option<Rc<Readiness>> {
        let key = usize::try_from(data).ok()?;
        self.sockets.borrow().get(key).cloned()
    }
}

/// A socket's entry in the reactor, taken out by Drop. The descriptor must be the only one of its
/// socket and be closed right after: closing it takes it out of the epoll instance. Otherwise
/// [`SocketRegistration::deregister`] does.
pub(super) struct SocketRegistration {
    runtime: Rc<Runtime>,
    key: usize,
    readiness: Rc<Readiness>,
}

impl SocketRegistration {
    /// Registers `socket` with this thread's reactor.
    ///
    /// # Errors
    /// If the thread has none, or the kernel no room.
    pub(super) fn new(socket: impl AsFd) -> io::Result<Self> {
        let runtime = current().ok_or_else(|| io::Error::other("this thread has no reactor"))?;
        let readiness = Rc::new(Readiness::default());
        // The first write tries at once; on a socket that still connects it returns EAGAIN.
        readiness.write.set_ready(true);
        let reactor = &runtime.reactor;
        let key = reactor.sockets.borrow_mut().insert(Rc::clone(&readiness));
        let registration = Self {
            runtime,
            key,
            readiness,
        };
        let data = EventData::new_u64(key as u64);
        epoll::add(&registration.runtime.reactor.epoll, socket, data, EDGES)?;
        Ok(registration)
    }

    pub(super) fn readiness(&self) -> &Readiness {
        &self.readiness
    }

    /// The socket is read at the end of the coalescing interval, whatever comes before, and may be
    /// put off again then. `socket` is the one that was entered.
    pub(super) fn coalesce(&self, socket: impl AsFd) -> io::Result<()> {
        let readiness = &self.readiness;
        // A waiting write needs the edge that reports room.
        if readiness.ended.get() || readiness.write.waiting.get() {
            return Ok(());
        }
        if !readiness.interest_cleared.replace(true) {
            self.modify_interest(socket, EventFlags::ET)?;
        }
        readiness.read.set_ready(false);
        self.runtime.bulk.coalesce(readiness);
        Ok(())
    }

    /// After a call that would have blocked: the next edge is reported. Where an edge may have
    /// passed unseen, after coalescing or at the mark of urgent data, the present state is reported
    /// as well.
    pub(super) fn rearm(&self, socket: impl AsFd) -> io::Result<()> {
        if self.readiness.interest_cleared.replace(false) || self.readiness.urgent.get() {
            self.modify_interest(socket, EDGES)?;
        }
        Ok(())
    }

    /// Needed for a socket that has duplicates or moves to another thread: closing it is not
    /// enough.
    pub(super) fn deregister(&self, socket: impl AsFd) {
        if let Err(error) = epoll::delete(&self.runtime.reactor.epoll, socket) {
            tracing::debug!(%error, "a socket was no longer registered with epoll");
        }
    }

    fn modify_interest(&self, socket: impl AsFd, flags: EventFlags) -> io::Result<()> {
        let data = EventData::new_u64(self.key as u64);
        let epoll = &self.runtime.reactor.epoll;
        Ok(epoll::modify(epoll, socket, data, flags)?)
    }
}

impl Drop for SocketRegistration {
    fn drop(&mut self) {
        let mut sockets = self.runtime.reactor.sockets.borrow_mut();
        sockets.try_remove(self.key);
    }
}
