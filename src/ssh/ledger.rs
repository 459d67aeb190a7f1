//! What an SSH server may cost beyond what it was asked for: the account of one connection, and
//! the rules a server must keep (RFC 4254 section 5.2). Shared by the stream, which sees every
//! packet go by, and the handler, which is told of those that carry something; it reads, sends
//! and ends nothing itself.
//!
//! russh answers or drops most packets without a word to its handler: global requests, IGNORE,
//! DEBUG, data for channels that are closed or never were. They are what is left when the
//! packets that the handler accounts for are taken from those that were read. So one bound,
//! [`MAX_IDLE_PACKETS`], holds for all of them together, known or not.
//!
//! Promise: a server that sends at most 100 idle packets in any minute, and 10 key exchanges
//! that fewer than [`REKEY_EARNED_BY`] bytes lie between, is never ended by this; more than
//! twice as much in a minute always is.

use std::cell::Cell;
use std::time::{Duration, Instant};

/// Packets a minute that bring nothing a session waits for.
const MAX_IDLE_PACKETS: u64 = 100;
/// Key exchanges a minute that no traffic explains. Each costs about half a millisecond of CPU.
const MAX_REKEYS: u64 = 10;
/// Bytes of channel data, both ways together, after which new keys are not counted: relaying
/// them cost as much. OpenSSH's `RekeyLimit` is set that low by nobody but testers.
const REKEY_EARNED_BY: u64 = 32 * 1024;
/// Packets of a key exchange: KEXINIT, the reply, NEWKEYS.
const PACKETS_OF_A_REKEY: u64 = 3;
/// What limits the counts above.
const MINUTE: Duration = Duration::from_secs(60);
/// Largest packet as it is read, in bytes. Channel data has at most 32 KiB (what we asked for);
/// RFC 4253 section 6.1 wants 35,000 taken. russh keeps a buffer as large as the largest.
const MAX_PACKET: usize = 64 * 1024;
/// Bytes of banner, all together.
const MAX_BANNERS: usize = 64 * 1024;
/// A server that widens its window after each of our packets answers one for each 256 bytes at
/// the most: no server takes smaller packets.
const INPUT_PER_ADJUST: u64 = 256;

/// What the server did that it may not: for the log and the client.
pub(super) type Fault = &'static str;

/// At most `most` of something a minute; more, up to twice as much, only across two minutes.
/// The clock is read only when the count is full.
#[derive(Debug)]
struct PerMinute {
    most: u64,
    since: Cell<Instant>,
    /// The count when the minute began.
    base: Cell<u64>,
}

impl PerMinute {
    fn new(most: u64, now: Instant) -> Self {
        Self {
            most,
            since: Cell::new(now),
            base: Cell::new(0),
        }
    }

    /// Whether `count`, a running total, is too much.
    fn is_exceeded(&self, count: u64, now: impl FnOnce() -> Instant) -> bool {
        if count.saturating_sub(self.base.get()) <= self.most {
            return false;
        }
        let now = now();
        if now.saturating_duration_since(self.since.get()) < MINUTE {
            return true;
        }
        self.since.set(now);
        self.base.set(count);
        false
    }
}

/// The account of one connection. Lives on one shard.
#[derive(Debug)]
pub(super) struct Ledger {
    fault: Cell<Option<Fault>>,
    /// russh reads a packet in two pieces, its length and the rest.
    pieces: Cell<u64>,
    /// Packets that were worth it.
    accounted: Cell<u64>,
    idle: PerMinute,
    rekeys: Cell<u64>,
    rekeys_per_minute: PerMinute,
    /// Bytes of channel data since the last new keys.
    traffic: Cell<u64>,
    /// Window adjustments that our input pays for.
    adjusts: Cell<u64>,
    input_rest: Cell<u64>,
    banners: Cell<usize>,
    window: Cell<usize>,
    window_size: usize,
    reopened: Cell<bool>,
    max_data: usize,
    ended: Cell<bool>,
    now: fn() -> Instant,
}

impl Ledger {
    /// `window` and `max_data`, in bytes: what the server was told it may send, and in one
    /// packet.
    pub(super) fn new(window: u32, max_data: u32, now: fn() -> Instant) -> Self {
        let window = window as usize;
        let start = now();
        Self {
            fault: Cell::new(None),
            pieces: Cell::new(0),
            accounted: Cell::new(0),
            idle: PerMinute::new(MAX_IDLE_PACKETS, start),
            rekeys: Cell::new(0),
            rekeys_per_minute: PerMinute::new(MAX_REKEYS, start),
            traffic: Cell::new(0),
            adjusts: Cell::new(0),
            input_rest: Cell::new(0),
            banners: Cell::new(0),
            window: Cell::new(window),
            window_size: window,
            reopened: Cell::new(false),
            max_data: max_data as usize,
            ended: Cell::new(false),
            now,
        }
    }

    /// The first rule that was broken.
    pub(super) fn fault(&self) -> Option<Fault> {
        self.fault.get()
    }

    fn blame(&self, fault: Fault) -> Result<(), Fault> {
        let first = self.fault.get().unwrap_or(fault);
        self.fault.set(Some(first));
        Err(first)
    }

    /// A piece of a packet is about to be read, of this many bytes.
    pub(super) fn expect_piece(&self, bytes: usize) -> Result<(), Fault> {
        if bytes > MAX_PACKET {
            return self.blame("it sent a packet above 64 KiB");
        }
        Ok(())
    }

