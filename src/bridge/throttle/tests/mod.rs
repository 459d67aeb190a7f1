mod crowd;
mod penalty;
mod trust;

use super::*;
use crate::config::RateLimit;
use crate::net::Net;
use futures_lite::future::block_on;
use futures_util::FutureExt as _;

const ALICE: &str = "alice";
const BOB: &str = "bob";

fn client(number: u8) -> IpAddr {
    [192, 0, 2, number].into()
}

fn target(port: u16) -> Scope {
    SocketAddr::from(([198, 51, 100, 1], port)).into()
}

thread_local! {
    static NOW: Cell<Instant> = Cell::new(crate::clock::now());
}

fn pass(time: Duration) {
    NOW.set(NOW.get() + time);
}

/// A throttle and the settings.
struct Rig {
    throttle: Arc<LoginThrottle>,
    config: Config,
}

impl Rig {
    fn new() -> Self {
        Self {
            throttle: LoginThrottle::new(1024, || NOW.get()),
            config: Config::default(),
        }
    }

    fn with(rate_limit: RateLimit) -> Self {
        let mut rig = Self::new();
        rig.config.rate_limit = rate_limit;
        rig
    }

    /// One that allows so many failures of a client; 0 counts none.
    fn allowing(login_failures: u32) -> Self {
        Self::with(RateLimit {
            login_failures,
            ..RateLimit::default()
        })
    }

    fn join_as(&self, number: u8, port: u16, user: &str) -> LoginAttempt {
        let (scope, config) = (target(port), &self.config);
        let client = client(number);
        self.throttle.enqueue(scope, client, user, config)
    }

    fn join(&self, number: u8, port: u16) -> LoginAttempt {
        self.join_as(number, port, ALICE)
    }

    /// One that has started and reached the server.
    fn start_as(&self, number: u8, port: u16, user: &str) -> LoginAttempt {
        let attempt = self.join_as(number, port, user);
        assert_eq!(
            answer(&attempt),
            Some(Answer::Start),
            "{number} {port} {user}"
        );
        attempt.note_reached();
        attempt
    }

    fn start(&self, number: u8, port: u16) -> LoginAttempt {
        self.start_as(number, port, ALICE)
    }

    fn fail(&self, number: u8, port: u16) {
        self.start(number, port).note_authentication();
    }

    /// One whose user is prompted.
    fn prompt(&self, number: u8) -> (LoginAttempt, QuestionTracker) {
        let (attempt, tracker) = (self.start(number, 22), QuestionTracker::default());
        tracker.follow(&attempt);
        tracker.note(true);
        (attempt, tracker)
    }
}

fn is_evicted(attempt: &LoginAttempt) -> bool {
    attempt.evicted().now_or_never().is_some()
}

fn answer(attempt: &LoginAttempt) -> Option<Answer> {
    attempt.answer().now_or_never()
}

/// Fails a login, if the attempt may start. Returns whether it might.
fn fail(attempt: &LoginAttempt) -> bool {
    let starts = answer(attempt) == Some(Answer::Start);
    if starts {
        attempt.note_reached();
        attempt.note_authentication();
    }
    starts
}

fn is_throttled(attempt: &LoginAttempt) -> bool {
    matches!(answer(attempt), Some(Answer::Throttled(_)))
}

#[test]
fn after_two_failures_a_client_must_wait_and_no_other_one() {
    let rig = Rig::new();
    rig.fail(1, 22);
    rig.fail(1, 22);
    let Some(Answer::Throttled(wait)) = answer(&rig.join(1, 22)) else {
        panic!("not refused");
    };
    assert!(wait <= Duration::from_secs(5) && wait > Duration::from_secs(4));
    rig.start(2, 22).succeeded();
    rig.start(1, 23).succeeded();
    // Not by another user either.
    assert!(is_throttled(&rig.join_as(1, 22, BOB)));
}

