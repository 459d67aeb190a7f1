//! Floods pass one at a time.
//!
//! A session that floods does a turn's worth of work whenever it may. Were ten of
//! them let at it together, a key of anyone else would wait for all ten, and so
//! would each task that its echo goes through. So they stand in line, and the
//! reactor lets one in per turn of its own: what came for others meanwhile runs
//! beside one flood, not behind all.

use super::reactor::{self, Reactor};
use std::cell::{Cell, RefCell};
use std::collections::VecDeque;
use std::rc::Rc;
use std::task::{Context, Poll, Waker};

/// The floods of a shard.
#[derive(Default)]
pub(super) struct Line {
    waiting: RefCell<VecDeque<Rc<Spot>>>,
    /// Who was in last. Alone, it need not wait.
    last: RefCell<Option<Rc<Spot>>>,
}

impl Line {
    pub(super) fn is_empty(&self) -> bool {
        self.waiting.borrow().is_empty()
    }

    /// Lets the next one in, if there is one.
    pub(super) fn call_next(&self) -> bool {
        // The borrow must be over: waking may run code that stands in line.
        let next = self.waiting.borrow_mut().pop_front();
        let Some(spot) = next else {
            return false;
        };
        spot.waits.set(false);
        spot.called.set(true);
        let waker = spot.waker.take();
        *self.last.borrow_mut() = Some(spot);
        if let Some(waker) = waker {
            waker.wake();
        }
        true
    }

    fn is_last(&self, spot: &Rc<Spot>) -> bool {
        let last = self.last.borrow();
        last.as_ref().is_some_and(|last| Rc::ptr_eq(last, spot))
    }
}

#[derive(Default)]
struct Spot {
    waits: Cell<bool>,
    called: Cell<bool>,
    waker: RefCell<Option<Waker>>,
    /// The turn it was called to.
    turn: Cell<Option<u64>>,
}

/// One session's place in the line of its shard.
pub struct Place {
    reactor: Rc<Reactor>,
    spot: Rc<Spot>,
}

impl Place {
    /// A place at the end, once it is asked for. `None` on a thread without a
    /// reactor, where nobody stands in line.
    pub fn new() -> Option<Self> {
        Some(Self {
            reactor: reactor::current()?,
            spot: Rc::default(),
        })
    }

    /// Whether it stands in line.
    pub fn waits(&self) -> bool {
        self.spot.waits.get()
    }

    /// Whether this flood may do some of its work in this turn of its task; if
    /// not, its task is woken when it may. `done`: it has had its share.
    pub fn poll_turn(&self, cx: &Context<'_>, done: bool) -> Poll<()> {
        let (line, spot) = (&self.reactor.line, &self.spot);
        let turn = reactor::turn();
        if spot.called.get() && !done {
            spot.called.set(false);
            spot.turn.set(Some(turn));
        }
        let alone = line.is_empty() && line.is_last(spot);
        if !done && (alone || spot.turn.get() == Some(turn)) {
            return Poll::Ready(());
        }
        if alone || spot.called.get() {
            cx.waker().wake_by_ref();
            return Poll::Pending;
        }
        *spot.waker.borrow_mut() = Some(cx.waker().clone());
        if !spot.waits.replace(true) {
            line.waiting.borrow_mut().push_back(Rc::clone(spot));
            self.reactor.unpark();
        }
        Poll::Pending
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let line = &self.reactor.line;
        if self.spot.waits.get() {
            let mut waiting = line.waiting.borrow_mut();
            waiting.retain(|spot| !Rc::ptr_eq(spot, &self.spot));
        }
        if line.is_last(&self.spot) {
            line.last.take();
        }
    }
}
