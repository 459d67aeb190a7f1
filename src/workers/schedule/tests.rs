use super::*;
use std::net::Ipv4Addr;

fn client(number: u8) -> IpAddr {
    Ipv4Addr::new(192, 0, 2, number).into()
}

/// A schedule with the flags of its callers.
struct Rig {
    schedule: Schedule,
    callers: Vec<Abandoned>,
}

impl Rig {
    fn new(bounds: Bounds) -> Self {
        Self {
            schedule: Schedule::new(bounds),
            callers: Vec::new(),
        }
    }

    /// Two threads, eight with those that hang, one of one client; eight waiting, two of one
    /// client.
    fn small() -> Self {
        Self::new(Bounds::replacing(2, 8))
    }

    /// Pushes one more job of this client. Returns whether the queue takes it.
    fn push(&mut self, number: u8) -> bool {
        let abandoned = Abandoned::default();
        self.callers.push(abandoned.clone());
        let job = Job {
            run: Box::new(|_| ()),
            abandoned: abandoned.clone(),
        };
        let refused = self.schedule.push(client(number), job);
        !refused.is_some_and(|job| std::sync::Arc::ptr_eq(&job.abandoned.0, &abandoned.0))
    }

    /// All callers so far leave.
    fn leave(&mut self) {
        for caller in self.callers.drain(..) {
            caller.0.store(true, std::sync::atomic::Ordering::Release);
        }
        self.schedule.note_abandoned();
    }

    /// The client whose job starts.
    fn next(&mut self) -> Option<(JobId, u8)> {
        let (id, _) = self.schedule.dispatch_next()?;
        match self.schedule.running[&id].client {
            IpAddr::V4(ip) => Some((id, ip.octets()[3])),
            IpAddr::V6(ip) => panic!("{ip} is not of this test"),
        }
    }

    /// Clients in the order in which their jobs run, until `count` ran or none is left.
    fn order(&mut self, count: usize) -> Vec<u8> {
        let mut order = Vec::new();
        while order.len() < count
            && let Some((id, client)) = self.next()
        {
            self.schedule.finish(id);
            order.push(client);
        }
        order
    }

    fn waiting_of(&self, number: u8) -> usize {
        self.schedule.held(client(number))
    }

    fn push_all(&mut self, numbers: impl IntoIterator<Item = u8>) {
        for number in numbers {
            assert!(self.push(number), "{number}");
        }
    }
}

#[test]
fn bounds_are_shares_of_the_setting() {
    for (threads, queue, expected) in [
        (8, 1024, (8, 32, 1024, 256, 4, 16)),
        (1, 1024, (1, 4, 1024, 256, 1, 2)),
        (256, 1024, (256, 1024, 1024, 256, 128, 512)),
        (0, 0, (1, 4, 1, 1, 1, 2)),
    ] {
        let b = Bounds::replacing(threads, queue);
        let got = (
            b.threads,
            b.max_threads,
            b.queue,
            b.queue_per_client(),
            Bounds::threads_per_client(b.threads),
            Bounds::threads_per_client(b.max_threads),
        );
        assert_eq!(got, expected, "{threads} {queue}");
        let fixed = Bounds::fixed(threads, queue);
        assert_eq!(fixed.max_threads, fixed.threads);
    }
}

#[test]
fn no_client_has_every_thread() {
    let mut rig = Rig::small();
    rig.push_all([1, 1, 2]);
    let (first, one) = rig.next().unwrap();
    // The other thread is not for the same client, though it came first.
    let (_, two) = rig.next().unwrap();
    assert_eq!((one, two), (1, 2));
    assert_eq!(rig.next(), None);
    rig.schedule.finish(first);
    assert_eq!(rig.next().unwrap().1, 1);
}

#[test]
fn clients_with_jobs_are_served_in_turn() {
    let mut rig = Rig::new(Bounds::fixed(1, 64));
    rig.push_all([1, 1, 1, 2, 2, 3]);
    assert_eq!(rig.order(9), [1, 2, 3, 1, 2, 1]);
}

