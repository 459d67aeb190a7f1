//! Readiness of one socket in both directions, as epoll's edges and the results of calls leave it,
//! and the tasks that wait for it.

use rustix::event::epoll::EventFlags;
use std::cell::{Cell, RefCell};
use std::task::{Context, Poll, Waker};

/// One direction of a socket.
#[derive(Default)]
pub(super) struct Direction {
    ready: Cell<bool>,
    pub(super) waiting: Cell<bool>,
    waker: RefCell<Option<Waker>>,
}

impl Direction {
    /// Ready if a call may succeed; otherwise the task is woken when it may.
    pub(super) fn poll_ready(&self, cx: &Context<'_>) -> Poll<()> {
        if self.ready.get() {
            return Poll::Ready(());
        }
        self.waiting.set(true);
        let mut parked = self.waker.borrow_mut();
        parked
            .get_or_insert_with(|| cx.waker().clone())
            .clone_from(cx.waker());
        Poll::Pending
    }

    pub(super) fn set_ready(&self, ready: bool) {
        self.ready.set(ready);
    }

    pub(super) fn wake(&self) {
        self.ready.set(true);
        if self.waiting.replace(false)
            && let Some(waker) = self.waker.borrow().as_ref()
        {
            waker.wake_by_ref();
        }
    }
}

/// Readiness of a socket. Events are edges, so what one reported holds until a call returns EAGAIN.
#[derive(Default)]
pub(super) struct Readiness {
    pub(super) read: Direction,
    pub(super) write: Direction,
    /// The peer's direction is over, or the connection: no further edge comes.
    pub(super) ended: Cell<bool>,
    /// No edge is reported: the socket is read once per coalescing interval.
    pub(super) interest_cleared: Cell<bool>,
    /// Is read at the end of the coalescing interval.
    pub(super) coalescing: Cell<bool>,
    /// The peer has sent urgent data (RFC 6093). A receive stops short of its mark, whatever lies
    /// behind, and may report EAGAIN there: neither means that all was read. Stays set: no honest
    /// client sends any.
    pub(super) urgent: Cell<bool>,
}

impl Readiness {
    pub(super) fn note(&self, flags: EventFlags) {
        if flags.contains(EventFlags::PRI) {
            self.urgent.set(true);
        }
        let over = flags.intersects(EventFlags::RDHUP | EventFlags::HUP | EventFlags::ERR);
        if over {
            self.ended.set(true);
        }
        if over || flags.contains(EventFlags::IN) {
            self.read.wake();
        }
        if flags.intersects(EventFlags::OUT | EventFlags::HUP | EventFlags::ERR) {
            self.write.wake();
        }
    }

    /// A read brought less than it had room for: it took all there was (epoll(7)), except at the
    /// mark of urgent data. Of a socket that coalesces its reads the kernel reports nothing: it
    /// tries again.
    pub(super) fn note_short_read(&self) {
        if !self.ended.get() && !self.interest_cleared.get() && !self.urgent.get() {
            self.read.set_ready(false);
        }
    }
}
