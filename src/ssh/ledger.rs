//! What an SSH server may cost beyond what it was asked for: the account of one connection, and
//! the rules a server must keep (RFC 4254 section 5.2). The window is not among them: russh
//! re-opens it on receipt, so whatever is read is within it; the read credit bounds what is held.
//!
//! Shared by the stream, which sees every packet go by, and the handler, which is told of those
//! that carry something; it reads, sends and ends nothing itself.
//!
//! russh answers or drops most packets without a word to its handler: global requests, IGNORE,
//! DEBUG, data for channels that are closed or never were. They are what is left when the
//! packets that the handler accounts for are taken from those that were read. So one bound holds
//! for all of them together, known or not: [`MAX_IDLE`].
//!
//! AsyncSSH's servers put an empty IGNORE in front of every packet. So one idle packet in front of
//! each packet of output is free, and one that fills no more than a cipher's block counts half.
//!
//! OpenSSH's server answers input with an IGNORE of the same length while its terminal reads lines
//! without echo, so that nobody sees on the wire that a password is typed. So input earns idle packets
//! (see [`INPUT_PER_ANSWER`]).
//!
//! Promise: a server that sends at most 100 idle packets in any minute beside those its input has
//! earned, and asks for 10 key exchanges beside those its traffic has earned (see
//! [`REKEY_EARNED_BY`]), is never ended by this; one that sends more than twice as many in a minute
//! (four times, if they are that small), or asks for more than twice as many, always is.

use crate::runtime::WakerSlot;
use std::cell::Cell;
use std::task::{Context, Poll};
use std::time::{Duration, Instant};

#[cfg(test)]
mod tests;

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
/// Key exchanges a minute that no traffic explains. Each costs about 0.6 ms of CPU.
const MAX_REKEYS: u64 = 10;
/// Bytes of channel data, both ways together, that earn the server a key exchange: in small packets
/// they cost more. sshd's `RekeyLimit` is set that low by nobody but testers.
const REKEY_EARNED_BY: u64 = 16 * 1024;
/// Key exchanges that can be saved up.
const MAX_EARNED: u64 = 64;
/// What limits the counts above.
const MINUTE: Duration = Duration::from_secs(60);
/// Bytes of banner, all together.
const MAX_BANNERS: usize = 64 * 1024;
/// Input that earns the server one packet of answer of a kind, in bytes, beside the one for each packet:
/// one that widens its window after each, or a simulated echo. No server takes smaller packets.
const INPUT_PER_ANSWER: u64 = 256;
/// Idle packets that can be saved up, at [`LARGE`] points each: as many as the input that fills the
/// window of OpenSSH's server, 2 MiB, may bring.
const MAX_SAVED: u64 = LARGE * 2 * 1024 * 1024 / INPUT_PER_ANSWER;

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

    /// The running total has gone down to `count`.
    fn lower(&self, count: u64) {
        self.base.set(self.base.get().min(count));
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
    /// Those of packets that were worth it, and those that input has earned.
    accounted: Cell<u64>,
    /// The idle ones when output last came.
    idle_mark: Cell<u64>,
    idle: PerMinute,
    rekeys: Cell<u64>,
    rekeys_per_minute: PerMinute,
    /// Bytes of channel data that have not earned new keys yet.
    traffic: Cell<u64>,
    /// Window adjustments that our input pays for.
    adjusts: Cell<u64>,
    input_rest: Cell<u64>,
    banners: Cell<usize>,
    max_data: usize,
    ended: Cell<bool>,
    /// Packets read, and who waits for the next.
    packets: Cell<u64>,
    waiter: WakerSlot,
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
            packets: Cell::new(0),
            waiter: WakerSlot::default(),
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

    /// A piece of a packet has been read, of this many bytes.
    pub(super) fn note_piece(&self, bytes: usize) -> Result<(), Fault> {
        if FIRST_PIECES.contains(&bytes) {
            return Ok(());
        }
        add(&self.packets, 1);
        self.waiter.wake();
        let points = if bytes <= SMALL_PACKET { SMALL } else { LARGE };
        self.latest.set(points);
        add(&self.points, points);
        if self.idle.is_exceeded(self.idle_points(), self.now) {
            return self.blame("it sent too many messages that nobody waits for");
        }
        Ok(())
    }

    /// Packets that were read.
    pub(super) fn packets(&self) -> u64 {
        self.packets.get()
    }

    /// Ready once more than `before` packets were read. One task waits at a time.
    pub(super) fn poll_packet_after(&self, before: u64, cx: &Context<'_>) -> Poll<()> {
        if self.packets.get() > before {
            return Poll::Ready(());
        }
        self.waiter.register(cx.waker());
        Poll::Pending
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
        self.input_rest.set(total % INPUT_PER_ANSWER);
        let answers = 1 + total / INPUT_PER_ANSWER;
        add(&self.adjusts, answers);
        let saved = self.points.get().saturating_add(MAX_SAVED);
        add(&self.accounted, LARGE * answers);
        self.accounted.set(self.accounted.get().min(saved));
        // What was counted before must not become credit beyond the bound.
        self.idle.lower(self.idle_points());
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
        let traffic = self.traffic.get().min(MAX_EARNED * REKEY_EARNED_BY);
        match traffic.checked_sub(REKEY_EARNED_BY) {
            Some(left) => self.traffic.set(left),
            None => add(&self.rekeys, 1),
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
