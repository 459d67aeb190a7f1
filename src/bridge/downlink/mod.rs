//! Downlink: output of the remote process on its way from the SSH socket to one client.
//!
//! ```text
//! SSH socket ── russh ──> output() ──> [ queue ] ──> send() ──> WebSocket
//!     ▲                      │             │           ▲
//!     │  stop, resume        │  length     │           │  budget, in bytes
//!     └──── ReadCredit <─────┴─────────────┘        ClientFlow
//! ```
//!
//! Two controls bound it. *Upstream*: when the queue reaches its high watermark, reads of the SSH
//! socket stop; they resume at a quarter of it (`ssh/credit.rs`). The SSH window cannot do this,
//! because russh re-opens it on receipt. *Downstream*: a session sends no more than
//! [`ClientFlow::budget`].
//!
//! This file has the watermarks, and the events of the SSH side (banner, question, exit). Then read
//! `queue.rs`, `flow.rs`, `slow_reader.rs` and `pacer.rs`, in this order.
//!
//! Guarantees order, and the memory bound below, for pieces of any size. Does not send: the session
//! does (`session/output.rs`). Does not know the client's socket. Only `mod.rs` and `queue.rs` hold
//! bytes; the other three are arithmetic.
//!
//! # Sum of all buffers
//!
//! Bytes held for a client that does not read, at most, with the default settings:
//!
//! ```text
//!   64 KiB  in the queue, up to websocket.write_buffer_size: here reads stop
//! + 64 KiB  read from the socket and not yet taken by russh (only 1 KiB
//!           if the server's packets are large; ssh/stream.rs)
//! + 32 KiB  the packet that russh is reading
//! + 36 KiB  one frame that the client's socket has not taken
//!  196 KiB  (in the kernel: 256 KiB of ssh.receive_buffer, and as much
//!           that was sent to the client)
//! ```
//!
//! With TLS, 36 KiB more: encrypted and not sent yet (`ws/tls.rs`).
//!
//! Input may wait for a reply of the server (in a key re-exchange, or when the window for input is
//! full), and that reply comes behind output: if reads stayed stopped, input would wait for ever.
//! So while input waits, a probe reads up to 64 KiB more at a time, as long as the queue holds less
//! than MAX_QUEUED, 384 KiB. Only a client that sends input and does not read its output makes the
//! queue that long.
//!
//! Bytes held of input that the server does not take (`bridge/uplink/`), at most:
//!
//! ```text
//!   64 KiB  up to websocket.read_buffer_size: here no message is read any more
//! + 64 KiB  the last message read (websocket.read_limit)
//! +160 KiB  ten packets in russh's queue
//! +160 KiB  as much encrypted; both only if the socket is blocked, and
//!           none if the channel's window is full
//! ```
//!
//! Small pieces are coalesced in both directions, so that the sums hold for pieces of any size.
//! `tests/memory.rs` checks them, with a margin for allocations: 240 KiB of output, 192 KiB of
//! input at a full window. Control messages are kept outside these queues: one of each kind, and
//! eight signals.

mod flow;
mod pacer;
mod queue;
mod slow_reader;

pub(super) use flow::ClientFlow;

use crate::runtime::WakerSlot;
use crate::ssh::{OUTPUT_WINDOW, ReadCredit, SshEvent, SshEvents};
use crate::ws::MAX_OUTPUT_FRAME;
use queue::OutputQueue;
use std::cell::{Cell, RefCell};
use std::collections::VecDeque;
use std::rc::Rc;

/// Read credit that a probe grants while reads are stopped, in bytes.
const PROBE_CREDIT: usize = 64 * 1024;

/// Bytes in the queue from which on no probe is granted. In a key re-exchange the server's reply
/// comes behind at most a window of output; this leaves room for that, on top of the output that
/// stopped the reads. With a high watermark above 192 KiB the bound is that watermark, a window and
/// a probe.
const MAX_QUEUED: usize = OUTPUT_WINDOW as usize + 256 * 1024;

// A bulk read fits in two frames: russh re-opens the window when half of it is used, so a read has
// about half a window and one packet more, which from a terminal of OpenSSH has at most 4 KiB.
const _: () = assert!(MAX_OUTPUT_FRAME >= OUTPUT_WINDOW as usize / 4 + 4 * 1024);

/// Queue of output and events between the SSH side and the session. Lives on one shard.
pub struct Downlink {
    queue: RefCell<OutputQueue>,
    events: RefCell<VecDeque<SshEvent>>,
    /// Task that is woken by an event. Output wakes nobody: it comes from russh's loop, which the
    /// session polls before it sends.
    pub(super) waker: WakerSlot,
    credit: Rc<ReadCredit>,
    /// Bytes in the queue at which reads stop. They resume at a quarter of it.
    high_watermark: usize,
    /// If true, reads stop at the high watermark; if false, at the first byte.
    read_ahead: Cell<bool>,
    /// The session ends: output is dropped.
    discarding: Cell<bool>,
}

impl Downlink {
    /// Returns an empty downlink that stops `credit` at `high_watermark` bytes.
    pub fn new(credit: Rc<ReadCredit>, high_watermark: usize) -> Self {
        Self {
            queue: RefCell::default(),
            events: RefCell::default(),
            waker: WakerSlot::default(),
            credit,
            high_watermark,
            read_ahead: Cell::new(true),
            discarding: Cell::new(false),
        }
    }

