//! Which look-up runs next, and how many may. No threads, no clock.

use super::Task;
use std::collections::{HashMap, VecDeque};
use std::net::IpAddr;

/// What look-ups may take.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::targets) struct Bounds {
    /// Look-ups at once, those given up not counted.
    pub(super) threads: usize,
    /// Look-ups at once, those given up included.
    pub(super) most_threads: usize,
    /// Look-ups that wait.
    pub(super) waiting: usize,
    /// Look-ups of one client that wait.
    pub(super) waiting_per_client: usize,
    /// Look-ups of one client at once, those given up not counted.
    pub(super) threads_per_client: usize,
    /// Look-ups of one client at once, those given up included.
    pub(super) most_threads_per_client: usize,
}

impl Bounds {
    /// `threads` look-ups at once, four times as many with those that hang;
    /// of one client half as many of either kind. `waiting` in the queue, a
    /// quarter of them of one client. All at least one.
    pub(in crate::targets) fn new(threads: usize, waiting: usize) -> Self {
        let threads = threads.max(1);
        Self {
            threads,
            most_threads: threads.saturating_mul(4),
            waiting: waiting.max(1),
            waiting_per_client: (waiting / 4).max(1),
            threads_per_client: (threads / 2).max(1),
            most_threads_per_client: threads.saturating_mul(2),
        }
    }
}

/// The name of a running look-up.
pub(super) type Ticket = u64;

/// Look-ups that wait and that run. Clients take turns.
pub(super) struct Schedule {
    bounds: Bounds,
    clients: HashMap<IpAddr, Client>,
    /// Clients with something that waits, each once; the first is next.
    turns: VecDeque<IpAddr>,
    waiting: usize,
    running: HashMap<Ticket, Running>,
    given_up: usize,
    next_ticket: Ticket,
}

#[derive(Default)]
struct Client {
    waiting: VecDeque<Task>,
    running: usize,
    /// Of those that run.
    given_up: usize,
}

struct Running {
    client: IpAddr,
    caller: super::Caller,
    given_up: bool,
}

impl Schedule {
    pub(super) fn new(bounds: Bounds) -> Self {
        Self {
            bounds,
            clients: HashMap::new(),
            turns: VecDeque::new(),
            waiting: 0,
            running: HashMap::new(),
            given_up: 0,
            next_ticket: 0,
        }
    }

    /// Whether a look-up waits for a thread.
    pub(super) fn is_waiting(&self) -> bool {
        self.waiting > 0
    }

    /// Threads that may stay while nothing is to be done.
    pub(super) fn threads(&self) -> usize {
        self.bounds.threads + self.given_up
    }

    /// Queues a look-up of `client`, or hands it back: the queue is full.
    pub(super) fn push(&mut self, client: IpAddr, task: Task) -> Result<(), Task> {
        if !self.has_room(client) {
            // Callers that left have no claim on a place.
            self.forget_left();
        }
        if !self.has_room(client) {
            return Err(task);
        }
        let entry = self.clients.entry(client).or_default();
        if entry.waiting.is_empty() {
            self.turns.push_back(client);
        }
        entry.waiting.push_back(task);
        self.waiting += 1;
        Ok(())
    }

    fn has_room(&self, client: IpAddr) -> bool {
        let own = self.clients.get(&client).map_or(0, |c| c.waiting.len());
        self.waiting < self.bounds.waiting && own < self.bounds.waiting_per_client
    }

    fn forget_left(&mut self) {
        for client in self.clients.values_mut() {
            client.waiting.retain(|task| !task.caller.has_left());
        }
        let clients = &self.clients;
        self.turns
            .retain(|ip| clients.get(ip).is_some_and(|c| !c.waiting.is_empty()));
        self.clients
            .retain(|_, c| c.running > 0 || !c.waiting.is_empty());
        self.waiting = self.clients.values().map(|c| c.waiting.len()).sum();
    }

    /// The look-up that is to start now, if one may.
    pub(super) fn next(&mut self) -> Option<(Ticket, Task)> {
        let active = self.running.len() - self.given_up;
        if active >= self.bounds.threads || self.running.len() >= self.bounds.most_threads {
            return None;
        }
        for _ in 0..self.turns.len() {
            let ip = self.turns.pop_front()?;
            let client = self.clients.get_mut(&ip)?;
            let active = client.running - client.given_up;
            if active >= self.bounds.threads_per_client
                || client.running >= self.bounds.most_threads_per_client
            {
                self.turns.push_back(ip);
                continue;
            }
            let mut next = None;
            while let Some(task) = client.waiting.pop_front() {
                self.waiting -= 1;
                if !task.caller.has_left() {
                    next = Some(task);
                    break;
                }
            }
            if !client.waiting.is_empty() {
                self.turns.push_back(ip);
            }
            let Some(task) = next else {
                if client.running == 0 {
                    self.clients.remove(&ip);
                }
                continue;
            };
            client.running += 1;
            self.next_ticket += 1;
            let running = Running {
                client: ip,
                caller: task.caller.clone(),
                given_up: false,
            };
            self.running.insert(self.next_ticket, running);
            return Some((self.next_ticket, task));
        }
        None
    }

    /// Gives up the running look-ups whose callers have left: their threads
    /// are no longer counted among those that work.
    pub(super) fn give_up_left(&mut self) {
        for running in self.running.values_mut() {
            if !running.given_up && running.caller.has_left() {
                running.given_up = true;
                self.given_up += 1;
                if let Some(client) = self.clients.get_mut(&running.client) {
                    client.given_up += 1;
                }
            }
        }
    }

