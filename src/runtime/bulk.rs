//! Scheduler of bulk transfers, called by the shard's loop once per tick, between epoll_wait and
//! the polls.
//!
//! A transfer is bulk while its peer sends much: a server's output (`ssh/bulk.rs`) or a client's
//! input (`read_budget.rs`). Its owner decides when it is bulk, takes a [`BulkTicket`] then, and
//! calls [`BulkTicket::poll_dispatch`] before each piece of work.
//!
//! Round robin: at most one waiting transfer is dispatched per tick, so that an interactive session
//! waits behind one and not behind all. A transfer that is alone is dispatched once, and goes on
//! until another waits.
//!
//! Read coalescing (network cards do the same: interrupt moderation): a socket with bulk output in
//! small packets is read once per [`COALESCING_INTERVAL`]. Without it each packet costs a wake-up.
//!
//! It moves no bytes and reads no socket.

use super::readiness::Readiness;
use super::{Runtime, WakerSlot, current};
use std::cell::{Cell, RefCell};
use std::collections::VecDeque;
use std::rc::Rc;
use std::task::{Context, Poll};
use std::time::{Duration, Instant};

/// Coalescing interval: the delay that coalescing may add to bulk output.
const COALESCING_INTERVAL: Duration = Duration::from_millis(1);

/// The bulk transfers of a shard.
#[derive(Default)]
pub(super) struct BulkScheduler {
    /// Tickets that wait for their dispatch, the longest wait first.
    waiting: RefCell<VecDeque<Rc<TicketState>>>,
    /// Ticket dispatched last. While none waits, its transfer goes on without a dispatch.
    last: RefCell<Option<Rc<TicketState>>>,
    /// Sockets that are read when the interval is over.
    coalescing: RefCell<Vec<Rc<Readiness>>>,
    /// End of the interval, common to these sockets; None while no socket coalesces.
    interval_end: Cell<Option<Instant>>,
}

impl BulkScheduler {
    /// Returns whether a transfer waits for the next tick. The loop does not sleep before it then.
    pub(super) fn has_waiting(&self) -> bool {
        !self.waiting.borrow().is_empty()
    }

    /// End of the coalescing interval; None while no socket coalesces.
    pub(super) fn next_deadline(&self) -> Option<Instant> {
        self.interval_end.get()
    }

    /// To be called once per tick of the loop.
    pub(super) fn tick(&self, now: Instant) {
        self.dispatch_next();
        if self.interval_end.get().is_some_and(|at| at <= now) {
            self.interval_end.set(None);
            for readiness in self.coalescing.take() {
                readiness.coalescing.set(false);
                readiness.read.wake();
            }
        }
    }

    /// Puts off reads of the socket to the end of the interval. The first socket starts it; one
    /// that is added later waits for what is left of it.
    pub(super) fn coalesce(&self, readiness: &Rc<Readiness>) {
        if !readiness.coalescing.replace(true) {
            self.coalescing.borrow_mut().push(Rc::clone(readiness));
        }
        if self.interval_end.get().is_none() {
            self.interval_end
                .set(Some(crate::clock::now() + COALESCING_INTERVAL));
        }
    }

    fn dispatch_next(&self) {
        // The borrow ends with this statement: a woken task may queue its ticket.
        let Some(ticket) = self.waiting.borrow_mut().pop_front() else {
            return;
        };
        ticket.waits.set(false);
        ticket.dispatched.set(true);
        self.last.replace(Some(Rc::clone(&ticket)));
        ticket.waker.wake();
    }

    fn is_last(&self, ticket: &Rc<TicketState>) -> bool {
        let last = self.last.borrow();
        last.as_ref().is_some_and(|last| Rc::ptr_eq(last, ticket))
    }
}

#[derive(Default)]
struct TicketState {
    /// It is in the queue.
    waits: Cell<bool>,
    /// It was dispatched, and no poll of its task has used that yet.
    dispatched: Cell<bool>,
    waker: WakerSlot,
    /// Number of the poll ([`Tasks::polls`](super::tasks::Tasks::polls)) that used the latest
    /// dispatch. It covers all work in that poll, however often futures in it are polled.
    dispatched_poll: Cell<Option<u64>>,
}

/// One transfer's ticket of the bulk scheduler.
pub struct BulkTicket {
    runtime: Rc<Runtime>,
    state: Rc<TicketState>,
}

impl BulkTicket {
    /// Takes a ticket. `None` on a thread without a shard's loop: nothing is scheduled there.
    pub fn new() -> Option<Self> {
        Some(Self {
            runtime: current()?,
            state: Rc::default(),
        })
    }

    /// Returns whether the transfer is in the queue for a dispatch.
    pub fn waits(&self) -> bool {
        self.state.waits.get()
    }

    /// Ready when the transfer may do some of its work in this poll of its task; otherwise the task
    /// is woken when it may. `share_spent`: its share of this poll is used up, so it is not Ready.
    pub fn poll_dispatch(&self, cx: &Context<'_>, share_spent: bool) -> Poll<()> {
        let (bulk, state) = (&self.runtime.bulk, &self.state);
        let poll = self.runtime.tasks.polls();
        if state.dispatched.get() && !share_spent {
            state.dispatched.set(false);
            state.dispatched_poll.set(Some(poll));
        }
        let alone = !bulk.has_waiting() && bulk.is_last(state);
        if !share_spent && (alone || state.dispatched_poll.get() == Some(poll)) {
            return Poll::Ready(());
        }
        // It is alone or has its next dispatch already: it goes on in the next poll of its task.
        if alone || state.dispatched.get() {
            cx.waker().wake_by_ref();
            return Poll::Pending;
        }
        state.waker.register(cx.waker());
        if !state.waits.replace(true) {
            bulk.waiting.borrow_mut().push_back(Rc::clone(state));
        }
        Poll::Pending
    }

    /// Gives up a dispatch that was not used, because the transfer cannot go on now: it would let
    /// the transfer work in a later tick, beside the one dispatched then.
    pub fn forgo(&self) {
        self.state.dispatched.set(false);
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
