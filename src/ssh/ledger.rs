//! What an SSH server may cost beyond what it was asked for: the account of one connection, and
//! the rules a server must keep (RFC 4254 section 5.2). The window is not among them: russh
//! re-opens it on receipt, so whatever is read is within it; the gate bounds what is held. Shared by the stream, which sees every
//! packet go by, and the handler, which is told of those that carry something; it reads, sends
//! and ends nothing itself.
//!
//! russh answers or drops most packets without a word to its handler: global requests, IGNORE,
//! DEBUG, data for channels that are closed or never were. They are what is left when the
//! packets that the handler accounts for are taken from those that were read. So one bound holds
//! for all of them together, known or not: [`MAX_IDLE`].
//!
//! AsyncSSH's servers put an empty IGNORE in front of every packet. So one idle packet in front of
//! each packet of output is free, and one that fills no more than a cipher's block counts half.
//!
//! Promise: a server that sends at most 100 idle packets in any minute, and 10 key exchanges
//! that fewer than [`REKEY_EARNED_BY`] bytes lie between, is never ended by this; one that sends
//! more than twice as many in a minute (four times, if they are that small) always is.

use std::cell::Cell;
use std::time::{Duration, Instant};

/// Packets a minute that bring nothing a session waits for, at [`LARGE`] points each.
const MAX_IDLE: u64 = 100 * LARGE;
/// What a packet counts.
const LARGE: u64 = 2;
/// What a packet counts that has hardly room for more than its type.
const SMALL: u64 = 1;
/// After its length, such a packet has 16 bytes and the tag of AES-GCM or ChaCha20-Poly1305. With
/// the MACs of old ciphers all packets are larger.
const SMALL_PACKET: usize = 32;
/// russh reads a packet in two pieces: first one of this size, the length, or of this size, a
/// block of an old cipher; no second piece has either.
const FIRST_PIECES: [usize; 2] = [4, 16];
/// Key exchanges a minute that no traffic explains. Each costs about half a millisecond of CPU.
const MAX_REKEYS: u64 = 10;
/// Bytes of channel data, both ways together, after which new keys are not counted: relaying
/// them cost as much. OpenSSH's `RekeyLimit` is set that low by nobody but testers.
const REKEY_EARNED_BY: u64 = 32 * 1024;
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
    /// Points of all packets.
    points: Cell<u64>,
    /// Those of the latest.
    latest: Cell<u64>,
    /// Those of packets that were worth it.
    accounted: Cell<u64>,
    /// The idle ones when output last came.
    idle_mark: Cell<u64>,
    idle: PerMinute,
    rekeys: Cell<u64>,
    rekeys_per_minute: PerMinute,
    /// Bytes of channel data since the last new keys.
    traffic: Cell<u64>,
    /// Window adjustments that our input pays for.
    adjusts: Cell<u64>,
    input_rest: Cell<u64>,
    banners: Cell<usize>,
    max_data: usize,
    ended: Cell<bool>,
    now: fn() -> Instant,
}

impl Ledger {
    /// `max_data`, in bytes: what the server was told it may send in one packet.
    pub(super) fn new(max_data: u32, now: fn() -> Instant) -> Self {
        let start = now();
        Self {
            fault: Cell::new(None),
            points: Cell::new(0),
            latest: Cell::new(0),
            accounted: Cell::new(0),
            idle_mark: Cell::new(0),
            idle: PerMinute::new(MAX_IDLE, start),
            rekeys: Cell::new(0),
            rekeys_per_minute: PerMinute::new(MAX_REKEYS, start),
            traffic: Cell::new(0),
            adjusts: Cell::new(0),
            input_rest: Cell::new(0),
            banners: Cell::new(0),
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

    /// A piece has been read, of this many bytes.
    pub(super) fn note_piece(&self, bytes: usize) -> Result<(), Fault> {
        if FIRST_PIECES.contains(&bytes) {
            return Ok(());
        }
        let points = if bytes <= SMALL_PACKET { SMALL } else { LARGE };
        self.latest.set(points);
        add(&self.points, points);
        if self.idle.is_exceeded(self.idle_points(), self.now) {
            return self.blame("it sent too many messages that nobody waits for");
        }
        Ok(())
    }

    fn idle_points(&self) -> u64 {
        self.points.get().saturating_sub(self.accounted.get())
    }

    /// The latest packet was worth it, and so is one before it.
    fn account(&self) {
        add(&self.accounted, self.latest.get());
        let before = self.idle_points().saturating_sub(self.idle_mark.get());
        add(&self.accounted, before.min(LARGE));
        self.idle_mark.set(self.idle_points());
    }

    /// Output for the channel. Empty packets count as idle.
    pub(super) fn note_output(&self, bytes: usize) -> Result<(), Fault> {
        if self.ended.get() {
            return self.blame("it sent data after the end of its data");
        }
        if bytes > self.max_data {
            return self.blame("it sent more data in a packet than it was told it may");
        }
        if bytes > 0 {
            self.account();
            add(&self.traffic, bytes as u64);
        }
        Ok(())
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
            self.account();
        }
    }

    /// New keys, whoever asked for them.
    pub(super) fn note_rekey(&self) -> Result<(), Fault> {
        // KEXINIT and the reply came before the latest, NEWKEYS.
        add(&self.accounted, 2 * LARGE + self.latest.get());
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
        let paid = 1000 + 1000 / 256 + 1 + 400;
        assert!((paid + 99..=paid + 102).contains(&fine(10_000, adjust)));
    }

    #[test]
    fn faults() {
        type Act = fn(&Ledger) -> Result<(), Fault>;
        let table: [(&str, Act); 5] = [
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