    /// Sets whether output may be read ahead of a client up to the high watermark. If not, reads
    /// stop at the first byte queued: output for a slow client stays with the server, which can
    /// still stop it (Ctrl-C).
    pub(super) fn set_read_ahead(&self, allowed: bool) {
        self.read_ahead.set(allowed);
    }

    fn watermark(&self) -> usize {
        if self.read_ahead.get() {
            self.high_watermark
        } else {
            1
        }
    }

    /// Bytes in the queue that are not sent yet.
    pub(super) fn len(&self) -> usize {
        self.queue.borrow().len()
    }

    /// Offset of the output sent so far: bytes since the shell started, over all clients.
    pub(super) fn sent(&self) -> u64 {
        self.queue.borrow().sent()
    }

    /// Passes up to `max` bytes, of one frame, to `send`, which must take them all and not call
    /// this downlink. Returns their number.
    pub fn send(&self, max: usize, send: impl FnOnce(&[u8])) -> usize {
        let mut queue = self.queue.borrow_mut();
        let bytes = queue.next(max);
        let count = bytes.len();
        if count == 0 {
            return 0;
        }
        send(bytes);
        queue.note_sent(count);
        // Without read-ahead the quarter is 0: reads resume when the queue is empty.
        if queue.len() <= self.watermark() / 4 {
            self.credit.resume();
        }
        count
    }

    /// Keeps output from now on until it is [acknowledged](Self::acknowledge), for a client that
    /// resumes the session. Reserved: nothing calls it yet.
    pub fn keep_sent(&self) {
        self.queue.borrow_mut().keeps_sent = true;
    }

    /// Frees output before `offset`. Reserved, like [`Self::keep_sent`].
    pub fn acknowledge(&self, offset: u64) {
        self.queue.borrow_mut().acknowledge(offset);
    }

    /// Sends output from `offset` on again. Returns false if part of it is freed. Reserved, like
    /// [`Self::keep_sent`].
    pub fn rewind(&self, offset: u64) -> bool {
        self.queue.borrow_mut().rewind(offset)
    }

    /// Drops queued and future output, and resumes reads, so that the server's last replies, which
    /// come behind its output, are received.
    pub(super) fn discard(&self) {
        self.discarding.set(true);
        self.queue.borrow_mut().discard();
        self.credit.resume();
    }

    /// Takes the oldest event.
    pub(super) fn next_event(&self) -> Option<SshEvent> {
        super::queue::next(&mut self.events.borrow_mut())
    }

    /// Returns whether [`Downlink::probe`] grants credit.
    pub(super) fn can_probe(&self) -> bool {
        let room = OUTPUT_WINDOW as usize + PROBE_CREDIT;
        self.len() < MAX_QUEUED.max(self.high_watermark + room)
    }

    /// Grants a bounded credit although reads are stopped, unless the queue holds too much: input
    /// waits for a reply of the server, which may be among the bytes.
    pub(super) fn probe(&self) {
        if self.can_probe() {
            self.credit.allow(PROBE_CREDIT);
        }
    }

    /// Queues an event without a wake-up: for use within the session's own poll, which takes events
    /// later.
    pub(super) fn push_event(&self, event: SshEvent) {
        self.events.borrow_mut().push_back(event);
    }
}

impl SshEvents for Downlink {
    fn output(&self, bytes: &[u8]) {
        if self.discarding.get() {
            return;
        }
        let mut queue = self.queue.borrow_mut();
        queue.push(bytes);
        if queue.len() >= self.watermark() {
            self.credit.stop();
        }
    }

    fn event(&self, event: SshEvent) {
        self.push_event(event);
        self.waker.wake();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn take(downlink: &Downlink, max: usize) -> Vec<u8> {
        let mut taken = Vec::new();
        downlink.send(max, |bytes| taken.extend_from_slice(bytes));
        taken
    }

    #[test]
    fn reads_stop_at_the_high_watermark_and_resume_at_a_quarter() {
        let credit = Rc::new(ReadCredit::default());
        let downlink = Downlink::new(Rc::clone(&credit), 1000);
        downlink.output(&[b'x'; 999]);
        assert!(!credit.is_stopped());
        downlink.output(b"y");
        assert!(credit.is_stopped());
        assert_eq!(take(&downlink, 700).len(), 700);
        assert!(credit.is_stopped());
        assert_eq!(take(&downlink, 50).len(), 50);
        assert!(!credit.is_stopped());
        assert_eq!(take(&downlink, 1000), [&[b'x'; 249][..], b"y"].concat());
        assert_eq!(take(&downlink, 1).len(), 0);
    }

    #[test]
    fn output_is_discarded_once_the_session_ends() {
        let credit = Rc::new(ReadCredit::default());
        let downlink = Downlink::new(Rc::clone(&credit), 1000);
        downlink.output(&[0; 2000]);
        downlink.discard();
        downlink.output(&[0; 2000]);
        assert_eq!(downlink.len(), 0);
        assert!(!credit.is_stopped());
    }

    #[test]
    fn no_probe_credit_is_given_above_the_limit() {
        let downlink = Downlink::new(Rc::new(ReadCredit::default()), 1000);
        downlink.output(&[0; 2000]);
        assert!(downlink.can_probe());
        downlink.output(&vec![0; MAX_QUEUED]);
        assert!(!downlink.can_probe());
    }
}
