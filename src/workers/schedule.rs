//! Scheduling of jobs: whose is next, and how many may run. Pure: no threads, no clock.
//!
//! Round robin over the clients that have jobs, with one exception, fq_codel's "new flows before
//! old" (RFC 8290 section 4.2): a client with nothing queued or served in this round goes first, so
//! that a single login does not wait for one expensive job of every flooding client. Neither list
//! starves the other: after so many new clients in a row an old one has a job.
//!
//! A full queue takes from the client that holds most of it. So nobody is refused while another
//! holds more, and many clients can fill the queue, but none can keep it.

use super::{Abandoned, Job};
use std::collections::{HashMap, VecDeque};
use std::net::IpAddr;

/// Jobs of new clients in a row while an old one waits.
const SPARSE_IN_A_ROW: usize = 8;

/// Threads and queue of a pool. One client has at most half of the threads and a quarter of the
/// queue. Every bound is at least one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Bounds {
    /// Jobs at once, those abandoned while they run not counted.
    threads: usize,
    /// Jobs at once, abandoned ones included.
    pub(super) max_threads: usize,
    /// Jobs in the queue.
    pub(super) queue: usize,
}

impl Bounds {
    /// Makes bounds for jobs that always end: `threads` at once, and a queue of `queue` jobs.
    pub fn fixed(threads: usize, queue: usize) -> Self {
        let (threads, queue) = (threads.max(1), queue.max(1));
        Self {
            threads,
            max_threads: threads,
            queue,
        }
    }

    /// Makes bounds for jobs that may hang: like [`Bounds::fixed`], and a thread whose job is
    /// abandoned is replaced until there are four times as many.
    pub fn replacing(threads: usize, queue: usize) -> Self {
        let fixed = Self::fixed(threads, queue);
        Self {
            max_threads: fixed.threads.saturating_mul(4),
            ..fixed
        }
    }

    /// Share of one client in a number of threads.
    fn threads_per_client(threads: usize) -> usize {
        (threads / 2).max(1)
    }

    fn queue_per_client(&self) -> usize {
        (self.queue / 4).max(1)
    }
}

/// Number of a running job.
pub(super) type JobId = u64;

/// Jobs that wait and that run.
pub(super) struct Schedule {
    bounds: Bounds,
    /// Each is in exactly one of the two lists.
    clients: HashMap<IpAddr, Client>,
    /// Clients of which no job ran in this round, oldest first.
    sparse: VecDeque<IpAddr>,
    /// The others, in their order in the round. Those without a job are forgotten when the round
    /// comes to them.
    backlogged: VecDeque<IpAddr>,
    /// Jobs in a row that were of the sparse list.
    sparse_in_a_row: usize,
    waiting: usize,
    running: HashMap<JobId, Running>,
    abandoned: usize,
    next_id: JobId,
}

#[derive(Default)]
struct Client {
    waiting: VecDeque<Job>,
    running: usize,
    /// Running jobs that are abandoned.
    abandoned: usize,
}

struct Running {
    client: IpAddr,
    abandoned: Abandoned,
    is_counted: bool,
}

impl Client {
    fn may_run(&self, bounds: &Bounds) -> bool {
        self.running - self.abandoned < Bounds::threads_per_client(bounds.threads)
            && self.running < Bounds::threads_per_client(bounds.max_threads)
    }

    /// The next job somebody waits for, and how many were passed over.
    fn pop(&mut self) -> (Option<Job>, usize) {
        let mut passed = 0;
        while let Some(job) = self.waiting.pop_front() {
            if !job.abandoned.is_set() {
                return (Some(job), passed);
            }
            passed += 1;
        }
        (None, passed)
    }
}

impl Schedule {
    pub(super) fn new(bounds: Bounds) -> Self {
        Self {
            bounds,
            clients: HashMap::new(),
            sparse: VecDeque::new(),
            backlogged: VecDeque::new(),
            sparse_in_a_row: 0,
            waiting: 0,
            running: HashMap::new(),
            abandoned: 0,
            next_id: 0,
        }
    }

    /// Threads that may stay while nothing is to be done.
    pub(super) fn threads(&self) -> usize {
        self.bounds.threads + self.abandoned
    }

