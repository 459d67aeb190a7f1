//! Input that waits to be handed to russh, in chunks of a packet each: what it takes goes
//! by its bytes, however small the pieces are that it comes in. Bounds nothing itself.

use bytes::{Bytes, BytesMut};
use std::collections::VecDeque;

/// Input is cut into packets of this size: russh queues ten of them behind a
/// key exchange or a blocked socket, so at most 160 KiB stand there.
const PACKET: usize = 16 * 1024;

/// Bytes of keys that wait in a buffer of their own, which is used again: a key takes no allocation.
const KEYS: usize = 64;

/// The queue. A chunk has room for at most twice what is in it, and for [`PACKET`].
#[derive(Debug, Default)]
pub(super) struct InputQueue {
    /// Before all chunks.
    keys: BytesMut,
    chunks: VecDeque<Vec<u8>>,
    len: usize,
}

impl InputQueue {
    /// Bytes in the queue.
    pub(super) fn len(&self) -> usize {
        self.len
    }

    #[cfg(test)]
    pub(super) fn contents(&self) -> Vec<u8> {
        let chunks = self.chunks.iter().flatten();
        self.keys.iter().chain(chunks).copied().collect()
    }

    /// Copies `bytes`: a slice would keep the whole buffer alive that it is a part of.
    pub(super) fn push(&mut self, bytes: &[u8]) {
        self.len += bytes.len();
        if self.chunks.is_empty() && self.keys.len() + bytes.len() <= KEYS {
            return self.keys.extend_from_slice(bytes);
        }
        let mut rest = bytes;
        while !rest.is_empty() {
            let has_room = self.chunks.back().is_some_and(|last| last.len() < PACKET);
            let last = has_room.then(|| self.chunks.pop_back()).flatten();
            let mut chunk = last.unwrap_or_default();
            let (now, later) = rest.split_at(rest.len().min(PACKET - chunk.len()));
            let needed = chunk.len() + now.len();
            if needed > chunk.capacity() {
                let grown = needed.max(2 * chunk.capacity()).min(PACKET);
                chunk.reserve_exact(grown - chunk.len());
            }
            chunk.extend_from_slice(now);
            self.chunks.push_back(chunk);
            rest = later;
        }
    }

    /// The next packet. With the last chunk goes the memory of all.
    pub(super) fn pop(&mut self) -> Option<Bytes> {
        let packet = if self.keys.is_empty() {
            let chunk = self.chunks.pop_front();
            if self.chunks.is_empty() {
                self.chunks = VecDeque::new();
            }
            chunk.map(Bytes::from)
        } else {
            Some(self.keys.split().freeze())
        };
        self.len -= packet.as_ref().map_or(0, Bytes::len);
        packet
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pieces_of_every_size_become_packets_and_none_is_lost() {
        let all: Vec<u8> = (0..200_000_u32).map(|n| n.to_le_bytes()[0]).collect();
        for size in [1, 2, 100, PACKET - 1, PACKET, PACKET + 1, all.len()] {
            let mut queue = InputQueue::default();
            for piece in all.chunks(size) {
                queue.push(piece);
            }
            assert_eq!(queue.len(), all.len());
            assert!(queue.chunks.len() <= all.len().div_ceil(PACKET));
            let room: usize = queue.chunks.iter().map(Vec::capacity).sum();
            assert!(room < all.len() + PACKET, "{size}: {room}");
            let packets: Vec<Bytes> = std::iter::from_fn(|| queue.pop()).collect();
            assert_eq!(packets.concat(), all, "{size}");
            assert_eq!((queue.len(), queue.chunks.capacity()), (0, 0));
        }
    }

    #[test]
    fn keys_are_put_together_and_take_one_buffer() {
        let mut queue = InputQueue::default();
        queue.push(b"");
        assert_eq!(queue.pop(), None);
        for _ in 0..10_000 {
            queue.push(b"x");
            queue.push(b"y");
            assert_eq!(queue.pop().as_deref(), Some(&b"xy"[..]));
            assert!(queue.keys.capacity() <= KEYS);
        }
        assert_eq!(queue.pop(), None);
    }
}
