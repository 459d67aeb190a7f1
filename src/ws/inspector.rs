//! Inspection of the client's frame headers, before tungstenite parses them: rules that tungstenite
//! does not check, or only once the payload is there (RFC 6455 section 5.2), and the rate of frames
//! that it swallows, control frames and empty fragments. Keeps no payload. tungstenite checks
//! lengths above the limit, the content of messages and that of close frames.

#[cfg(test)]
mod tests;

use crate::error::WsViolation;
use std::time::{Duration, Instant};

/// Longest header of a client's frame, in bytes: two, a length of eight, the mask.
const MAX_HEADER: usize = 14;

pub(super) const FIN: u8 = 0x80;
pub(super) const RESERVED_BITS: u8 = 0x70;
pub(super) const OPCODE: u8 = 0x0f;
pub(super) const MASKED: u8 = 0x80;
const LENGTH: u8 = 0x7f;

pub(super) const CONTINUATION: u8 = 0x0;
pub(super) const TEXT: u8 = 0x1;
pub(super) const BINARY: u8 = 0x2;
const CLOSE: u8 = 0x8;
const PING: u8 = 0x9;
const PONG: u8 = 0xa;

/// Longest payload of a control frame, in bytes (RFC 6455 section 5.5).
const MAX_CONTROL: u64 = 125;

/// Frames without data that a client may send at once: unsolicited control frames and empty
/// fragments.
const BURST: u64 = 1024;

/// Frames without data per second beyond the burst. Heartbeats and latency meters send one to ten.
const PER_SECOND: u64 = 32;

/// Time in which one more of them is allowed, in microseconds.
const MICROS_PER_TOKEN: u64 = 1_000_000 / PER_SECOND;

/// Token bucket of frames without data.
///
/// Frames that came while nothing was read arrive at once, so the time of a pause counts in full,
/// beyond the burst.
#[derive(Debug)]
struct TokenBucket {
    tokens: u64,
    /// Time up to which tokens were added. Less than one token's worth counts at the next read,
    /// unless the bucket is full.
    earned_until: Instant,
    /// Pongs that answer our pings cost nothing.
    owed_pongs: u64,
}

impl TokenBucket {
    /// To be called for each read.
    fn refill(&mut self, now: Instant) {
        let micros = now.saturating_duration_since(self.earned_until).as_micros();
        let earned = u64::try_from(micros).unwrap_or(u64::MAX) / MICROS_PER_TOKEN;
        if earned > 0 {
            self.tokens = self.tokens.min(BURST) + earned;
            self.earned_until = if self.tokens < BURST {
                self.earned_until + Duration::from_micros(earned * MICROS_PER_TOKEN)
            } else {
                now
            };
        }
    }

    fn charge(&mut self, opcode: u8) -> Result<(), WsViolation> {
        if opcode == PONG && self.owed_pongs > 0 {
            self.owed_pongs -= 1;
            return Ok(());
        }
        self.tokens = self.tokens.checked_sub(1).ok_or(WsViolation::Flood)?;
        Ok(())
    }
}

/// Parser state of the client's frames.
#[derive(Debug)]
pub(super) struct Inspector {
    header: [u8; MAX_HEADER],
    header_len: usize,
    /// Bytes of the present payload that were not received yet.
    payload: u64,
    /// A message has begun and not ended.
    in_message: bool,
    /// The header of a close frame was seen.
    closing: bool,
    /// First violation found.
    pub(super) violation: Option<WsViolation>,
    /// A length was invalid: the start of the next frame is unknown.
    lost: bool,
    /// Largest payload of a frame, in bytes.
    read_limit: u64,
    bucket: TokenBucket,
}

impl Inspector {
    pub(super) fn new(read_limit: usize, now: Instant) -> Self {
        Self {
            header: [0; MAX_HEADER],
            header_len: 0,
            payload: 0,
            in_message: false,
            closing: false,
            violation: None,
            lost: false,
            read_limit: read_limit as u64,
            bucket: TokenBucket {
                tokens: BURST,
                earned_until: now,
                owed_pongs: 0,
            },
        }
    }

