//! Output of the remote process on its way to the client, and the occurrences
//! of the SSH side: what russh's task leaves for the session's task.
//!
//! Most bytes a session holds for a client that does not read, by default:
//!
//! ```text
//!   64 KiB  outbox up to websocket.write_buffer_size: here the gate closes
//! + 64 KiB  read ahead by the stream adapter before it closed (1 KiB, if
//!           the server's packets are large)
//! + 32 KiB  the packet russh is in
//! + 36 KiB  one frame in the WebSocket's write buffer
//!  196 KiB  (and 256 KiB in the kernel: ssh.receive_buffer)
//! ```
//!
//! With TLS, 36 KiB more: what is encrypted and unsent (`ws/tls.rs`).
//!
//! While input waits behind the closed gate for a reply of the server (a key
//! re-exchange, a full window), more passes, 64 KiB at a time, until the outbox
//! holds MAX_HELD: 320 KiB, the most a session that types without reading holds.
//!
//! And of input that the server does not take (`ssh/input.rs`):
//!
//! ```text
//!   64 KiB  up to websocket.read_buffer_size: here no message is read any more
//! + 64 KiB  the last one that was (websocket.read_limit)
//! +160 KiB  ten packets in russh's queue, and as much encrypted, if it is the
//! +160 KiB  socket that is blocked; none if it is the window
//! ```
//!
//! These are bytes held, whatever the pieces are that they came in: small ones are
//! put together, in both directions, so that no sum is exceeded by more than a third
//! (`tests/memory.rs`). Control messages wait in places of their own, one of a kind;
//! signals in eight.

use super::queue;
use crate::ssh::{Gate, OUTPUT_WINDOW, SshEvent, SshEvents};
use crate::ws::MAX_OUTPUT_FRAME;
use bytes::{Bytes, BytesMut};
use std::cell::{Cell, RefCell};
use std::collections::VecDeque;
use std::rc::Rc;
use std::task::Waker;

/// What may pass a closed gate at a time, in bytes.
const GRANT: usize = 64 * 1024;

/// Above this no more passes a closed gate, whatever waits. All the output the
/// server may have sent ahead of a reply fits in, beside what closed the gate.
const MAX_HELD: usize = OUTPUT_WINDOW as usize + 256 * 1024;

/// Most bytes of several pieces that leave together: one frame.
const CHUNK: usize = MAX_OUTPUT_FRAME;

// What a session in a flood reads at a time: russh re-opens the window when half
// of it is used. OpenSSH's packets from a terminal are no larger than 4 KiB.
const _: () = assert!(MAX_OUTPUT_FRAME >= OUTPUT_WINDOW as usize / 2 + 4 * 1024);

/// A piece from this size on is not copied to leave with others.
const LARGE: usize = 8 * 1024;

/// Where the SSH side leaves what it has. Lives on one shard.
pub struct Outbox {
    chunks: RefCell<Chunks>,
    /// Bytes in all chunks, and of those that were announced.
    held: Cell<usize>,
    events: RefCell<VecDeque<SshEvent>>,
    session: RefCell<Option<Waker>>,
    gate: Rc<Gate>,
    /// Held bytes that close the gate; a quarter of it opens it again.
    high: usize,
    /// Anything held closes it.
    little: Cell<bool>,
    /// The session ends: output is for nobody any more.
    discarding: Cell<bool>,
}

/// Output in its order.
#[derive(Default)]
struct Chunks {
    whole: VecDeque<Bytes>,
    /// Small pieces behind them, put together.
    tail: BytesMut,
}

impl Chunks {
    /// Small pieces share a chunk; a large one, and one that nothing is before or
    /// behind, stays where it is.
    fn push(&mut self, piece: Bytes) {
        let alone = self.whole.is_empty() && self.tail.is_empty();
        if alone || piece.len() >= LARGE {
            self.end_tail();
            return self.whole.push_back(piece);
        }
        let small = self.whole.back().is_some_and(|last| last.len() < LARGE);
        if self.tail.is_empty()
            && small
            && let Some(last) = self.whole.pop_back()
        {
            self.append(&last);
        }
        self.append(&piece);
    }

