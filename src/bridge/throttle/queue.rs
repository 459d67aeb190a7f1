//! Running and waiting attempts at one target: round robin over the clients, FIFO for each client.
//!
//! Every method starts or refuses the waiting attempts that its change concerns. The end of a
//! running attempt, and a prompt, concern all of them; one that is new, has become the first of its
//! client, or whose retry time is over, only itself and those that time alone lets start, which are
//! decided on in their order: a crowd that waits costs each of its members little. Does not lock or
//! use the clock.

use super::rates::{Decision, Load, Rates};
use super::{Answer, Request};
use crate::limits::ClientKey;
use async_channel::Sender;
use std::collections::{HashMap, VecDeque};
use std::time::Instant;

/// Attempts that wait at one target at most. Each is an unauthenticated session, whose pool is
/// usually smaller.
const MAX_WAITING: usize = 16 * 1024;

/// Bound of one lane.
const MAX_LANE: usize = MAX_WAITING / 2;

pub(super) type Id = u64;

/// Waiting attempts of one client; those of recently authenticated users have a lane of their own,
/// so that they do not wait behind other attempts from the same address.
type Lane = (ClientKey, bool);

pub(super) struct Waiter {
    pub(super) id: Id,
    pub(super) request: Request,
    pub(super) answer: Sender<Answer>,
    pub(super) evict: Sender<()>,
    /// [`Answer::RetryIn`] was sent, and its time is not over.
    pub(super) has_retry_time: bool,
}

struct Running {
    id: Id,
    client: ClientKey,
    is_recent: bool,
    /// Number of the user's unanswered prompt; the higher, the later.
    prompt: Option<u64>,
    is_evicted: bool,
    evict: Sender<()>,
}

/// Decision on the first attempt of a lane.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Step {
    /// It has started or is refused.
    Decided,
    /// It waits for the end of another one, or there is none.
    Waits,
    /// It waits for the target's budget, of which no other may take more.
    WaitsForTarget,
}

#[derive(Default)]
pub(super) struct Queue {
    running: Vec<Running>,
    lanes: HashMap<Lane, VecDeque<Waiter>>,
    /// Lanes with a waiting attempt, each once; the first is next.
    round_robin: VecDeque<Lane>,
    waiting: usize,
    /// Successes since the last failure: of all clients, and of each client with an attempt here.
    successes: u32,
    client_successes: HashMap<ClientKey, u32>,
    prompts: u64,
}

impl Queue {
    pub(super) fn is_empty(&self) -> bool {
        self.running.is_empty() && self.waiting == 0
    }

    /// Queues an attempt, or answers that the queue is full.
    pub(super) fn push(&mut self, waiter: Waiter, is_recent: bool, rates: &Rates, now: Instant) {
        let key = (waiter.request.client, is_recent);
        let queued = self.lanes.get(&key).map_or(0, VecDeque::len);
        if self.waiting >= MAX_WAITING || queued >= MAX_LANE {
            let _ = waiter.answer.force_send(Answer::Full);
            return;
        }
        if queued == 0 {
            self.round_robin.push_back(key);
        }
        let max_running = waiter.request.max_running;
        self.lanes.entry(key).or_default().push_back(waiter);
        self.waiting += 1;
        if queued == 0 {
            self.dispatch_one(key, max_running, rates, now);
        }
    }

    /// Decides again on a waiting attempt whose retry time is over.
    pub(super) fn retry(&mut self, id: Id, request: &Request, rates: &Rates, now: Instant) {
        let lanes = [false, true].map(|is_recent| (request.client, is_recent));
        for key in lanes {
            let first = self.lanes.get_mut(&key).and_then(VecDeque::front_mut);
            if let Some(first) = first.filter(|first| first.id == id) {
                first.has_retry_time = false;
                self.dispatch_one(key, request.max_running, rates, now);
            }
        }
    }

    /// Starts or refuses waiting attempts, round robin, until every lane has to wait.
    fn dispatch(&mut self, rates: &Rates, now: Instant) {
        let mut unseen = self.round_robin.len();
        while unseen > 0
            && let Some(key) = self.round_robin.pop_front()
        {
            unseen -= 1;
            let step = self.dispatch_lane(key, rates, now);
            if self.lanes.get(&key).is_some_and(|lane| !lane.is_empty()) {
                self.round_robin.push_back(key);
            } else {
                self.lanes.remove(&key);
            }
            if step == Step::Decided {
                unseen = self.round_robin.len();
            }
        }
    }

    /// Decides on the first attempt of one lane, after those that came before and that time alone
    /// may let start. None of these does once one of them has to wait for the target's budget, nor
    /// while as many run as may.
    fn dispatch_one(&mut self, key: Lane, max_running: usize, rates: &Rates, now: Instant) {
        let mut ahead = 0;
        while !self.is_full(max_running)
            && let Some(&lane) = self.round_robin.get(ahead)
            && lane != key
        {
            match self.dispatch_lane(lane, rates, now) {
                Step::Decided => return self.dispatch(rates, now),
                Step::WaitsForTarget => break,
                Step::Waits => ahead += 1,
            }
        }
        if self.dispatch_lane(key, rates, now) == Step::Decided {
            self.dispatch(rates, now);
        }
    }

