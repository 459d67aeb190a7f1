//! Queue of input bytes, in packets for russh. Small pieces are coalesced, so that the memory
//! follows the bytes and not their number. Does not bound them: `mod.rs` does.

use bytes::{Bytes, BytesMut};
use std::collections::VecDeque;

/// Size of a packet, in bytes. russh queues ten of them behind a key exchange or a blocked socket:
/// at most 160 KiB.
const PACKET_SIZE: usize = 16 * 1024;

/// Bytes of keystrokes that share one reused buffer, so that a keystroke needs no allocation.
const MAX_SMALL: usize = 64;

/// Input queue. A chunk has a capacity of at most twice its length, and of [`PACKET_SIZE`].
#[derive(Debug, Default)]
pub(super) struct InputQueue {
    /// Keystrokes, before all chunks.
    small: BytesMut,
    chunks: VecDeque<Vec<u8>>,
    len: usize,
}

impl InputQueue {
    pub(super) fn len(&self) -> usize {
        self.len
    }

    #[cfg(test)]
    pub(super) fn contents(&self) -> Vec<u8> {
        let chunks = self.chunks.iter().flatten();
        self.small.iter().chain(chunks).copied().collect()
    }

    /// Copies `bytes`: a slice would keep the whole buffer alive that it is a part of.
    pub(super) fn push(&mut self, bytes: &[u8]) {
        self.len += bytes.len();
        if self.chunks.is_empty() && self.small.len() + bytes.len() <= MAX_SMALL {
            return self.small.extend_from_slice(bytes);
        }
        let mut remaining = bytes;
        while !remaining.is_empty() {
            let chunk = match self.chunks.back_mut() {
                Some(last) if last.len() < PACKET_SIZE => last,
                _ => {
                    self.chunks.push_back(Vec::new());
                    continue;
                }
            };
            let (now, later) = remaining.split_at(remaining.len().min(PACKET_SIZE - chunk.len()));
            let needed = chunk.len() + now.len();
            if needed > chunk.capacity() {
                let grown = needed.max(2 * chunk.capacity()).min(PACKET_SIZE);
                chunk.reserve_exact(grown - chunk.len());
            }
            chunk.extend_from_slice(now);
            remaining = later;
        }
    }

    /// Takes the next packet. With the last chunk the queue frees its memory.
    pub(super) fn pop(&mut self) -> Option<Bytes> {
        let packet = if self.small.is_empty() {
            let chunk = self.chunks.pop_front();
            if self.chunks.is_empty() {
                self.chunks = VecDeque::new();
            }
            chunk.map(Bytes::from)
        } else {
            Some(self.small.split().freeze())
        };
        self.len -= packet.as_ref().map_or(0, Bytes::len);
        packet
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn input_of_every_message_size_is_coalesced_into_packets_in_order() {
        let all: Vec<u8> = (0..200_000_u32).map(|n| n.to_le_bytes()[0]).collect();
        for size in [
            1,
            2,
            100,
            PACKET_SIZE - 1,
            PACKET_SIZE,
            PACKET_SIZE + 1,
            all.len(),
        ] {
            let mut queue = InputQueue::default();
            for piece in all.chunks(size) {
                queue.push(piece);
            }
            assert_eq!(queue.len(), all.len());
            assert!(queue.chunks.len() <= all.len().div_ceil(PACKET_SIZE));
            let room: usize = queue.chunks.iter().map(Vec::capacity).sum();
            assert!(room < all.len() + PACKET_SIZE, "{size}: {room}");
            let packets: Vec<Bytes> = std::iter::from_fn(|| queue.pop()).collect();
            assert_eq!(packets.concat(), all, "{size}");
            assert_eq!((queue.len(), queue.chunks.capacity()), (0, 0));
        }
    }

    #[test]
    fn keystrokes_are_coalesced_in_one_reused_buffer() {
        let mut queue = InputQueue::default();
        queue.push(b"");
        assert_eq!(queue.pop(), None);
        for _ in 0..10_000 {
            queue.push(b"x");
            queue.push(b"y");
            assert_eq!(queue.pop().as_deref(), Some(&b"xy"[..]));
            assert!(queue.small.capacity() <= MAX_SMALL);
        }
        assert_eq!(queue.pop(), None);
    }
}
