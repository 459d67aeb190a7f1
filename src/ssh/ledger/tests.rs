//! What a server may do, and from where on it is one thing too many.

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

fn ledger() -> Ledger {
    Ledger::new(100, clock)
}

/// Reads a packet of which the handler is told nothing.
fn idle(ledger: &Ledger) -> Result<(), Fault> {
    ledger.note_piece(4)?;
    ledger.note_piece(64)
}

/// How many times in a row `act` is fine, up to `most`.
fn fine(most: usize, mut act: impl FnMut() -> Result<(), Fault>) -> usize {
    (0..most).take_while(|_| act().is_ok()).count()
}

/// Minutes of as many idle packets as are always fine.
fn pass_idle_minutes(ledger: &Ledger, minutes: usize) {
    for _ in 0..minutes {
        assert_eq!(fine(100, || idle(ledger)), 100);
        pass(60);
    }
}

#[test]
fn a_hundred_idle_packets_a_minute_are_fine_for_ever() {
    let ledger = ledger();
    pass_idle_minutes(&ledger, 20);
    assert!(fine(1000, || idle(&ledger)) <= 200);
    assert!(ledger.fault().is_some());
}

#[test]
fn a_flood_ends_within_twice_the_bound() {
    let ledger = ledger();
    assert_eq!(fine(99, || idle(&ledger)), 99);
    pass(60);
    assert!(fine(1000, || idle(&ledger)) <= 102);
}

#[test]
fn packets_with_output_are_free_and_empty_ones_are_not() {
    let ledger = ledger();
    let packet = |bytes| {
        idle(&ledger)?;
        ledger.note_output(bytes)
    };
    assert_eq!(fine(100_000, || packet(1)), 100_000);
    assert!(fine(1000, || packet(0)) <= 101);
}

#[test]
fn an_idle_packet_in_front_of_output_is_free() {
    let ledger = ledger();
    let output = |before| {
        for _ in 0..before {
            idle(&ledger)?;
        }
        idle(&ledger)?;
        ledger.note_output(1)
    };
    assert_eq!(fine(10_000, || output(1)), 10_000);
    assert!((97..=101).contains(&fine(10_000, || output(2))));
}

#[test]
fn the_smallest_packets_count_half() {
    let ledger = ledger();
    let small = || {
        ledger.note_piece(4)?;
        ledger.note_piece(32)
    };
    assert_eq!(fine(1000, small), 200);
}

#[test]
fn adjustments_are_paid_for_by_input() {
    let ledger = ledger();
    let adjust = || {
        ledger.note_adjust();
        idle(&ledger)
    };
    for _ in 0..1000 {
        ledger.note_input(1);
    }
    ledger.note_input(100 * 1024);
    // As many more may be simulated echoes.
    let paid = 2 * (1000 + 1000 / 256 + 1 + 400);
    assert!((paid + 99..=paid + 103).contains(&fine(10_000, adjust)));
}

#[test]
fn input_earns_simulated_echoes() {
    let ledger = ledger();
    let key = || {
        ledger.note_input(1);
        idle(&ledger)
    };
    assert_eq!(fine(100_000, key), 100_000);
}

#[test]
fn a_paste_earns_simulated_echoes() {
    let ledger = ledger();
    ledger.note_input(512 * 1024);
    assert!((2048 + 99..=2048 + 103).contains(&fine(10_000, || idle(&ledger))));
}

#[test]
fn earned_packets_that_are_saved_up_have_an_end() {
    let ledger = ledger();
    pass_idle_minutes(&ledger, 1000);
    for _ in 0..1000 {
        ledger.note_input(1 << 30);
    }
    let most = 8192 + 2 * 101;
    assert!((8192..=most).contains(&fine(100_000, || idle(&ledger))));
}

#[test]
fn faults() {
    type Act = fn(&Ledger) -> Result<(), Fault>;
    let table: [(&str, Act); 4] = [
        ("in a packet", |ledger| ledger.note_output(101)),
        ("after the end", |ledger| {
            ledger.note_end_of_output();
            ledger.note_output(1)
        }),
        ("banners", |ledger| {
            ledger.note_banner(64 * 1024)?;
            ledger.note_banner(1)
        }),
        ("new keys", |ledger| {
            assert_eq!(fine(10, || ledger.note_rekey()), 10);
            ledger.note_rekey()
        }),
    ];
    for (words, act) in table {
        let ledger = ledger();
        let fault = act(&ledger).unwrap_err();
        assert!(fault.contains(words), "{words}: {fault}");
        // The first is what the session ends with.
        assert_eq!(ledger.note_banner(usize::MAX), Err(fault));
        assert_eq!(ledger.fault(), Some(fault));
    }
}

#[test]
fn new_keys_that_traffic_explains_are_free() {
    let ledger = Ledger::new(u32::MAX, clock);
    for _ in 0..1000 {
        ledger.note_output(9 * 1024).unwrap();
        ledger.note_input(7 * 1024);
        ledger.note_rekey().unwrap();
    }
    for _ in 0..5 {
        assert_eq!(fine(10, || ledger.note_rekey()), 10);
        pass(60);
    }
}

#[test]
fn what_is_saved_up_has_an_end() {
    let ledger = Ledger::new(u32::MAX, clock);
    ledger.note_output(1 << 30).unwrap();
    assert_eq!(fine(1000, || ledger.note_rekey()), 64 + 10);
}