    /// Expects one more pong.
    pub(super) fn expect_pong(&mut self) {
        self.bucket.owed_pongs += 1;
    }

    /// Returns whether a whole close frame was received. Known after a violation, too, unless
    /// frames cannot be told apart.
    pub(super) fn has_closed(&self) -> bool {
        self.closing && self.payload == 0 && self.header_len == 0
    }

    /// Inspects the next bytes. Returns the number of those before a violation: all, if there is
    /// none.
    pub(super) fn inspect(&mut self, bytes: &[u8], now: Instant) -> usize {
        self.bucket.refill(now);
        let (mut rest, mut good) = (bytes, bytes.len());
        if self.violation.is_some() {
            good = 0;
        }
        while !(rest.is_empty() || self.lost || self.has_closed()) {
            if self.header_len == 0 && self.payload > 0 {
                let count = usize::try_from(self.payload).map_or(rest.len(), |n| n.min(rest.len()));
                self.payload -= count as u64;
                rest = rest.get(count..).unwrap_or_default();
                continue;
            }
            let at = bytes.len() - rest.len();
            let Some((byte, behind)) = rest.split_first() else {
                break;
            };
            rest = behind;
            if let Err(violation) = self.push(*byte)
                && self.violation.is_none()
            {
                self.violation = Some(violation);
                good = at;
            }
        }
        good
    }

    /// Appends a byte of a header and checks what it completes.
    fn push(&mut self, byte: u8) -> Result<(), WsViolation> {
        if let Some(slot) = self.header.get_mut(self.header_len) {
            *slot = byte;
        }
        self.header_len += 1;
        let [first, second, ..] = self.header;
        if self.header_len < 2 {
            return Ok(());
        }
        let extended = match second & LENGTH {
            126 => 2,
            127 => 8,
            _ => 0,
        };
        let mask = if second & MASKED == 0 { 0 } else { 4 };
        let mut checked = Ok(());
        if self.header_len == 2 {
            checked = self.check_start(first, second);
        }
        if self.header_len == 2 + extended {
            checked = checked.and(self.check_length(second, extended));
        }
        if self.header_len >= 2 + extended + mask {
            self.header_len = 0;
        }
        checked
    }

    /// Checks the first two bytes of a frame's header.
    fn check_start(&mut self, first: u8, second: u8) -> Result<(), WsViolation> {
        let (opcode, fin) = (first & OPCODE, first & FIN != 0);
        // A close frame that breaks a rule is the last frame, too.
        self.closing |= opcode == CLOSE;
        let sound = first & RESERVED_BITS == 0 && second & MASKED != 0;
        let allowed = match opcode {
            CONTINUATION => std::mem::replace(&mut self.in_message, !fin),
            TEXT | BINARY => !std::mem::replace(&mut self.in_message, !fin),
            CLOSE | PING | PONG => fin && u64::from(second & LENGTH) <= MAX_CONTROL,
            _ => false,
        };
        if !(sound && allowed) {
            return Err(WsViolation::Protocol);
        }
        let empty_fragment = second & LENGTH == 0 && (opcode == CONTINUATION || !fin);
        if matches!(opcode, PING | PONG) || empty_fragment {
            self.bucket.charge(opcode)?;
        }
        Ok(())
    }

    /// Checks a complete length: it must have the shortest form (RFC 6455 section 5.2), and the
    /// highest bit of the longest form must be 0.
    fn check_length(&mut self, second: u8, extended: usize) -> Result<(), WsViolation> {
        let bytes = self.header.get(2..2 + extended).unwrap_or_default();
        let extended = bytes
            .iter()
            .fold(0, |sum, byte| sum << 8 | u64::from(*byte));
        let (length, least) = match second & LENGTH {
            126 => (extended, 126),
            127 => (extended, 1 << 16),
            short => (u64::from(short), 0),
        };
        self.payload = length;
        if length > i64::MAX as u64 {
            self.lost = true;
            return Err(WsViolation::Protocol);
        }
        // One above the limit is too large, however it is written.
        if length < least && length <= self.read_limit {
            return Err(WsViolation::Protocol);
        }
        Ok(())
    }
}
