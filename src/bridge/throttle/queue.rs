//! Logins under way at one target, and those that wait for them: clients in turn, each client's
//! first come first. No clock, no lock; every change may let waiting ones start, and whoever
//! makes it calls [`Queue::dispatch`].

use super::rates::{Load, Rates, Verdict};
use super::{Request, Word};
use crate::limits::ClientKey;
use async_channel::Sender;
use std::collections::{HashMap, VecDeque};
use std::time::Instant;

/// Logins that may wait at one target. Each is a session of the pool of those not logged in,
/// which is smaller as a rule.
const MAX_WAITING: usize = 16 * 1024;

/// Of those, one client's, in each of its lanes.
const MAX_LANE: usize = MAX_WAITING / 2;

pub(super) type Id = u64;

/// A client's waiting logins, those of recently authenticated users apart: these need not wait
/// behind what others try from the same address.
type Lane = (ClientKey, bool);

pub(super) struct Waiter {
    pub(super) id: Id,
    pub(super) request: Request,
    pub(super) words: Sender<Word>,
    pub(super) evict: Sender<()>,
    /// It was told when to ask again.
    pub(super) is_told: bool,
}

struct Running {
    id: Id,
    client: ClientKey,
    is_stranger: bool,
    /// Number of the user's unanswered question; the higher, the later.
    question: Option<u64>,
    is_evicted: bool,
    evict: Sender<()>,
}

#[derive(Default)]
pub(super) struct Queue {
    running: Vec<Running>,
    lanes: HashMap<Lane, VecDeque<Waiter>>,
    /// Lanes in which a login waits, each once; the first is next.
    ring: VecDeque<Lane>,
    waiting: usize,
    /// Successes since the last failure: of all, and of clients with a login here.
    successes: u32,
    client_successes: HashMap<ClientKey, u32>,
    questions: u64,
}

impl Queue {
    pub(super) fn is_empty(&self) -> bool {
        self.running.is_empty() && self.waiting == 0
    }

    /// Queues a login; `false` if as many wait as may.
    pub(super) fn push(&mut self, waiter: Waiter, is_recent: bool) -> bool {
        let key = (waiter.request.client, is_recent);
        let lane = self.lanes.entry(key).or_default();
        if self.waiting >= MAX_WAITING || lane.len() >= MAX_LANE {
            return false;
        }
        if lane.is_empty() {
            self.ring.push_back(key);
        }
        lane.push_back(waiter);
        self.waiting += 1;
        true
    }

    /// Starts what may start, and refuses what may not, in turn.
    pub(super) fn dispatch(&mut self, rates: &Rates, now: Instant) {
        let mut unseen = self.ring.len();
        while unseen > 0
            && let Some(key) = self.ring.pop_front()
        {
            unseen -= 1;
            let progressed = self.dispatch_lane(key, rates, now);
            if self.lanes.get(&key).is_some_and(|lane| !lane.is_empty()) {
                self.ring.push_back(key);
            } else {
                self.lanes.remove(&key);
            }
            if progressed {
                unseen = self.ring.len();
            }
        }
    }

    /// Decides on the lane's first login. Returns whether it has left the queue.
    fn dispatch_lane(&mut self, key: Lane, rates: &Rates, now: Instant) -> bool {
        let load = self.load(key.0);
        let unasked = self.running.iter().filter(|r| r.question.is_none()).count();
        let Some(lane) = self.lanes.get_mut(&key) else {
            return false;
        };
        let Some(first) = lane.front_mut() else {
            return false;
        };
        let verdict = rates.decide(&first.request, &load, now);
        match verdict {
            Verdict::Start { .. } if unasked >= first.request.places => return false,
            Verdict::Wait => return false,
            Verdict::RetryIn(wait) => {
                if !std::mem::replace(&mut first.is_told, true) {
                    let _ = first.words.force_send(Word::RetryIn(wait));
                }
                return false;
            }
            Verdict::Start { .. } | Verdict::Refuse(_) => {}
        }
        let Some(waiter) = lane.pop_front() else {
            return false;
        };
        self.waiting -= 1;
        let is_stranger = match verdict {
            Verdict::Refuse(wait) => {
                let _ = waiter.words.force_send(Word::Throttled(wait));
                return true;
            }
            Verdict::Start { stranger } => stranger,
            Verdict::Wait | Verdict::RetryIn(_) => return true,
        };
        // Its caller may be about to leave, and then gives the place back like any other.
        let _ = waiter.words.force_send(Word::Start);
        self.running.push(Running {
            id: waiter.id,
            client: key.0,
            is_stranger,
            question: None,
            is_evicted: false,
            evict: waiter.evict,
        });
        true
    }