    /// Queues a job of `client`. Returns the job that there is no room for: this one, or the latest
    /// of the client that holds most of the queue.
    pub(super) fn push(&mut self, client: IpAddr, job: Job) -> Option<Job> {
        if !self.has_room() || !self.has_share(client) {
            // Abandoned jobs need no space.
            self.forget_abandoned();
        }
        if !self.has_share(client) {
            return Some(job);
        }
        let mut evicted = None;
        if !self.has_room() {
            evicted = self.evict_for(client);
            if evicted.is_none() {
                return Some(job);
            }
        }
        let sparse = &mut self.sparse;
        let entry = self.clients.entry(client).or_insert_with(|| {
            sparse.push_back(client);
            Client::default()
        });
        entry.waiting.push_back(job);
        self.waiting += 1;
        evicted
    }

    fn has_room(&self) -> bool {
        self.waiting < self.bounds.queue
    }

    fn held(&self, client: IpAddr) -> usize {
        self.clients.get(&client).map_or(0, |c| c.waiting.len())
    }

    fn has_share(&self, client: IpAddr) -> bool {
        self.held(client) < self.bounds.queue_per_client()
    }

    /// Takes the latest job of the largest holder, if that holds more than `client` would.
    fn evict_for(&mut self, client: IpAddr) -> Option<Job> {
        let own = self.held(client) + 1;
        let largest = self.clients.values_mut().max_by_key(|c| c.waiting.len())?;
        if largest.waiting.len() <= own {
            return None;
        }
        let evicted = largest.waiting.pop_back();
        self.waiting -= usize::from(evicted.is_some());
        evicted
    }

    fn forget_abandoned(&mut self) {
        for client in self.clients.values_mut() {
            client.waiting.retain(|job| !job.abandoned.is_set());
        }
        self.waiting = self.clients.values().map(|c| c.waiting.len()).sum();
    }

    /// Takes the job that is to start now, if one may.
    pub(super) fn dispatch_next(&mut self) -> Option<(JobId, Job)> {
        let active = self.running.len() - self.abandoned;
        if active >= self.bounds.threads || self.running.len() >= self.bounds.max_threads {
            return None;
        }
        let sparse_first = self.sparse_in_a_row < SPARSE_IN_A_ROW;
        let (client, job) = match self.take_from(sparse_first) {
            Some(taken) => taken,
            None => self.take_from(!sparse_first)?,
        };
        self.next_id += 1;
        let running = Running {
            client,
            abandoned: job.abandoned.clone(),
            is_counted: false,
        };
        self.running.insert(self.next_id, running);
        Some((self.next_id, job))
    }

    /// Takes the first job of a list whose client may run one more.
    fn take_from(&mut self, sparse: bool) -> Option<(IpAddr, Job)> {
        let list = if sparse {
            &mut self.sparse
        } else {
            &mut self.backlogged
        };
        let mut at = 0;
        while let Some(ip) = list.get(at).copied() {
            let Some(client) = self.clients.get_mut(&ip) else {
                list.remove(at);
                continue;
            };
            if !client.may_run(&self.bounds) {
                at += 1;
                continue;
            }
            let (job, passed) = client.pop();
            self.waiting -= passed + usize::from(job.is_some());
            if let Some(job) = job {
                client.running += 1;
                list.remove(at);
                self.backlogged.push_back(ip);
                self.sparse_in_a_row = if sparse { self.sparse_in_a_row + 1 } else { 0 };
                return Some((ip, job));
            }
            if client.running > 0 {
                at += 1;
            } else {
                self.clients.remove(&ip);
                list.remove(at);
            }
        }
        None
    }

    /// Counts the running jobs whose callers have left: their threads are no longer among those
    /// that work for somebody.
    pub(super) fn note_abandoned(&mut self) {
        for running in self.running.values_mut() {
            if !running.is_counted && running.abandoned.is_set() {
                running.is_counted = true;
                self.abandoned += 1;
                if let Some(client) = self.clients.get_mut(&running.client) {
                    client.abandoned += 1;
                }
            }
        }
    }

    /// Removes a running job that has ended.
    pub(super) fn finish(&mut self, id: JobId) {
        let Some(running) = self.running.remove(&id) else {
            return;
        };
        let counted = usize::from(running.is_counted);
        self.abandoned -= counted;
        if let Some(client) = self.clients.get_mut(&running.client) {
            client.running -= 1;
            client.abandoned -= counted;
        }
    }
}

#[cfg(test)]
mod tests;