#[test]
fn an_attempt_that_reached_no_server_costs_nothing() {
    let rig = Rig::new();
    for _ in 0..100 {
        let attempt = rig.join(1, 22);
        assert_eq!(answer(&attempt), Some(Answer::Start));
        drop(attempt);
        let attempt = rig.start(1, 22);
        attempt.refund();
    }
}

/// The client's count does not depend on the step that a login reached.
#[test]
fn an_attempt_that_reached_the_server_and_did_not_log_in_has_failed() {
    for authentication in [false, true] {
        let rig = Rig::new();
        for _ in 0..2 {
            let attempt = rig.start(1, 22);
            if authentication {
                attempt.note_authentication();
            }
        }
        assert!(is_throttled(&rig.join(1, 22)), "{authentication}");
    }
}

#[test]
fn an_attempt_waits_for_others_of_its_client_and_is_woken() {
    let rig = Rig::new();
    let (first, second) = (rig.start(1, 22), rig.start(1, 22));
    let third = rig.join(1, 22);
    assert_eq!(answer(&third), None);
    // Another client and another target have their own.
    rig.start(2, 22).succeeded();
    rig.start(1, 23).succeeded();
    let (sender, done) = std::sync::mpsc::sync_channel(1);
    let waits = std::thread::spawn(move || sender.send(block_on(third.answer())).unwrap());
    first.succeeded();
    assert_eq!(
        done.recv_timeout(Duration::from_secs(30)),
        Ok(Answer::Start)
    );
    waits.join().unwrap();
    drop(second);
}

#[test]
fn waiting_attempts_are_refused_when_those_before_them_fail() {
    let rig = Rig::new();
    let under_way = [rig.start(1, 22), rig.start(1, 22)];
    let waiting: Vec<_> = (0..10).map(|_| rig.join(1, 22)).collect();
    drop(under_way);
    assert!(waiting.iter().all(is_throttled));
}

#[test]
fn waiting_clients_are_served_round_robin_and_each_in_order() {
    let mut rig = Rig::allowing(0);
    rig.config.limits.max_connections_per_host = 1;
    let mut under_way = rig.start(9, 22);
    let crowd = [1, 1, 1, 2, 3].map(|number| rig.join(number, 22));
    // A dropped attempt is skipped.
    drop(rig.join(2, 22));
    let mut crowd: Vec<_> = crowd.into_iter().enumerate().collect();
    let mut order = Vec::new();
    while !crowd.is_empty() {
        drop(under_way);
        let started = crowd
            .iter()
            .position(|(_, waits)| answer(waits) == Some(Answer::Start))
            .expect("nobody was woken");
        let (at, attempt) = crowd.remove(started);
        order.push(at);
        under_way = attempt;
        assert!(crowd.iter().all(|(_, waits)| answer(waits).is_none()));
    }
    assert_eq!(order, [0, 3, 4, 1, 2]);
}

#[test]
fn without_a_penalty_of_the_target_only_clients_have_a_limit() {
    let rig = Rig::with(RateLimit {
        target_penalty: None,
        ..RateLimit::default()
    });
    for number in 0..50 {
        rig.fail(number, 22);
        rig.fail(number, 22);
        assert!(is_throttled(&rig.join(number, 22)), "{number}");
    }
}

/// With ten at once, a crowd of hundreds needs a handful of rounds more than its size asks for.
#[test]
fn successful_logins_let_more_attempts_run_at_once() {
    let mut rig = Rig::new();
    rig.config.limits.max_connections_per_host = 1000;
    for users in [&[ALICE][..], &["a", "b", "c", "d", "e", "f", "g", "h"]] {
        let port = 22 + u16::try_from(users.len()).unwrap();
        let mut waiting: Vec<_> = (0..300)
            .map(|n| rig.join_as(1, port, users[n % users.len()]))
            .collect();
        let mut rounds = 0;
        while !waiting.is_empty() {
            rounds += 1;
            let (started, rest): (Vec<_>, Vec<_>) = waiting
                .into_iter()
                .partition(|attempt| answer(attempt) == Some(Answer::Start));
            assert!(!started.is_empty(), "{rounds}: {} wait", rest.len());
            for attempt in started {
                attempt.note_reached();
                attempt.succeeded();
            }
            waiting = rest;
        }
        assert!(rounds < 20, "{rounds}");
    }
}

