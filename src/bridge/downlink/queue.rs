//! Queue of output bytes, in order. Packets of any size are coalesced into chunks of one frame
//! each.
//!
//! Guarantees that its memory is at most the bytes held and two chunks: the freed part of the first
//! and the unused part of the last. Does not bound the bytes held: `mod.rs` stops reads.

use crate::ws::MAX_OUTPUT_FRAME;
use std::collections::VecDeque;

/// Capacity that an emptied queue keeps, in bytes, so that an echo needs no allocation.
const KEPT_CAPACITY: usize = 256;

/// Length in bytes from which on a chunk is allocated at its full size: more output is likely to
/// follow.
const WHOLE_CHUNK_FROM: usize = 4 * 1024;

/// Bytes in chunks of [`MAX_OUTPUT_FRAME`]; all chunks but the last are full.
///
/// Three offsets into the session's output: `acknowledged <= sent <= end`. Bytes before
/// `acknowledged` are freed, bytes after `sent` are not sent yet. `acknowledged` follows `sent`,
/// unless the queue [keeps](Self::keeps_sent) output until it is acknowledged; then `sent` can go
/// back.
#[derive(Default)]
pub(super) struct OutputQueue {
    /// First chunk. Kept outside the deque: while one chunk suffices, the deque allocates nothing.
    front: Vec<u8>,
    /// Freed bytes of the front chunk.
    freed: usize,
    rest: VecDeque<Vec<u8>>,
    acknowledged: u64,
    sent: u64,
    end: u64,
    /// Output is kept until it is acknowledged.
    pub(super) keeps_sent: bool,
}

impl OutputQueue {
    /// Bytes not sent yet.
    pub(super) fn len(&self) -> usize {
        distance(self.sent, self.end)
    }

    pub(super) fn sent(&self) -> u64 {
        self.sent
    }

    /// Appends bytes, in chunks of at most one frame.
    pub(super) fn push(&mut self, mut piece: &[u8]) {
        self.end += piece.len() as u64;
        while !piece.is_empty() {
            let last = self.rest.back_mut().unwrap_or(&mut self.front);
            let room = MAX_OUTPUT_FRAME - last.len();
            if room == 0 {
                self.rest.push_back(Vec::new());
                continue;
            }
            let (now, later) = piece.split_at(room.min(piece.len()));
            reserve(last, now.len());
            last.extend_from_slice(now);
            piece = later;
        }
    }

    /// Returns the next bytes to send, from one chunk, at most `max`; empty if there are none.
    pub(super) fn next(&self, max: usize) -> &[u8] {
        let at = self.freed + distance(self.acknowledged, self.sent);
        let chunk = match at / MAX_OUTPUT_FRAME {
            0 => Some(&self.front),
            number => self.rest.get(number - 1),
        };
        let bytes = chunk.and_then(|chunk| chunk.get(at % MAX_OUTPUT_FRAME..));
        let bytes = bytes.unwrap_or_default();
        bytes.get(..max).unwrap_or(bytes)
    }

    /// Counts the first `count` bytes of [`Self::next`] as sent.
    pub(super) fn note_sent(&mut self, count: usize) {
        self.sent += count as u64;
        if !self.keeps_sent {
            self.acknowledge(self.sent);
        }
    }

    /// Frees bytes before `offset`, as far as they were sent.
    pub(super) fn acknowledge(&mut self, offset: u64) {
        let offset = offset.clamp(self.acknowledged, self.sent);
        self.freed += distance(self.acknowledged, offset);
        self.acknowledged = offset;
        while self.freed >= self.front.len() && !self.front.is_empty() {
            self.freed -= self.front.len();
            self.drop_front();
        }
    }

    /// Drops the front chunk; the next one takes its place.
    fn drop_front(&mut self) {
        match self.rest.pop_front() {
            Some(next) => {
                self.front = next;
                if self.rest.is_empty() {
                    // Frees the deque's own memory.
                    self.rest = VecDeque::new();
                }
            }
            None if self.front.capacity() > KEPT_CAPACITY => self.front = Vec::new(),
            None => self.front.clear(),
        }
    }

    /// Sends bytes from `offset` on again. Returns false if they are not kept.
    pub(super) fn rewind(&mut self, offset: u64) -> bool {
        let is_kept = (self.acknowledged..=self.sent).contains(&offset);
        if is_kept {
            self.sent = offset;
        }
        is_kept
    }

    /// Drops all bytes; offsets continue at `sent`.
    pub(super) fn discard(&mut self) {
        *self = Self {
            acknowledged: self.sent,
            sent: self.sent,
            end: self.sent,
            ..Self::default()
        };
    }
}

/// Bytes between two offsets.
fn distance(from: u64, to: u64) -> usize {
    usize::try_from(to - from).unwrap_or(usize::MAX)
}

