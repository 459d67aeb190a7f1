//! Splits a client's large messages into small ones, for a dialect in which input is a stream of
//! bytes and message boundaries mean nothing: the compatible one, whose clients may send more at
//! once than a session may buffer. Each piece is a binary message (RFC 6455 section 5.2), passed on
//! as it arrives.
//!
//! Messages up to the limit pass unchanged, control text among them; a larger one is never control.
//! The UTF-8 of a large one is not checked. Frames that break the rules pass, too: the WebSocket
//! layer above refuses them. Bytes in, bytes out: no socket here.

#[cfg(test)]
mod tests;

use super::inspector::{BINARY, CONTINUATION, FIN, MASKED, OPCODE, RESERVED_BITS, TEXT};

/// Largest piece, in bytes.
const PIECE: u64 = 8 * 1024;

/// Bytes of a character that may still come when a message of text has to end.
const MAX_MISSING: u64 = 3;

/// Payload of the present frame.
#[derive(Debug, Clone, Copy)]
struct Payload {
    /// Bytes not received yet.
    left: u64,
    /// Masking key, rotated so that its first byte is for the next byte.
    mask: [u8; 4],
    /// Bytes up to the next piece's header; `None` if the frame is not split.
    piece: Option<u64>,
    /// Part of a message of text that may have to end.
    text: bool,
}

/// The message that is open between frames.
#[derive(Debug, Default, Clone, Copy)]
struct Open {
    text: bool,
    /// It is split: its first piece has ended.
    split: bool,
    /// Bytes of it that passed unchanged.
    passed: u64,
    /// Bytes that the last character of its text lacks.
    missing: u64,
}

/// Bytes of a header received so far; the longest has 14.
#[derive(Debug, Default)]
struct Header {
    bytes: [u8; 14],
    length: usize,
}

impl Header {
    fn push(&mut self, byte: u8) {
        if let Some(slot) = self.bytes.get_mut(self.length) {
            *slot = byte;
            self.length += 1;
        }
    }

    fn bytes(&self) -> &[u8] {
        self.bytes.get(..self.length).unwrap_or_default()
    }
}

/// State between two reads.
#[derive(Debug, Default)]
pub(super) struct MessageSplitter {
    limit: u64,
    header: Header,
    payload: Option<Payload>,
    open: Option<Open>,
}

impl MessageSplitter {
    /// `limit`: largest message that is not split, in bytes.
    pub(super) fn new(limit: usize) -> Self {
        Self {
            limit: limit as u64,
            ..Self::default()
        }
    }

    /// Appends `input`, split, to `out`; holds back at most a part of a header.
    pub(super) fn split(&mut self, mut input: &[u8], out: &mut Vec<u8>) {
        loop {
            if let Some(payload) = self.payload {
                if payload.left > 0 && input.is_empty() {
                    return;
                }
                input = self.pass_payload(payload, input, out);
                continue;
            }
            let Some((byte, rest)) = input.split_first() else {
                return;
            };
            self.header.push(*byte);
            input = rest;
            if let Some(length) = payload_length(self.header.bytes()) {
                let header = std::mem::take(&mut self.header);
                self.begin(header.bytes(), length, out);
            }
        }
    }

