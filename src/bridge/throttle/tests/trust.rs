//! Users who have logged in before, and what their trust does not give to others.

use super::*;

/// As many as a client's users that were here before may have under way at once.
const RECENT: usize = 8;

#[test]
fn a_recent_login_lifts_the_wait_for_its_user_alone() {
    let rig = Rig::new();
    rig.start_as(1, 22, ALICE).succeeded();
    let crowd: Vec<_> = (0..RECENT).map(|_| rig.start_as(1, 22, ALICE)).collect();
    let guesses = [rig.start_as(1, 22, BOB), rig.start_as(1, 22, BOB)];
    let third = rig.join_as(1, 22, BOB);
    assert_eq!(answer(&third), None, "a third guess");
    drop(guesses);
    assert!(is_throttled(&third));
    // Alice still gets in, from behind the same address.
    drop(third);
    for attempt in crowd {
        attempt.succeeded();
    }
    rig.start_as(1, 22, ALICE).succeeded();
    // Her failures count like anybody's, and end the trust.
    rig.start_as(1, 22, ALICE).note_authentication();
    assert!(is_throttled(&rig.join_as(1, 22, ALICE)));
}

/// The table of trusted users has one group here, which their logins fill.
#[test]
fn a_user_without_an_entry_in_a_full_table_is_not_trusted() {
    let mut rig = Rig::new();
    rig.throttle = LoginThrottle::new(8, || NOW.get());
    for number in 0..8 {
        rig.start_as(number, 22, ALICE).succeeded();
    }
    for number in 100..104 {
        let port = 2000 + u16::from(number);
        rig.fail(number, port);
        rig.fail(number, port);
        assert!(is_throttled(&rig.join(number, port)), "{number}");
    }
}

#[test]
fn guesses_between_good_logins_stay_at_the_rate() {
    let rig = Rig::new();
    let mut guesses = 0;
    for _ in 0..240 {
        rig.start_as(1, 22, ALICE).succeeded();
        guesses += u32::from(fail(&rig.join_as(1, 22, BOB)));
        pass(Duration::from_millis(83));
    }
    // Two, and one each five seconds of the twenty.
    assert!((5..=6).contains(&guesses), "{guesses}");
}
