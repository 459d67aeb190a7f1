//! Bounds on what an SSH server may send beyond what a session asked for, and the rules of RFC 4254
//! section 5.2 that it must keep. Shared by the stream, which counts every packet, and the handler,
//! which sees those that carry something. Reads, sends and ends nothing itself.
//!
//! Three caps: [`MAX_UNSOLICITED`] packets a minute, [`MAX_REKEYS`] key exchanges a minute, and
//! [`MAX_BANNERS`] bytes of banner. The window is not among them: russh re-opens it on receipt, so
//! whatever is read is within it; the read credit bounds what is held.
//!
//! A packet is unsolicited unless the handler accounts for it. russh answers or drops most packets
//! without a call to its handler (global requests, IGNORE, DEBUG, data for channels that are closed
//! or never were), so that one cap holds for all of them together, known or not.
//!
//! Guarantee: this never ends a connection with fewer than 200 unsolicited packets a minute (login
//! and key exchange included; one of 64 KiB or more counts several times) and at most 10 requested
//! key exchanges, and always ends one above twice these numbers. Packets and key exchanges earned
//! by the following are not counted:
//! - output: see [`OUTPUT_EARNS`];
//! - input: see [`INPUT_PER_REPLY`]. OpenSSH answers it with an IGNORE of the same length while its
//!   terminal reads lines without echo, so that a password is not visible on the wire as such, and
//!   some servers widen their window after each packet;
//! - traffic of both directions: key exchanges, see [`REKEY_EARNED_BY`].

use crate::runtime::WakerSlot;
use std::cell::Cell;
use std::task::{Context, Poll};
use std::time::{Duration, Instant};

#[cfg(test)]
mod tests;

/// Packets a minute that bring nothing a session waits for.
const MAX_UNSOLICITED: i64 = 200;
/// Bytes that make a packet count once more: no packet of output or of a login has as many, and one
/// that is decrypted for nothing may have 256 KiB.
const PACKET_COST_UNIT: usize = 64 * 1024;
/// Key exchanges a minute that no traffic explains. Each costs about 0.6 ms of CPU.
const MAX_REKEYS: i64 = 10;
/// Span of the two caps above.
const MINUTE: Duration = Duration::from_secs(60);
/// Bytes of banner, all together.
const MAX_BANNERS: usize = 64 * 1024;
/// Sizes of the first of russh's two reads per packet: 4 (the length) or 16 (one block, with a CTR
/// or CBC cipher). No second read has either size.
const FIRST_PARTS: [usize; 2] = [4, 16];
/// Packets that a packet of output makes up for, if they came before it. AsyncSSH puts an empty
/// IGNORE in front of each packet, of output as of an adjustment of its window.
const OUTPUT_EARNS: i64 = 2;
/// Bytes of input that earn the server [`REPLY_PACKETS`], beside those that each packet of input
/// earns. No server takes smaller packets.
const INPUT_PER_REPLY: usize = 256;
/// Packets with which a server may reply to a piece of input: an adjustment of its window and a
/// simulated echo, or an adjustment and the IGNORE in front of it.
const REPLY_PACKETS: i64 = 2;
/// Earned packets that can be saved up: as many as the input that fills the window of OpenSSH's
/// server, 2 MiB, may bring.
const MAX_EARNED_PACKETS: i64 = REPLY_PACKETS * 2 * 1024 * 1024 / INPUT_PER_REPLY as i64;
/// Bytes of channel data, both ways together, that earn the server a key exchange: in small packets
/// they cost more. Only tests set sshd's `RekeyLimit` that low.
const REKEY_EARNED_BY: u64 = 16 * 1024;
/// Key exchanges that can be saved up.
const MAX_EARNED_REKEYS: u64 = 64;

/// Description of a broken rule, for the log and the client.
pub(super) type Violation = &'static str;

/// Counter of events per one-minute window, limited to `most`; across the edge of a window twice as
/// many pass. A negative count is credit. The clock is read only when the limit is reached.
#[derive(Debug)]
struct PerMinute {
    most: i64,
    count: Cell<i64>,
    since: Cell<Instant>,
}

impl PerMinute {
    fn new(most: i64, now: Instant) -> Self {
        Self {
            most,
            count: Cell::new(0),
            since: Cell::new(now),
        }
    }

    /// Adds `count`; returns `false` above the limit.
    fn add(&self, count: i64, now: impl FnOnce() -> Instant) -> bool {
        self.count.set(self.count.get() + count);
        if self.count.get() <= self.most {
            return true;
        }
        let now = now();
        if now.saturating_duration_since(self.since.get()) < MINUTE {
            return false;
        }
        self.since.set(now);
        self.count.set(0);
        true
    }

    fn subtract(&self, count: i64) {
        self.count.set(self.count.get() - count);
    }
}