/// Makes room for `more` bytes in a chunk: little for an echo, all of it for bulk output.
fn reserve(chunk: &mut Vec<u8>, more: usize) {
    let needed = chunk.len() + more;
    if needed <= chunk.capacity() {
        return;
    }
    let room = if needed >= WHOLE_CHUNK_FROM {
        MAX_OUTPUT_FRAME
    } else {
        needed.next_power_of_two().max(KEPT_CAPACITY)
    };
    chunk.reserve_exact(room - chunk.len());
}

#[cfg(test)]
mod tests {
    use super::*;

    fn take(queue: &mut OutputQueue, max: usize) -> Vec<u8> {
        let bytes = queue.next(max).to_vec();
        queue.note_sent(bytes.len());
        bytes
    }

    fn capacity(queue: &OutputQueue) -> usize {
        let rest: usize = queue.rest.iter().map(Vec::capacity).sum();
        queue.front.capacity() + rest
    }

    #[test]
    fn packets_are_coalesced_into_full_frames_in_order() {
        let mut queue = OutputQueue::default();
        let pieces = [
            vec![1; 100],
            vec![],
            vec![2; 200],
            vec![3; MAX_OUTPUT_FRAME],
            vec![4; 5],
        ];
        for piece in &pieces {
            queue.push(piece);
        }
        assert_eq!(queue.len(), MAX_OUTPUT_FRAME + 305);
        let frames: Vec<_> = std::iter::from_fn(|| {
            let frame = take(&mut queue, MAX_OUTPUT_FRAME);
            (!frame.is_empty()).then_some(frame)
        })
        .collect();
        let lengths: Vec<_> = frames.iter().map(Vec::len).collect();
        assert_eq!(lengths, [MAX_OUTPUT_FRAME, 305]);
        assert_eq!(frames.concat(), pieces.concat());
        assert_eq!(queue.len(), 0);
    }

    #[test]
    fn part_of_a_chunk_can_be_sent() {
        let mut queue = OutputQueue::default();
        queue.push(b"abc");
        assert_eq!(take(&mut queue, 2), b"ab");
        queue.push(b"d");
        assert_eq!(take(&mut queue, 0), b"");
        assert_eq!(take(&mut queue, 9), b"cd");
        assert_eq!(take(&mut queue, 9), b"");
    }

    #[test]
    fn capacity_is_bounded_by_the_bytes_queued() {
        let mut queue = OutputQueue::default();
        for _ in 0..100 {
            queue.push(b"x");
            queue.push(&[b'y'; 9000]);
            assert!(capacity(&queue) < queue.len() + MAX_OUTPUT_FRAME);
        }
        while !take(&mut queue, MAX_OUTPUT_FRAME).is_empty() {}
        assert_eq!(capacity(&queue), 0);
    }

    #[test]
    fn an_echo_reuses_the_buffer() {
        let mut queue = OutputQueue::default();
        queue.push(b"x");
        let at = queue.front.as_ptr();
        for _ in 0..1000 {
            assert_eq!(take(&mut queue, 1), b"x");
            queue.push(b"x");
            assert_eq!(queue.front.as_ptr(), at);
        }
    }

    /// A client is gone, and the next one has received less than was sent.
    #[test]
    fn unacknowledged_output_can_be_sent_again() {
        let all: Vec<u8> = (0..100_000_u32).map(|n| n.to_le_bytes()[0]).collect();
        let mut queue = OutputQueue {
            keeps_sent: true,
            ..OutputQueue::default()
        };
        queue.push(&all);
        while !take(&mut queue, 10_000).is_empty() {}
        queue.acknowledge(70_001);
        queue.acknowledge(50_000);
        assert!(!queue.rewind(70_000), "it is freed");
        assert!(!queue.rewind(100_001), "it was not sent");
        assert!(capacity(&queue) < 100_000 - 70_001 + 2 * MAX_OUTPUT_FRAME);
        for offset in [70_001, 90_000, 70_001, 80_000] {
            assert!(queue.rewind(offset));
            let mut again = Vec::new();
            while queue.len() > 0 {
                again.extend(take(&mut queue, usize::MAX));
            }
            let from = usize::try_from(offset).unwrap();
            assert_eq!(again, all[from..], "{offset}");
        }
        queue.push(b"more");
        assert_eq!(take(&mut queue, usize::MAX), b"more");
        queue.acknowledge(queue.sent());
        assert_eq!(capacity(&queue), 0);
    }

    #[test]
    fn offsets_continue_after_a_discard() {
        let mut queue = OutputQueue::default();
        queue.push(b"abc");
        assert_eq!(take(&mut queue, 2), b"ab");
        queue.discard();
        assert_eq!((queue.len(), queue.sent()), (0, 2));
        queue.push(b"d");
        assert_eq!(take(&mut queue, 2), b"d");
        assert_eq!(queue.sent(), 3);
    }
}