    /// Decides on the first attempt of a lane.
    fn dispatch_lane(&mut self, key: Lane, rates: &Rates, now: Instant) -> Step {
        let load = self.load(key.0);
        let unprompted = self.unprompted();
        let Some(lane) = self.lanes.get_mut(&key) else {
            return Step::Waits;
        };
        let Some(mut first) = lane.pop_front() else {
            return Step::Waits;
        };
        let answer = match rates.decide(&first.request, &load, now) {
            Decision::Start { is_recent } if unprompted < first.request.max_running => {
                self.running.push(Running {
                    id: first.id,
                    client: key.0,
                    is_recent,
                    prompt: None,
                    is_evicted: false,
                    evict: first.evict,
                });
                Answer::Start
            }
            Decision::Refuse(wait) => Answer::Throttled(wait),
            Decision::RetryIn(wait) => {
                if !std::mem::replace(&mut first.has_retry_time, true) {
                    let _ = first.answer.force_send(Answer::RetryIn(wait));
                }
                lane.push_front(first);
                return Step::WaitsForTarget;
            }
            Decision::WaitForTarget => {
                lane.push_front(first);
                return Step::WaitsForTarget;
            }
            Decision::Start { .. } | Decision::Wait => {
                lane.push_front(first);
                return Step::Waits;
            }
        };
        // The caller may be about to drop the attempt, which then ends like any other.
        let _ = first.answer.force_send(answer);
        self.waiting -= 1;
        Step::Decided
    }

    fn load(&self, client: ClientKey) -> Load {
        let mut load = Load {
            successes: self.successes,
            client_successes: self.client_successes.get(&client).copied().unwrap_or(0),
            ..Load::default()
        };
        for running in &self.running {
            let own = u32::from(running.client == client);
            if running.is_recent {
                load.client_recent += own;
            } else {
                load.untrusted += 1;
                load.unprompted_untrusted += u32::from(running.prompt.is_none());
                load.client_untrusted += own;
            }
        }
        load
    }

    /// Removes an attempt: a running one with its `success`, unless it cost the server nothing, or
    /// a waiting one.
    pub(super) fn remove(
        &mut self,
        id: Id,
        client: ClientKey,
        success: Option<bool>,
        rates: &Rates,
        now: Instant,
    ) {
        if let Some(success) = success {
            self.note_outcome(client, success);
        }
        if let Some(at) = self.running.iter().position(|running| running.id == id) {
            self.running.swap_remove(at);
            self.dispatch(rates, now);
        } else {
            for is_recent in [false, true] {
                self.remove_waiting(id, (client, is_recent), rates, now);
            }
        }
        let is_here = |running: &Running| running.client == client;
        if !self.running.iter().any(is_here) && !self.has_lane(client) {
            self.client_successes.remove(&client);
        }
    }

    fn remove_waiting(&mut self, id: Id, key: Lane, rates: &Rates, now: Instant) {
        let Some(lane) = self.lanes.get_mut(&key) else {
            return;
        };
        let Some(at) = lane.iter().position(|waiter| waiter.id == id) else {
            return;
        };
        lane.remove(at);
        self.waiting -= 1;
        if lane.is_empty() {
            self.lanes.remove(&key);
            self.round_robin.retain(|lane| *lane != key);
        } else if at == 0 {
            let max_running = lane.front().map_or(0, |first| first.request.max_running);
            self.dispatch_one(key, max_running, rates, now);
        }
    }

    fn has_lane(&self, client: ClientKey) -> bool {
        let lanes = [(client, false), (client, true)];
        let lanes = lanes.iter().filter_map(|lane| self.lanes.get(lane));
        lanes.flatten().next().is_some()
    }

    fn note_outcome(&mut self, client: ClientKey, success: bool) {
        let own = self.client_successes.entry(client).or_default();
        if success {
            *own = own.saturating_add(1);
            self.successes = self.successes.saturating_add(1);
        } else {
            (*own, self.successes) = (0, 0);
        }
    }

    /// Returns whether `max_running` attempts run, prompted ones not counted.
    pub(super) fn is_full(&self, max_running: usize) -> bool {
        self.unprompted() >= max_running
    }

    fn unprompted(&self) -> usize {
        let unprompted = |running: &&Running| running.prompt.is_none();
        self.running.iter().filter(unprompted).count()
    }

    /// Notes that the user of an attempt is prompted, or has answered.
    pub(super) fn note_prompt(
        &mut self,
        id: Id,
        is_prompted: bool,
        max_prompted: usize,
        rates: &Rates,
        now: Instant,
    ) {
        self.set_prompted(id, is_prompted, max_prompted);
        self.dispatch(rates, now);
    }

    /// Notes a prompt or an answer. With more than `max_prompted` prompted ones, the client with
    /// the most of them loses its oldest.
    fn set_prompted(&mut self, id: Id, is_prompted: bool, max_prompted: usize) {
        self.prompts += 1;
        let number = self.prompts;
        let Some(running) = self.running.iter_mut().find(|running| running.id == id) else {
            return;
        };
        running.prompt = is_prompted.then_some(number);
        let prompted = || {
            let running = self.running.iter();
            running.filter(|running| running.prompt.is_some() && !running.is_evicted)
        };
        if prompted().count() <= max_prompted {
            return;
        }
        let held_by = |client| {
            prompted()
                .filter(|running| running.client == client)
                .count()
        };
        let victim = prompted()
            .max_by_key(|running| (held_by(running.client), std::cmp::Reverse(running.prompt)))
            .map(|running| running.id);
        let running = self.running.iter_mut();
        for running in running.filter(|running| Some(running.id) == victim) {
            running.is_evicted = true;
            let _ = running.evict.try_send(());
        }
    }
}