/// Twenty clients that always have one job more; a login that comes among them.
#[test]
fn a_new_client_waits_for_one_job_and_not_for_one_of_each() {
    for backlog in [1, 3] {
        let mut rig = Rig::new(Bounds::fixed(1, 1024));
        rig.push_all((1..=20).cycle().take(20 * backlog));
        for round in 0..90 {
            // Whoever was served has its next one at once, and is no new client by that.
            let [served] = rig.order(1)[..] else {
                panic!("nothing ran");
            };
            assert!(rig.push(served));
            if round >= 40 && round % 10 == 9 {
                assert!(rig.push(round));
                let next = rig.order(2);
                assert!(next.contains(&round), "{backlog} {round}: {next:?}");
                for served in next.into_iter().filter(|served| *served != round) {
                    assert!(rig.push(served));
                }
            }
        }
    }
}

#[test]
fn ever_new_clients_do_not_starve_one_with_a_backlog() {
    let mut rig = Rig::new(Bounds::fixed(1, 1024));
    rig.push_all([1; 20]);
    let mut served = 0;
    for number in 2..92 {
        assert!(rig.push(number));
        served += usize::from(rig.order(1) == [1]);
    }
    assert!((10..=11).contains(&served), "{served} of 90");
}

#[test]
fn a_clients_share_of_the_queue_is_bounded() {
    let mut rig = Rig::small();
    for number in 1..=4 {
        assert!(rig.push(number) && rig.push(number));
        assert!(!rig.push(number), "a third of one client");
    }
    rig.leave();
    assert!(rig.push(9) && rig.push(1));
}

#[test]
fn a_full_queue_takes_from_the_largest_holder() {
    let mut rig = Rig::small();
    rig.push_all([1, 1, 2, 2, 3, 3, 4, 4]);
    for number in 5..=8 {
        assert!(rig.push(number), "{number} while others hold two");
        assert_eq!(rig.waiting_of(number), 1);
    }
    assert_eq!(rig.schedule.waiting, 8);
    // Eight clients hold one each: there is nothing to take.
    assert!(!rig.push(9));
    assert!(!rig.push(1));
    for number in 1..=8 {
        assert_eq!(rig.waiting_of(number), 1, "{number}");
    }
}

#[test]
fn an_abandoned_job_gives_its_thread_up_until_there_are_too_many() {
    let mut rig = Rig::small();
    let mut hung = Vec::new();
    for number in 1..=8 {
        assert!(rig.push(number));
        hung.push(rig.next().unwrap().0);
        rig.leave();
    }
    assert_eq!(rig.schedule.threads(), 2 + 8);
    // Eight hang: that is all there may be.
    assert!(rig.push(9));
    assert_eq!(rig.next(), None);
    rig.schedule.finish(hung[0]);
    assert_eq!(rig.next().unwrap().1, 9);
    assert_eq!(rig.schedule.threads(), 2 + 7);
}

#[test]
fn half_of_those_abandoned_may_be_one_clients() {
    let mut rig = Rig::small();
    let mut hung = 0;
    for _ in 0..4 {
        assert!(rig.push(1));
        hung = rig.next().unwrap().0;
        rig.leave();
    }
    rig.push_all([1, 2]);
    assert_eq!(rig.next().unwrap().1, 2);
    assert_eq!(rig.next(), None);
    rig.schedule.finish(hung);
    assert_eq!(rig.next().unwrap().1, 1);
}

#[test]
fn work_that_ends_by_itself_never_has_more_threads() {
    let mut rig = Rig::new(Bounds::fixed(2, 8));
    rig.push_all([1, 2]);
    assert!(rig.next().is_some() && rig.next().is_some());
    rig.leave();
    assert!(rig.push(3));
    assert_eq!(rig.next(), None);
}

#[test]
fn a_job_nobody_waits_for_is_not_started() {
    let mut rig = Rig::small();
    assert!(rig.push(1));
    rig.leave();
    assert!(rig.push(2));
    assert_eq!(rig.next().unwrap().1, 2);
    assert_eq!(rig.next(), None);
    assert_eq!(rig.schedule.waiting, 0);
    assert_eq!(rig.schedule.clients.len(), 1, "no trace of who left");
}

#[test]
fn everything_is_forgotten_at_the_end() {
    let mut rig = Rig::small();
    rig.push_all([1, 2, 3, 4, 1, 2]);
    assert_eq!(rig.order(99).len(), 6);
    rig.schedule.finish(77);
    let schedule = &rig.schedule;
    assert!(schedule.clients.is_empty() && schedule.running.is_empty());
    assert!(schedule.sparse.is_empty() && schedule.backlogged.is_empty());
    assert_eq!((schedule.waiting, schedule.abandoned), (0, 0));
}