/// Penalties as sshd's PerSourcePenalties counts them never exceed the threshold of a ban.
#[test]
fn all_clients_together_stay_below_the_servers_ban() {
    let rig = Rig::new();
    let mut penalty = 0.0_f64;
    for step in 0..600_u32 {
        let number = u8::try_from(step % 200).unwrap();
        if fail(&rig.join(number, 22)) {
            penalty += 5.0;
        }
        assert!(penalty <= 15.001, "{step}: {penalty}");
        pass(Duration::from_millis(100));
        penalty = (penalty - 0.1).max(0.0);
    }
}

#[test]
fn one_client_leaves_others_a_part_of_the_targets_budget() {
    let rig = Rig::allowing(100);
    let mut count = 0;
    while fail(&rig.join(1, 22)) {
        count += 1;
    }
    assert_eq!(count, 2, "of three");
    rig.start(2, 22).succeeded();
    // And where several have used it up, a new one waits for the next instead of being refused.
    rig.fail(3, 22);
    assert!(matches!(answer(&rig.join(4, 22)), Some(Answer::RetryIn(_))));
    assert!(is_throttled(&rig.join(3, 22)));
    rig.start(2, 22).succeeded();
}

#[test]
fn unanswered_prompts_delay_no_other_client() {
    for failures in [0, 2] {
        let mut rig = Rig::allowing(failures);
        rig.config.limits.max_connections_per_host = 2;
        let asked = [1, 2, 3, 4, 5].map(|number| rig.prompt(number).0);
        let evicted = asked.each_ref().map(is_evicted);
        assert_eq!(evicted, [true, true, true, false, false], "{failures}");
        rig.start(9, 22).succeeded();
    }
}

#[test]
fn the_client_with_most_unanswered_prompts_loses_its_oldest() {
    let mut rig = Rig::allowing(0);
    rig.config.limits.max_connections_per_host = 3;
    let mut asked = Vec::new();
    for number in [1, 2, 2, 3] {
        let (attempt, tracker) = rig.prompt(number);
        // Answered, and asked once more: that is a later question.
        if asked.len() == 1 {
            tracker.note(false);
            tracker.note(true);
        }
        asked.push(attempt);
    }
    let evicted: Vec<_> = asked.iter().map(is_evicted).collect();
    assert_eq!(evicted, [false, true, false, false]);
}

#[test]
fn no_failure_is_counted_where_that_is_off() {
    let exempt = RateLimit {
        exempt: vec![Net::single(client(1))],
        ..RateLimit::default()
    };
    for rig in [Rig::allowing(0), Rig::with(exempt)] {
        for _ in 0..20 {
            rig.fail(1, 22);
        }
    }
}

#[test]
fn failures_of_keys_are_counted_per_client() {
    let rig = Rig::new();
    let join = || {
        let (scope, client) = (Scope::Keys, client(1));
        rig.throttle.enqueue(scope, client, "", &rig.config)
    };
    for _ in 0..2 {
        let attempt = join();
        assert_eq!(answer(&attempt), Some(Answer::Start));
        attempt.note_reached();
    }
    assert!(is_throttled(&join()));
    // A success lifts nothing: who has one good key may bring a thousand others.
    rig.start(1, 22).succeeded();
    assert!(is_throttled(&join()));
}

#[test]
fn no_queue_is_left_when_all_attempts_have_ended() {
    let rig = Rig::new();
    let attempts: Vec<_> = (0..50)
        .map(|n| rig.join(n % 7, 22 + u16::from(n % 3)))
        .collect();
    drop(attempts);
    let mut queues = rig.throttle.queues.lock_each();
    assert!(queues.all(|queues| queues.is_empty()));
}
