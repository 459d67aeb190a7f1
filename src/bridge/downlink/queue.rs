//! Output in its order. Pieces are put together in chunks; each leaves as one frame at the most.

use crate::ws::MAX_OUTPUT_FRAME;
use std::collections::VecDeque;

/// Room that an emptied queue keeps, in bytes, so that an echo needs no allocation.
const KEPT: usize = 256;

/// Bytes from which on a chunk has its whole room at once: more is likely to follow.
const LARGE: usize = 4 * 1024;

/// Bytes, in chunks of [`MAX_OUTPUT_FRAME`]. Room beyond them is that of the last chunk alone.
#[derive(Default)]
pub(super) struct OutputQueue {
    front: Vec<u8>,
    /// Bytes of the front chunk that have left.
    taken: usize,
    rest: VecDeque<Vec<u8>>,
    len: usize,
}

impl OutputQueue {
    /// Bytes in the queue.
    pub(super) fn len(&self) -> usize {
        self.len
    }

    pub(super) fn push(&mut self, mut piece: &[u8]) {
        self.len += piece.len();
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

    /// The first bytes, at most `max`; none if there are none.
    pub(super) fn front(&self, max: usize) -> &[u8] {
        let bytes = self.front.get(self.taken..).unwrap_or_default();
        bytes.get(..max).unwrap_or(bytes)
    }

    /// Drops the first `count` bytes, of those that [`Self::front`] has returned.
    pub(super) fn consume(&mut self, count: usize) {
        self.len -= count;
        self.taken += count;
        if self.taken < self.front.len() {
            return;
        }
        self.taken = 0;
        match self.rest.pop_front() {
            Some(next) => {
                self.front = next;
                if self.rest.is_empty() {
                    self.rest = VecDeque::new();
                }
            }
            None if self.front.capacity() > KEPT => self.front = Vec::new(),
            None => self.front.clear(),
        }
    }
}

fn reserve(chunk: &mut Vec<u8>, more: usize) {
    let needed = chunk.len() + more;
    if needed <= chunk.capacity() {
        return;
    }
    let room = if needed >= LARGE {
        MAX_OUTPUT_FRAME
    } else {
        needed.next_power_of_two().max(KEPT)
    };
    chunk.reserve_exact(room - chunk.len());
}

#[cfg(test)]
mod tests {
    use super::*;

    fn take(queue: &mut OutputQueue, max: usize) -> Vec<u8> {
        let bytes = queue.front(max).to_vec();
        queue.consume(bytes.len());
        bytes
    }

    fn room(queue: &OutputQueue) -> usize {
        let rest: usize = queue.rest.iter().map(Vec::capacity).sum();
        queue.front.capacity() + rest
    }

    #[test]
    fn pieces_leave_in_their_order_in_frames_that_are_full() {
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
    fn a_part_of_a_chunk_may_leave() {
        let mut queue = OutputQueue::default();
        queue.push(b"abc");
        assert_eq!(take(&mut queue, 2), b"ab");
        queue.push(b"d");
        assert_eq!(take(&mut queue, 0), b"");
        assert_eq!(take(&mut queue, 9), b"cd");
        assert_eq!(take(&mut queue, 9), b"");
    }

    #[test]
    fn room_follows_what_is_held() {
        let mut queue = OutputQueue::default();
        for _ in 0..100 {
            queue.push(b"x");
            queue.push(&[b'y'; 9000]);
            assert!(room(&queue) < queue.len() + MAX_OUTPUT_FRAME);
        }
        while !take(&mut queue, MAX_OUTPUT_FRAME).is_empty() {}
        assert_eq!(room(&queue), 0);
    }

    #[test]
    fn echoes_allocate_once() {
        let mut queue = OutputQueue::default();
        queue.push(b"x");
        let at = queue.front.as_ptr();
        for _ in 0..1000 {
            assert_eq!(take(&mut queue, 1), b"x");
            queue.push(b"x");
            assert_eq!(queue.front.as_ptr(), at);
        }
    }
}