/// Counts of one connection. Lives on one shard.
#[derive(Debug)]
pub(super) struct PacketBudget {
    violation: Cell<Option<Violation>>,
    unsolicited: PerMinute,
    rekeys: PerMinute,
    /// Bytes of channel data that have not earned a key exchange yet.
    traffic: Cell<u64>,
    /// Bytes of input that have not earned a reply yet.
    unpaid_input: Cell<usize>,
    banners: Cell<usize>,
    max_data: usize,
    /// The server has sent its end of data.
    ended: Cell<bool>,
    /// Packets read, and the task that waits for the next.
    packets: Cell<u64>,
    waiter: WakerSlot,
    now: fn() -> Instant,
}

impl PacketBudget {
    /// `max_data`: most bytes of data in a packet, as the server was told.
    pub(super) fn new(max_data: u32, now: fn() -> Instant) -> Self {
        let start = now();
        Self {
            violation: Cell::new(None),
            unsolicited: PerMinute::new(MAX_UNSOLICITED, start),
            rekeys: PerMinute::new(MAX_REKEYS, start),
            traffic: Cell::new(0),
            unpaid_input: Cell::new(0),
            banners: Cell::new(0),
            max_data: max_data as usize,
            ended: Cell::new(false),
            packets: Cell::new(0),
            waiter: WakerSlot::default(),
            now,
        }
    }

    /// The first rule that was broken.
    pub(super) fn violation(&self) -> Option<Violation> {
        self.violation.get()
    }

    fn violate(&self, violation: Violation) -> Result<(), Violation> {
        let first = self.violation.get().unwrap_or(violation);
        self.violation.set(Some(first));
        Err(first)
    }

    /// Counts a part of a packet that was read.
    pub(super) fn note_read(&self, bytes: usize) -> Result<(), Violation> {
        if FIRST_PARTS.contains(&bytes) {
            return Ok(());
        }
        self.packets.set(self.packets.get() + 1);
        self.waiter.wake();
        let cost = 1 + i64::try_from(bytes / PACKET_COST_UNIT).unwrap_or(i64::from(u32::MAX));
        if !self.unsolicited.add(cost, self.now) {
            return self.violate("it sent too many messages that carry no output");
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

    /// Accounts for a packet of output, and for [`OUTPUT_EARNS`] before it. An empty one stays
    /// unsolicited.
    pub(super) fn note_output(&self, bytes: usize) -> Result<(), Violation> {
        if self.ended.get() {
            return self.violate("it sent data after the end of its data");
        }
        if bytes > self.max_data {
            return self.violate("it sent more data in a packet than the maximum packet size");
        }
        if bytes > 0 {
            self.unsolicited.subtract(1);
            // Never below zero: output earns nothing in advance.
            let before = self.unsolicited.count.get().clamp(0, OUTPUT_EARNS);
            self.unsolicited.subtract(before);
            self.add_traffic(bytes);
        }
        Ok(())
    }

    /// Notes that no more data may come.
    pub(super) fn note_end_of_output(&self) {
        self.ended.set(true);
    }

    /// Credits the server for input that was handed to russh.
    pub(super) fn note_input(&self, bytes: usize) {
        self.add_traffic(bytes);
        let total = self.unpaid_input.get() + bytes;
        self.unpaid_input.set(total % INPUT_PER_REPLY);
        let replies = 1 + i64::try_from(total / INPUT_PER_REPLY).unwrap_or(MAX_EARNED_PACKETS);
        let earned = replies.min(MAX_EARNED_PACKETS) * REPLY_PACKETS;
        let count = self.unsolicited.count.get() - earned;
        self.unsolicited.count.set(count.max(-MAX_EARNED_PACKETS));
    }

    fn add_traffic(&self, bytes: usize) {
        let traffic = self.traffic.get().saturating_add(bytes as u64);
        self.traffic
            .set(traffic.min(MAX_EARNED_REKEYS * REKEY_EARNED_BY));
    }

    /// Counts a key exchange, whichever side began it.
    pub(super) fn note_rekey(&self) -> Result<(), Violation> {
        // KEXINIT, the reply, and NEWKEYS.
        self.unsolicited.subtract(3);
        if let Some(left) = self.traffic.get().checked_sub(REKEY_EARNED_BY) {
            self.traffic.set(left);
        } else if !self.rekeys.add(1, self.now) {
            return self.violate("it asked for new keys too often");
        }
        Ok(())
    }

    /// Counts text of a banner.
    pub(super) fn note_banner(&self, bytes: usize) -> Result<(), Violation> {
        let total = self.banners.get().saturating_add(bytes);
        self.banners.set(total);
        if total > MAX_BANNERS {
            return self.violate("it sent more than 64 KiB of banners");
        }
        Ok(())
    }
}