    fn append(&mut self, piece: &[u8]) {
        if self.tail.len() + piece.len() > CHUNK {
            self.end_tail();
        }
        if self.tail.capacity() - self.tail.len() < piece.len() {
            self.tail.reserve(CHUNK - self.tail.len());
        }
        self.tail.extend_from_slice(piece);
    }

    /// A tail that is mostly empty is copied: many of them would take more room than
    /// they have bytes.
    fn end_tail(&mut self) {
        if self.tail.is_empty() {
            return;
        }
        let tail = std::mem::take(&mut self.tail);
        let unused = tail.capacity() - tail.len();
        self.whole.push_back(if unused > CHUNK / 4 {
            Bytes::copy_from_slice(&tail)
        } else {
            tail.freeze()
        });
    }

    /// Up to `max` bytes of one chunk.
    fn pop(&mut self, max: usize) -> Bytes {
        if max == 0 {
            return Bytes::new();
        }
        if self.whole.is_empty() {
            self.end_tail();
        }
        match self.whole.front_mut() {
            Some(first) if first.len() > max => first.split_to(max),
            _ => self.whole.pop_front().unwrap_or_default(),
        }
    }
}

impl Outbox {
    /// `high`: bytes held at which `gate` is closed.
    pub fn new(gate: Rc<Gate>, high: usize) -> Self {
        Self {
            chunks: RefCell::default(),
            held: Cell::new(0),
            events: RefCell::default(),
            session: RefCell::default(),
            gate,
            high,
            little: Cell::new(false),
            discarding: Cell::new(false),
        }
    }

    /// Whom to wake when something arrives.
    pub(super) fn set_waker(&self, waker: &Waker) {
        let mut slot = self.session.borrow_mut();
        slot.get_or_insert_with(|| waker.clone()).clone_from(waker);
    }

    /// Whether the gate is to close as soon as anything is held: what waits for a
    /// slow client stays with the server, which can stop it.
    pub(super) fn hold_little(&self, little: bool) {
        self.little.set(little);
    }

    /// Held bytes that close the gate now.
    fn mark(&self) -> usize {
        if self.little.get() { 1 } else { self.high }
    }

    /// Bytes held.
    pub(super) fn len(&self) -> usize {
        self.held.get()
    }

    /// Takes up to `max` bytes, of one chunk; empty if there are none.
    pub fn take(&self, max: usize) -> Bytes {
        let chunk = self.chunks.borrow_mut().pop(max);
        let rest = self.held.get() - chunk.len();
        self.held.set(rest);
        if rest <= self.mark() / 4 {
            self.gate.open();
        }
        chunk
    }

    /// Drops what is held and what comes, and opens the gate: the server's last
    /// replies are behind its output, and nothing may pile up meanwhile.
    pub(super) fn discard(&self) {
        self.discarding.set(true);
        self.chunks.take();
        self.held.set(0);
        self.gate.open();
    }

    /// The next occurrence.
    pub(super) fn next_event(&self) -> Option<SshEvent> {
        queue::next(&mut self.events.borrow_mut())
    }

    /// Whether [`Outbox::grant`] lets anything through.
    pub(super) fn may_grant(&self) -> bool {
        self.len() < MAX_HELD
    }

    /// Lets a bounded amount through the closed gate, unless too much is held
    /// already.
    pub(super) fn grant(&self) {
        if self.may_grant() {
            self.gate.grant(GRANT);
        }
    }

    /// Keeps what was announced.
    pub fn push(&self, output: Bytes) {
        // An empty chunk would look like the end of what there is.
        if !self.discarding.get() && !output.is_empty() {
            self.chunks.borrow_mut().push(output);
        }
    }

