//! Many clients that wait at one target: their order, and what they cost.

use super::*;

/// A crowd costs each of its members little, yet all of it is served in its order.
#[test]
fn a_crowd_that_waits_for_budget_is_served_in_its_order() {
    let rig = Rig::new();
    let port = 22;
    for number in 0..3 {
        rig.fail(200 + number, port);
    }
    let crowd: Vec<_> = (1..=40).map(|number| rig.join(number, port)).collect();
    let mut waiting: Vec<_> = crowd.into_iter().enumerate().collect();
    for (_, attempt) in &waiting {
        assert!(matches!(answer(attempt), Some(Answer::RetryIn(_))));
    }
    let mut order = Vec::new();
    while !waiting.is_empty() {
        pass(Duration::from_secs(5));
        // Their timers fire in the opposite order.
        for (_, attempt) in waiting.iter().rev() {
            attempt.retry();
        }
        let started = waiting.extract_if(.., |(_, attempt)| answer(attempt) == Some(Answer::Start));
        for (number, attempt) in started.collect::<Vec<_>>() {
            order.push(number);
            attempt.note_reached();
            attempt.note_authentication();
        }
    }
    assert!(order.is_sorted(), "{order:?}");
}

/// CPU time that a crowd of `size` clients costs as it comes while others log in.
fn cost_of_crowd(size: u32) -> Duration {
    let rig = Rig::new();
    let _running: Vec<_> = (0..3).map(|number| rig.start(number, 22)).collect();
    let begin = crate::clock::thread_cpu();
    let join = |number: u32| {
        let address = std::net::Ipv6Addr::from(u128::from(number) << 64);
        let throttle = &rig.throttle;
        throttle.enqueue(target(22), address.into(), ALICE, &rig.config)
    };
    let crowd: Vec<_> = (1..=size).map(join).collect();
    let time = crate::clock::thread_cpu() - begin;
    assert!(crowd.iter().all(|attempt| answer(attempt).is_none()));
    time
}

#[test]
fn the_cost_of_a_waiting_client_does_not_grow_with_the_crowd() {
    // The least of several: what else the machine does costs caches.
    let least = |size| (0..5).map(|_| cost_of_crowd(size)).min().unwrap();
    let (small, large) = (least(200), least(2000));
    // Ten times as many; a hundred times as long if each asked all others.
    assert!(large < small * 40, "{small:?}, {large:?}");
}
