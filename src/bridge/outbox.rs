//! Output of the remote process on its way to the client, and the occurrences
//! of the SSH side: what russh's task leaves for the session's task.
//!
//! Most bytes a session holds for a client that does not read, by default:
//!
//! ```text
//!   64 KiB  outbox up to websocket.write_buffer_size: here the gate closes
//! + 64 KiB  read ahead by the stream adapter before it closed (4 KiB, if
//!           the server's packets are large)
//! + 32 KiB  the packet russh is in
//! + 32 KiB  one frame in the WebSocket's write buffer
//!  192 KiB  (and 256 KiB in the kernel: ssh.receive_buffer)
//! ```
//!
//! With TLS, 32 KiB more: what is encrypted and unsent (`ws/tls.rs`).
//!
//! While input waits behind the closed gate for a reply of the server (a key
//! re-exchange, a full window), more passes, 64 KiB at a time, until the outbox
//! holds MAX_HELD: 384 KiB, the most a session that types without reading holds.

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

/// Most bytes of a chunk of several pieces: one frame.
const CHUNK: usize = MAX_OUTPUT_FRAME;

/// Where the SSH side leaves what it has. Lives on one shard.
pub struct Outbox {
    chunks: RefCell<VecDeque<BytesMut>>,
    /// Bytes in all chunks.
    held: Cell<usize>,
    events: RefCell<VecDeque<SshEvent>>,
    session: RefCell<Option<Waker>>,
    gate: Rc<Gate>,
    /// Held bytes that close the gate; a quarter of it opens it again.
    high: usize,
    /// The session ends: output is for nobody any more.
    discarding: Cell<bool>,
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
            discarding: Cell::new(false),
        }
    }

    /// Whom to wake when something arrives.
    pub(super) fn set_waker(&self, waker: &Waker) {
        let mut slot = self.session.borrow_mut();
        match slot.as_mut() {
            Some(parked) => parked.clone_from(waker),
            None => *slot = Some(waker.clone()),
        }
    }

    /// Bytes held.
    pub(super) fn len(&self) -> usize {
        self.held.get()
    }

    /// Takes up to `max` bytes, of one chunk; empty if there are none.
    pub fn take(&self, max: usize) -> Bytes {
        let mut chunks = self.chunks.borrow_mut();
        let chunk = match chunks.front_mut() {
            Some(first) if first.len() > max => first.split_to(max),
            _ => chunks.pop_front().unwrap_or_default(),
        };
        let rest = self.held.get() - chunk.len();
        self.held.set(rest);
        if rest <= self.high / 4 {
            self.gate.open();
        }
        chunk.freeze()
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
        self.events.borrow_mut().pop_front()
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

    /// Small pieces share a chunk, which leaves as one frame; a large one is
    /// copied once.
    fn append(&self, output: &[u8]) {
        let mut chunks = self.chunks.borrow_mut();
        match chunks.back_mut() {
            Some(last) if last.len() + output.len() <= CHUNK => {
                if last.capacity() - last.len() < output.len() {
                    last.reserve(CHUNK - last.len());
                }
                last.extend_from_slice(output);
            }
            _ => chunks.push_back(BytesMut::from(output)),
        }
    }

    fn wake(&self) {
        if let Some(waker) = self.session.borrow().as_ref() {
            waker.wake_by_ref();
        }
    }
}

impl SshEvents for Outbox {
    fn output(&self, output: &[u8]) {
        // An empty chunk would look like the end of what there is.
        if self.discarding.get() || output.is_empty() {
            return;
        }
        self.append(output);
        let held = self.held.get() + output.len();
        self.held.set(held);
        if held >= self.high {
            self.gate.close();
        }
        self.wake();
    }

    fn event(&self, event: SshEvent) {
        self.events.borrow_mut().push_back(event);
        self.wake();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_gate_closes_at_the_mark_and_opens_at_a_quarter() {
        let gate = Rc::new(Gate::default());
        let outbox = Outbox::new(Rc::clone(&gate), 1000);
        outbox.output(&[b'x'; 999]);
        assert!(!gate.is_closed());
        outbox.output(b"y");
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
            outbox.output(piece);
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

    #[test]
    fn nothing_is_held_for_a_session_that_ends() {
        let gate = Rc::new(Gate::default());
        let outbox = Outbox::new(Rc::clone(&gate), 1000);
        outbox.output(&[0; 2000]);
        outbox.discard();
        outbox.output(&[0; 2000]);
        assert_eq!(outbox.len(), 0);
        assert!(!gate.is_closed());
    }

    #[test]
    fn grants_end_when_too_much_is_held() {
        let outbox = Outbox::new(Rc::new(Gate::default()), 1000);
        outbox.output(&[0; 2000]);
        assert!(outbox.may_grant());
        outbox.output(&vec![0; MAX_HELD]);
        assert!(!outbox.may_grant());
    }
}