    /// A running look-up has ended.
    pub(super) fn finish(&mut self, ticket: Ticket) {
        let Some(running) = self.running.remove(&ticket) else {
            return;
        };
        self.given_up -= usize::from(running.given_up);
        if let Some(client) = self.clients.get_mut(&running.client) {
            client.running -= 1;
            client.given_up -= usize::from(running.given_up);
            if client.running == 0 && client.waiting.is_empty() {
                self.clients.remove(&running.client);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::{Answer, Caller};
    use super::*;
    use async_channel::Receiver;
    use std::net::Ipv4Addr;

    fn client(number: u8) -> IpAddr {
        Ipv4Addr::new(192, 0, 2, number).into()
    }

    /// A task, and the caller who waits for it.
    fn task() -> (Task, Receiver<Answer>) {
        let (reply, answer) = async_channel::bounded(1);
        let task = Task {
            job: Box::new(|| Ok(Vec::new())),
            caller: Caller(reply),
        };
        (task, answer)
    }

    struct Desk {
        schedule: Schedule,
        callers: Vec<Receiver<Answer>>,
    }

    impl Desk {
        /// Two threads, eight with those that hang, one of one client; eight
        /// waiting, two of one client.
        fn new() -> Self {
            Self {
                schedule: Schedule::new(Bounds::new(2, 8)),
                callers: Vec::new(),
            }
        }

        fn push(&mut self, number: u8) -> bool {
            let (task, caller) = task();
            self.callers.push(caller);
            self.schedule.push(client(number), task).is_ok()
        }

        /// The client whose look-up starts.
        fn next(&mut self) -> Option<(Ticket, IpAddr)> {
            let (ticket, _) = self.schedule.next()?;
            Some((ticket, self.schedule.running[&ticket].client))
        }
    }

    #[test]
    fn bounds_are_shares_of_the_setting() {
        for (threads, waiting, expected) in [
            (8, 1024, (8, 32, 1024, 256, 4, 16)),
            (1, 1024, (1, 4, 1024, 256, 1, 2)),
            (256, 1024, (256, 1024, 1024, 256, 128, 512)),
            (0, 0, (1, 4, 1, 1, 1, 2)),
        ] {
            let b = Bounds::new(threads, waiting);
            let got = (
                b.threads,
                b.most_threads,
                b.waiting,
                b.waiting_per_client,
                b.threads_per_client,
                b.most_threads_per_client,
            );
            assert_eq!(got, expected, "{threads} {waiting}");
        }
    }

    #[test]
    fn clients_take_turns_and_none_has_every_thread() {
        let mut desk = Desk::new();
        assert!([1, 1, 2].map(|n| desk.push(n)).iter().all(|taken| *taken));
        let (first, one) = desk.next().unwrap();
        // The other thread is not for the same client, though it came first.
        let (_, two) = desk.next().unwrap();
        assert_eq!((one, two), (client(1), client(2)));
        assert_eq!(desk.next(), None);
        desk.schedule.finish(first);
        assert_eq!(desk.next().unwrap().1, client(1));
    }

    #[test]
    fn the_queue_and_a_clients_share_of_it_are_bounded() {
        let mut desk = Desk::new();
        for number in 1..=4 {
            assert!(desk.push(number) && desk.push(number));
            assert!(!desk.push(number), "a third of one client");
        }
        assert!(!desk.push(9), "a ninth of all");
        // Two callers leave: their places are free.
        desk.callers.drain(..2);
        assert!(desk.push(9));
        assert!(desk.push(1));
        assert!(!desk.push(1) || desk.schedule.waiting <= 8);
    }

    #[test]
    fn a_look_up_whose_caller_left_gives_its_thread_up_until_there_are_too_many() {
        let mut desk = Desk::new();
        let mut hung = Vec::new();
        for number in 1..=8 {
            assert!(desk.push(number));
            hung.push(desk.next().unwrap().0);
            desk.callers.clear();
            desk.schedule.give_up_left();
        }
        assert_eq!(desk.schedule.threads(), 2 + 8);
        // Eight hang: that is all there may be.
        assert!(desk.push(9));
        assert_eq!(desk.next(), None);
        desk.schedule.finish(hung[0]);
        assert_eq!(desk.next().unwrap().1, client(9));
        assert_eq!(desk.schedule.threads(), 2 + 7);
    }

    #[test]
    fn half_of_those_given_up_may_be_one_clients() {
        let mut desk = Desk::new();
        let mut hung = 0;
        for _ in 0..4 {
            assert!(desk.push(1));
            hung = desk.next().unwrap().0;
            desk.callers.clear();
            desk.schedule.give_up_left();
        }
        assert!(desk.push(1) && desk.push(2));
        assert_eq!(desk.next().unwrap().1, client(2));
        assert_eq!(desk.next(), None);
        desk.schedule.finish(hung);
        assert_eq!(desk.next().unwrap().1, client(1));
    }

    #[test]
    fn a_look_up_nobody_waits_for_is_not_started() {
        let mut desk = Desk::new();
        assert!(desk.push(1) && desk.push(2));
        drop(desk.callers.remove(0));
        assert_eq!(desk.next().unwrap().1, client(2));
        assert_eq!(desk.next(), None);
        assert!(!desk.schedule.is_waiting());
        assert_eq!(desk.schedule.clients.len(), 1, "no trace of who left");
    }

    #[test]
    fn everything_is_forgotten_at_the_end() {
        let mut desk = Desk::new();
        for number in 1..=4 {
            assert!(desk.push(number));
        }
        while let Some((ticket, _)) = desk.next() {
            desk.schedule.finish(ticket);
        }
        desk.schedule.finish(77);
        assert!(desk.schedule.clients.is_empty() && desk.schedule.turns.is_empty());
        assert!(desk.schedule.running.is_empty() && !desk.schedule.is_waiting());
    }
}
