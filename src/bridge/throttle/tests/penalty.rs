//! Prices of ended attempts at a target, which are those of sshd's PerSourcePenalties.

use super::*;

/// Ends five attempts, of five clients, that have lasted for `age`. Returns how many logins may
/// fail then, each of another client, before the target's budget of 100 s is used up.
fn failures_left(authentication: bool, age: Duration) -> usize {
    let rig = Rig::with(RateLimit {
        target_penalty: Some(Duration::from_secs(100)),
        ..RateLimit::default()
    });
    let attempts = [1, 2, 3, 4, 5].map(|number| rig.start(number, 22));
    if authentication {
        attempts.iter().for_each(LoginAttempt::note_authentication);
    }
    pass(age);
    drop(attempts);
    let others = 100..=u8::MAX;
    others
        .take_while(|number| fail(&rig.join(*number, 22)))
        .count()
}

#[test]
fn an_attempt_costs_the_target_what_the_server_counts_for_its_last_step() {
    let none = Duration::ZERO;
    // One second each before authentication, five after.
    assert_eq!(failures_left(false, none), (100 - 5) / 5);
    assert_eq!(failures_left(true, none), (100 - 25) / 5);
}

#[test]
fn an_attempt_that_may_have_exceeded_the_servers_grace_time_costs_the_target_twenty_seconds() {
    let grace = Duration::from_secs(110);
    let before = grace - Duration::from_millis(1);
    assert_eq!(failures_left(false, before), (100 - 5) / 5);
    assert_eq!(failures_left(true, before), (100 - 25) / 5);
    for authentication in [false, true] {
        assert_eq!(failures_left(authentication, grace), 0, "{authentication}");
    }
}
