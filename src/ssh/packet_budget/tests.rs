//! Sequences of packets: those that are let through, and those that break a rule.

use super::*;
use std::cell::OnceCell;

thread_local! {
    static START: OnceCell<Instant> = const { OnceCell::new() };
    static PASSED: Cell<Duration> = const { Cell::new(Duration::ZERO) };
}

fn clock() -> Instant {
    START.with(|start| *start.get_or_init(crate::clock::now)) + PASSED.get()
}

fn pass(seconds: u64) {
    PASSED.set(PASSED.get() + Duration::from_secs(seconds));
}

fn budget() -> PacketBudget {
    PacketBudget::new(100, clock)
}

/// Reads a packet that the handler does not see.
fn unsolicited(budget: &PacketBudget) -> Result<(), Violation> {
    budget.note_read(4)?;
    budget.note_read(64)
}

/// Successful calls of `act` in a row, up to `most`.
fn admitted(most: usize, mut act: impl FnMut() -> Result<(), Violation>) -> usize {
    (0..most).take_while(|_| act().is_ok()).count()
}

/// Spends minutes of as many unsolicited packets as are always admitted.
fn pass_full_minutes(budget: &PacketBudget, minutes: usize) {
    for _ in 0..minutes {
        assert_eq!(admitted(200, || unsolicited(budget)), 200);
        pass(60);
    }
}

#[test]
fn two_hundred_unsolicited_packets_a_minute_are_admitted_for_ever() {
    let budget = budget();
    pass_full_minutes(&budget, 20);
    assert!(admitted(1000, || unsolicited(&budget)) <= 400);
    assert!(budget.violation().is_some());
}

#[test]
fn a_flood_ends_within_twice_the_cap() {
    let budget = budget();
    assert_eq!(admitted(199, || unsolicited(&budget)), 199);
    pass(60);
    assert!(admitted(1000, || unsolicited(&budget)) <= 202);
}

#[test]
fn packets_with_output_are_free_and_empty_ones_are_not() {
    let budget = budget();
    let packet = |bytes| {
        unsolicited(&budget)?;
        budget.note_output(bytes)
    };
    assert_eq!(admitted(100_000, || packet(1)), 100_000);
    assert!(admitted(1000, || packet(0)) <= 201);
}

/// Otherwise a byte of output would pay for half a megabyte that is decrypted for nothing.
#[test]
fn large_packets_before_output_are_not_free() {
    let budget = budget();
    let output = || {
        for size in [256 * 1024, 256 * 1024, 64] {
            budget.note_read(4)?;
            budget.note_read(size)?;
        }
        budget.note_output(1)
    };
    assert!(admitted(1000, output) <= 50);
}

#[test]
fn two_packets_before_each_of_output_are_free() {
    let budget = budget();
    let output = |before| {
        for _ in 0..before {
            unsolicited(&budget)?;
        }
        unsolicited(&budget)?;
        budget.note_output(1)
    };
    assert_eq!(admitted(10_000, || output(2)), 10_000);
    assert!((197..=201).contains(&admitted(10_000, || output(3))));
}

#[test]
fn output_earns_nothing_in_advance() {
    let budget = budget();
    for _ in 0..1000 {
        unsolicited(&budget).unwrap();
        budget.note_output(1).unwrap();
    }
    assert_eq!(admitted(1000, || unsolicited(&budget)), 200);
}

#[test]
fn input_earns_two_packets_of_reply() {
    let budget = budget();
    for _ in 0..1000 {
        budget.note_input(1);
    }
    budget.note_input(100 * 1024);
    let earned = 2 * (1000 + 1000 / 256 + 1 + 400);
    let admitted = admitted(10_000, || unsolicited(&budget));
    assert!((earned + 199..=earned + 203).contains(&admitted));
}

#[test]
fn each_piece_of_input_earns_a_simulated_echo_and_an_adjustment() {
    let budget = budget();
    let key = || {
        budget.note_input(1);
        unsolicited(&budget)?;
        unsolicited(&budget)
    };
    assert_eq!(admitted(100_000, key), 100_000);
}

#[test]
fn a_paste_earns_packets_by_its_length() {
    let budget = budget();
    budget.note_input(512 * 1024);
    let admitted = admitted(10_000, || unsolicited(&budget));
    assert!((4096 + 199..=4096 + 203).contains(&admitted));
}

#[test]
fn earned_packets_that_are_saved_up_have_a_cap() {
    let budget = budget();
    pass_full_minutes(&budget, 1000);
    for _ in 0..1000 {
        budget.note_input(1 << 30);
    }
    let most = 16_384 + 2 * 201;
    assert!((16_384..=most).contains(&admitted(100_000, || unsolicited(&budget))));
}

#[test]
fn the_first_violation_is_the_one_reported() {
    type Act = fn(&PacketBudget) -> Result<(), Violation>;
    let table: [(&str, Act); 4] = [
        ("in a packet", |budget| budget.note_output(101)),
        ("after the end", |budget| {
            budget.note_end_of_output();
            budget.note_output(1)
        }),
        ("banners", |budget| {
            budget.note_banner(64 * 1024)?;
            budget.note_banner(1)
        }),
        ("new keys", |budget| {
            assert_eq!(admitted(10, || budget.note_rekey()), 10);
            budget.note_rekey()
        }),
    ];
    for (words, act) in table {
        let budget = budget();
        let violation = act(&budget).unwrap_err();
        assert!(violation.contains(words), "{words}: {violation}");
        assert_eq!(budget.note_banner(usize::MAX), Err(violation));
        assert_eq!(budget.violation(), Some(violation));
    }
}

#[test]
fn key_exchanges_that_traffic_explains_are_free() {
    let budget = PacketBudget::new(u32::MAX, clock);
    for _ in 0..1000 {
        budget.note_output(9 * 1024).unwrap();
        budget.note_input(7 * 1024);
        budget.note_rekey().unwrap();
    }
    for _ in 0..5 {
        assert_eq!(admitted(10, || budget.note_rekey()), 10);
        pass(60);
    }
}

#[test]
fn earned_key_exchanges_that_are_saved_up_have_a_cap() {
    let budget = PacketBudget::new(u32::MAX, clock);
    budget.note_output(1 << 30).unwrap();
    assert_eq!(admitted(1000, || budget.note_rekey()), 64 + 10);
}
