//! Scheduler of bulk transfers, hooked into the shard's loop once per tick.
//!
//! Round robin: at most one bulk transfer is dispatched per tick, so that an interactive session
//! waits behind one and not behind all. Read coalescing, as in interrupt moderation: a bulk socket
//! is read once per [`INTERVAL`] instead of once per packet; small packets cost a wake-up each
//! otherwise.
//!
//! It moves no bytes and reads no socket. A transfer calls [`BulkTicket::poll_dispatch`] before
//! each piece of its work.

use super::readiness::Readiness;
use super::{Runtime, current};
use std::cell::{Cell, RefCell};
use std::collections::VecDeque;
use std::rc::Rc;
use std::task::{Context, Poll, Waker};
use std::time::{Duration, Instant};

/// Coalescing interval.
const INTERVAL: Duration = Duration::from_micros(1000);

/// The bulk transfers of a shard.
#[derive(Default)]
pub(super) struct BulkScheduler {
    waiting: RefCell<VecDeque<Rc<TicketState>>>,
    /// Dispatched last. While no other waits, it need not, either.
    last: RefCell<Option<Rc<TicketState>>>,
    /// Sockets that are read when the interval is over.
    coalescing: RefCell<Vec<Rc<Readiness>>>,
    /// End of the interval; None while no socket coalesces.
    ends: Cell<Option<Instant>>,
}

impl BulkScheduler {
    /// Returns whether a transfer waits for the next tick.
    pub(super) fn has_waiting(&self) -> bool {
        !self.waiting.borrow().is_empty()
    }

    /// End of the coalescing interval; None while no socket coalesces.
    pub(super) fn next(&self) -> Option<Instant> {
        self.ends.get()
    }

    /// To be called once per tick of the loop.
    pub(super) fn tick(&self, now: Instant) {
        self.dispatch_next();
        if self.ends.get().is_some_and(|at| at <= now) {
            self.ends.set(None);
            for readiness in self.coalescing.take() {
                readiness.coalescing.set(false);
                readiness.read.wake();
            }
        }
    }

    /// The socket is read at the end of the interval.
    pub(super) fn coalesce(&self, readiness: &Rc<Readiness>) {
        if !readiness.coalescing.replace(true) {
            self.coalescing.borrow_mut().push(Rc::clone(readiness));
        }
        if self.ends.get().is_none() {
            self.ends.set(Some(crate::clock::now() + INTERVAL));
        }
    }

    fn dispatch_next(&self) {
        // The borrow must be over: waking may run code that queues.
        let next = self.waiting.borrow_mut().pop_front();
        let Some(ticket) = next else {
            return;
        };
        ticket.waits.set(false);
        ticket.dispatched.set(true);
        let waker = ticket.waker.take();
        *self.last.borrow_mut() = Some(ticket);
        if let Some(waker) = waker {
            waker.wake();
        }
    }

    fn is_last(&self, ticket: &Rc<TicketState>) -> bool {
        let last = self.last.borrow();
        last.as_ref().is_some_and(|last| Rc::ptr_eq(last, ticket))
    }
}

#[derive(Default)]
struct TicketState {
    waits: Cell<bool>,
    dispatched: Cell<bool>,
    waker: RefCell<Option<Waker>>,
    /// Number of the poll it was let into.
    poll: Cell<Option<u64>>,
}

/// One transfer's ticket of the bulk scheduler.
pub struct BulkTicket {
    runtime: Rc<Runtime>,
    state: Rc<TicketState>,
}

impl BulkTicket {
    /// Takes a ticket. `None` on a thread without a shard's loop, where no transfer waits.
    pub fn new() -> Option<Self> {
        Some(Self {
            runtime: current()?,
            state: Rc::default(),
        })
    }

    /// Returns whether the transfer waits to be let in.
    pub fn waits(&self) -> bool {
        self.state.waits.get()
    }

    /// Ready when the transfer may do some of its work in this poll of its task; otherwise the task
    /// is woken when it may. `done`: it has had its share.
    pub fn poll_dispatch(&self, cx: &Context<'_>, done: bool) -> Poll<()> {
        let (bulk, state) = (&self.runtime.bulk, &self.state);
        let poll = self.runtime.tasks.polls();
        if state.dispatched.get() && !done {
            state.dispatched.set(false);
            state.poll.set(Some(poll));
        }
        let alone = !bulk.has_waiting() && bulk.is_last(state);
        if !done && (alone || state.poll.get() == Some(poll)) {
            return Poll::Ready(());
        }
        if alone || state.dispatched.get() {
            cx.waker().wake_by_ref();
            return Poll::Pending;
        }
        *state.waker.borrow_mut() = Some(cx.waker().clone());
        if !state.waits.replace(true) {
            bulk.waiting.borrow_mut().push_back(Rc::clone(state));
        }
        Poll::Pending
    }
}

impl Drop for BulkTicket {
    fn drop(&mut self) {
        let bulk = &self.runtime.bulk;
        if self.state.waits.get() {
            let mut waiting = bulk.waiting.borrow_mut();
            waiting.retain(|state| !Rc::ptr_eq(state, &self.state));
        }
        if bulk.is_last(&self.state) {
            bulk.last.take();
        }
    }
}