    /// A piece has been read.
    pub(super) fn note_piece(&self) -> Result<(), Fault> {
        add(&self.pieces, 1);
        let read = self.pieces.get() / 2;
        let idle = read.saturating_sub(self.accounted.get());
        if self.idle.is_exceeded(idle, self.now) {
            return self.blame("it sent too many messages that nobody waits for");
        }
        Ok(())
    }

    /// Output for the channel. Empty packets count as idle.
    pub(super) fn note_output(&self, bytes: usize) -> Result<(), Fault> {
        if self.ended.get() {
            return self.blame("it sent data after the end of its data");
        }
        if bytes > self.max_data {
            return self.blame("it sent more data in a packet than it was told it may");
        }
        let Some(left) = self.window.get().checked_sub(bytes) else {
            return self.blame("it sent more data than the window allows");
        };
        let reopened = self.reopened.take();
        self.window
            .set(if reopened { self.window_size } else { left });
        if bytes > 0 {
            add(&self.accounted, 1);
            add(&self.traffic, bytes as u64);
        }
        Ok(())
    }

    /// russh has sent the server a full window, on account of the data that comes next.
    pub(super) fn note_window_reopened(&self) {
        self.reopened.set(true);
    }

    /// The server has said that no more data comes.
    pub(super) fn note_end_of_output(&self) {
        self.ended.set(true);
    }

    /// Input was handed to russh.
    pub(super) fn note_input(&self, bytes: usize) {
        let bytes = bytes as u64;
        add(&self.traffic, bytes);
        let total = self.input_rest.get() + bytes;
        self.input_rest.set(total % INPUT_PER_ADJUST);
        add(&self.adjusts, 1 + total / INPUT_PER_ADJUST);
    }

    /// The server takes more input. Free as far as there was some.
    pub(super) fn note_adjust(&self) {
        if let Some(left) = self.adjusts.get().checked_sub(1) {
            self.adjusts.set(left);
            add(&self.accounted, 1);
        }
    }

    /// New keys, whoever asked for them.
    pub(super) fn note_rekey(&self) -> Result<(), Fault> {
        add(&self.accounted, PACKETS_OF_A_REKEY);
        if self.traffic.take() < REKEY_EARNED_BY {
            add(&self.rekeys, 1);
        }
        if self
            .rekeys_per_minute
            .is_exceeded(self.rekeys.get(), self.now)
        {
            return self.blame("it asked for new keys too often");
        }
        Ok(())
    }

    /// Text of a banner.
    pub(super) fn note_banner(&self, bytes: usize) -> Result<(), Fault> {
        let total = self.banners.get().saturating_add(bytes);
        self.banners.set(total);
        if total > MAX_BANNERS {
            return self.blame("it sent more than 64 KiB of banners");
        }
        Ok(())
    }
}

fn add(cell: &Cell<u64>, more: u64) {
    cell.set(cell.get().saturating_add(more));
}

#[cfg(test)]
mod tests {
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
        Ledger::new(1000, 100, clock)
    }

    /// Reads a packet of which the handler is told nothing.
    fn idle(ledger: &Ledger) -> Result<(), Fault> {
        ledger.note_piece()?;
        ledger.note_piece()
    }

    /// How many times in a row `act` is fine, up to `most`.
    fn fine(most: usize, mut act: impl FnMut() -> Result<(), Fault>) -> usize {
        (0..most).take_while(|_| act().is_ok()).count()
    }

    #[test]
    fn a_hundred_idle_packets_a_minute_are_fine_for_ever() {
        let ledger = ledger();
        for _ in 0..20 {
            assert_eq!(fine(100, || idle(&ledger)), 100);
            pass(60);
        }
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
            ledger.note_window_reopened();
            ledger.note_output(bytes)
        };
        assert_eq!(fine(100_000, || packet(1)), 100_000);
        assert!(fine(1000, || packet(0)) <= 101);
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
        let paid = 1000 + 1000 / 256 + 1 + 400;
        assert!((paid + 99..=paid + 102).contains(&fine(10_000, adjust)));
    }

    #[test]
    fn the_window_is_kept() {
        let ledger = ledger();
        assert_eq!(fine(100, || ledger.note_output(100)), 10);
        let ledger = Ledger::new(1000, 100, clock);
        for _ in 0..100 {
            assert_eq!(fine(9, || ledger.note_output(100)), 9);
            // russh widens it with the packet that it learns this from.
            ledger.note_window_reopened();
            ledger.note_output(100).unwrap();
        }
        assert_eq!(fine(100, || ledger.note_output(100)), 10);
    }

    #[test]
    fn faults() {
        type Act = fn(&Ledger) -> Result<(), Fault>;
        let table: [(&str, Act); 6] = [
            ("in a packet", |ledger| ledger.note_output(101)),
            ("above 64 KiB", |ledger| ledger.expect_piece(64 * 1024 + 1)),
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
            ("window", |ledger| {
                assert_eq!(fine(10, || ledger.note_output(100)), 10);
                ledger.note_output(1)
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
        let ledger = Ledger::new(u32::MAX, u32::MAX, clock);
        for _ in 0..1000 {
            ledger.note_output(20 * 1024).unwrap();
            ledger.note_input(12 * 1024);
            ledger.note_rekey().unwrap();
        }
        for _ in 0..5 {
            assert_eq!(fine(10, || ledger.note_rekey()), 10);
            pass(60);
        }
    }
}