    /// As [`SshEvents::event`], from within the session's own turn, which looks
    /// for events later on.
    pub(super) fn note(&self, event: SshEvent) {
        self.events.borrow_mut().push_back(event);
    }

    fn wake(&self) {
        if let Some(waker) = self.session.borrow().as_ref() {
            waker.wake_by_ref();
        }
    }
}

impl SshEvents for Outbox {
    fn output_comes(&self, bytes: usize) {
        if self.discarding.get() {
            return;
        }
        let held = self.held.get() + bytes;
        self.held.set(held);
        if held >= self.mark() {
            self.gate.close();
        }
    }

    fn early_output(&self, output: Bytes) {
        self.push(output);
    }

    fn event(&self, event: SshEvent) {
        self.note(event);
        self.wake();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn come(outbox: &Outbox, output: &[u8]) {
        outbox.output_comes(output.len());
        outbox.push(Bytes::copy_from_slice(output));
    }

    #[test]
    fn the_gate_closes_at_the_mark_and_opens_at_a_quarter() {
        let gate = Rc::new(Gate::default());
        let outbox = Outbox::new(Rc::clone(&gate), 1000);
        come(&outbox, &[b'x'; 999]);
        assert!(!gate.is_closed());
        come(&outbox, b"y");
        assert!(gate.is_closed());
        assert_eq!(outbox.take(700).len(), 700);
        assert!(gate.is_closed());
        assert_eq!(outbox.take(50).len(), 50);
        assert!(!gate.is_closed());
        assert_eq!(
            outbox.take(1000).as_ref(),
            [&[b'x'; 249][..], b"y"].concat()
        );
        assert_eq!(outbox.take(1).len(), 0);
    }

    #[test]
    fn small_pieces_leave_together_and_large_ones_alone() {
        let outbox = Outbox::new(Rc::new(Gate::default()), 1 << 20);
        let pieces = [
            vec![1; 100],
            vec![],
            vec![2; 200],
            vec![3; CHUNK],
            vec![4; 5],
        ];
        for piece in &pieces {
            come(&outbox, piece);
        }
        let lengths: Vec<_> = std::iter::from_fn(|| {
            let chunk = outbox.take(CHUNK);
            (!chunk.is_empty()).then_some(chunk)
        })
        .collect();
        assert_eq!(
            lengths.iter().map(Bytes::len).collect::<Vec<_>>(),
            [300, CHUNK, 5]
        );
        assert_eq!(lengths.concat(), pieces.concat());
        assert_eq!(outbox.len(), 0);
    }

    /// Between large pieces, too: no chunk keeps room for more than it has.
    #[test]
    fn small_pieces_between_large_ones_take_no_more_room_than_they_need() {
        let mut chunks = Chunks::default();
        for _ in 0..100 {
            chunks.push(Bytes::from_static(b"x"));
            chunks.push(Bytes::from(vec![b'y'; LARGE]));
        }
        let room = |chunk: Bytes| chunk.try_into_mut().map_or(0, |chunk| chunk.capacity());
        let all: usize = chunks.whole.into_iter().map(room).sum();
        assert!(all <= 101 * (LARGE + 1), "{all}");
    }

    #[test]
    fn nothing_is_held_for_a_session_that_ends() {
        let gate = Rc::new(Gate::default());
        let outbox = Outbox::new(Rc::clone(&gate), 1000);
        come(&outbox, &[0; 2000]);
        outbox.discard();
        come(&outbox, &[0; 2000]);
        assert_eq!(outbox.len(), 0);
        assert!(!gate.is_closed());
    }

    #[test]
    fn grants_end_when_too_much_is_held() {
        let outbox = Outbox::new(Rc::new(Gate::default()), 1000);
        come(&outbox, &[0; 2000]);
        assert!(outbox.may_grant());
        come(&outbox, &vec![0; MAX_HELD]);
        assert!(!outbox.may_grant());
    }
}