    fn load(&self, client: ClientKey) -> Load {
        let mut load = Load {
            successes: self.successes,
            client_successes: self.client_successes.get(&client).copied().unwrap_or(0),
            ..Load::default()
        };
        for running in &self.running {
            let own = u32::from(running.client == client);
            if running.is_stranger {
                load.strangers += 1;
                load.unasked_strangers += u32::from(running.question.is_none());
                load.client_strangers += own;
            } else {
                load.client_recent += own;
            }
        }
        load
    }

    /// Takes a login out, wherever it is.
    pub(super) fn remove(&mut self, id: Id, request: &Request) {
        if let Some(at) = self.running.iter().position(|running| running.id == id) {
            self.running.swap_remove(at);
        } else {
            for is_recent in [false, true] {
                let Some(lane) = self.lanes.get_mut(&(request.client, is_recent)) else {
                    continue;
                };
                let before = lane.len();
                lane.retain(|waiter| waiter.id != id);
                self.waiting -= before - lane.len();
            }
        }
        let client = request.client;
        let is_here = |running: &Running| running.client == client;
        if !self.running.iter().any(is_here) && !self.has_lane(client) {
            self.client_successes.remove(&client);
        }
    }

    fn has_lane(&self, client: ClientKey) -> bool {
        [false, true]
            .into_iter()
            .filter_map(|is_recent| self.lanes.get(&(client, is_recent)))
            .any(|lane| !lane.is_empty())
    }

    pub(super) fn note_outcome(&mut self, client: ClientKey, success: bool) {
        let own = self.client_successes.entry(client).or_default();
        if success {
            *own = own.saturating_add(1);
            self.successes = self.successes.saturating_add(1);
        } else {
            (*own, self.successes) = (0, 0);
        }
    }

    /// A waiting login asks again.
    pub(super) fn note_retry(&mut self, id: Id) {
        let waiters = self.lanes.values_mut().flatten();
        for waiter in waiters.filter(|waiter| waiter.id == id) {
            waiter.is_told = false;
        }
    }

    /// Returns whether so many logins are under way that no other may start.
    pub(super) fn is_full(&self, places: usize) -> bool {
        self.running.iter().filter(|r| r.question.is_none()).count() >= places
    }

    /// The user of a login is asked something, or has answered. Where more than `places` are
    /// asked, the client with the most of them loses its oldest.
    pub(super) fn note_question(&mut self, id: Id, is_asked: bool, places: usize) {
        self.questions += 1;
        let number = self.questions;
        let Some(running) = self.running.iter_mut().find(|running| running.id == id) else {
            return;
        };
        running.question = is_asked.then_some(number);
        let asked = || {
            let asked = self.running.iter();
            asked.filter(|running| running.question.is_some() && !running.is_evicted)
        };
        if asked().count() <= places {
            return;
        }
        let held_by = |client| asked().filter(|running| running.client == client).count();
        let victim = asked()
            .max_by_key(|running| (held_by(running.client), std::cmp::Reverse(running.question)))
            .map(|running| running.id);
        let running = self.running.iter_mut();
        for running in running.filter(|running| Some(running.id) == victim) {
            running.is_evicted = true;
            let _ = running.evict.try_send(());
        }
    }
}