    fn pass_payload<'a>(
        &mut self,
        mut payload: Payload,
        input: &'a [u8],
        out: &mut Vec<u8>,
    ) -> &'a [u8] {
        if payload.left == 0 {
            self.payload = None;
            return input;
        }
        let mut most = payload.left;
        if let Some(piece) = &mut payload.piece {
            if *piece == 0 {
                *piece = payload.left.min(self.limit.clamp(1, PIECE));
                write_header(FIN | BINARY, *piece, payload.mask, out);
            }
            most = *piece;
        }
        let count = usize::try_from(most).unwrap_or(usize::MAX).min(input.len());
        let (bytes, rest) = input.split_at(count);
        if let Some(open) = self.open.as_mut().filter(|_| payload.text) {
            let plain = bytes.iter().zip(payload.mask.iter().cycle());
            plain.for_each(|(byte, key)| open.missing = missing_after(open.missing, byte ^ key));
        }
        out.extend_from_slice(bytes);
        payload.mask.rotate_left(count % 4);
        payload.left -= count as u64;
        if let Some(piece) = &mut payload.piece {
            *piece -= count as u64;
        }
        self.payload = Some(payload);
        rest
    }

    /// Passes a complete header on, or that of the first piece in its place.
    fn begin(&mut self, header: &[u8], length: u64, out: &mut Vec<u8>) {
        let first = header.first().copied().unwrap_or_default();
        let masked = header.get(1).is_some_and(|second| second & MASKED != 0);
        let mask = header.last_chunk().copied().filter(|_| masked);
        let mut payload = Payload {
            left: length,
            mask: mask.unwrap_or_default(),
            piece: None,
            text: false,
        };
        let is_data = first & OPCODE <= BINARY && first & RESERVED_BITS == 0;
        // The top bit of a length must not be set.
        if masked && is_data && i64::try_from(length).is_ok() {
            self.begin_data(first, &mut payload, out);
        }
        if payload.piece.is_none() {
            out.extend_from_slice(header);
        }
        self.payload = Some(payload);
    }

    fn begin_data(&mut self, first: u8, payload: &mut Payload, out: &mut Vec<u8>) {
        let mut open = match (first & OPCODE, self.open) {
            (CONTINUATION, Some(open)) => open,
            // Refused by the layer above.
            (CONTINUATION, None) | (TEXT | BINARY, Some(_)) => return,
            (opcode, _) => Open {
                text: opcode == TEXT,
                ..Open::default()
            },
        };
        let begins = first & OPCODE != CONTINUATION;
        let ends = first & FIN != 0;
        // A message that may have to end early keeps room for the end of a character.
        let reserve = if begins && ends { 0 } else { MAX_MISSING };
        let total = open.passed.saturating_add(payload.left);
        let too_large = total > self.limit.saturating_sub(reserve);
        if open.split || (too_large && begins) {
            open.split = true;
            payload.piece = Some(0);
        } else if too_large && payload.left >= open.missing {
            open.split = true;
            write_header(FIN | CONTINUATION, open.missing, payload.mask, out);
            payload.piece = Some(open.missing);
        } else {
            open.passed = total;
            payload.text = open.text && reserve > 0;
        }
        self.open = (!ends).then_some(open);
    }
}

/// Length of the payload, once the header is complete.
fn payload_length(header: &[u8]) -> Option<u64> {
    let second = *header.get(1)?;
    let mask = if second & MASKED == 0 { 0 } else { 4 };
    let (extended, length) = match second & !MASKED {
        126 => (
            2,
            u64::from(u16::from_be_bytes(*header.get(2..)?.first_chunk()?)),
        ),
        127 => (8, u64::from_be_bytes(*header.get(2..)?.first_chunk()?)),
        short => (0, u64::from(short)),
    };
    (header.len() == 2 + extended + mask).then_some(length)
}

/// Appends the header of a masked frame of at most [`PIECE`] bytes.
fn write_header(first: u8, length: u64, mask: [u8; 4], out: &mut Vec<u8>) {
    out.push(first);
    match u8::try_from(length) {
        Ok(short) if short < 126 => out.push(MASKED | short),
        _ => {
            out.push(MASKED | 126);
            // At most PIECE.
            out.extend_from_slice(&u16::try_from(length).unwrap_or(u16::MAX).to_be_bytes());
        }
    }
    out.extend_from_slice(&mask);
}

/// Bytes a character still lacks, one byte further.
fn missing_after(missing: u64, byte: u8) -> u64 {
    match byte {
        0x80..0xc0 => missing.saturating_sub(1),
        0xc0..0xe0 => 1,
        0xe0..0xf0 => 2,
        0xf0.. => 3,
        _ => 0,
    }
}
