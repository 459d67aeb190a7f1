//! Output of the remote process on its way to the client: the one owner of all that bounds it, and of its account.
//!
//! `queue` holds it, at its three offsets; reads of the SSH socket spend credit (`ssh/credit.rs`) that comes back as the
//! queue drains; `flow` is what one client allows, `slow_reader` finds one that reads slowly, `pacer` sets its pace. The
//! occurrences of the SSH side wait here, too: what russh's loop leaves for its session.
//!
//! Most bytes a session holds for a client that does not read, by default:
//!
//! ```text
//!   64 KiB  in the queue, up to websocket.write_buffer_size: here reads stop
//! + 64 KiB  read ahead by the stream adapter before that (1 KiB, if
//!           the server's packets are large)
//! + 32 KiB  the packet russh is in
//! + 36 KiB  one frame that the client's socket has not taken
//!  196 KiB  (and 256 KiB in the kernel: ssh.receive_buffer)
//! ```
//!
//! With TLS, 36 KiB more: what is encrypted and unsent (`ws/tls.rs`).
//!
//! While reads are stopped and input waits for a reply of the server (a key
//! re-exchange, a full window), more is read, 64 KiB at a time, until the queue
//! holds MAX_HELD: 384 KiB, the most a session that types without reading holds.
//!
//! And of input that the server does not take (`bridge/uplink/`):
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

mod flow;
mod pacer;
mod queue;
mod slow_reader;

pub(super) use flow::ClientFlow;
pub(super) use pacer::PONG_TIMEOUT;

use crate::runtime::WakerSlot;
use crate::ssh::{OUTPUT_WINDOW, ReadCredit, SshEvent, SshEvents};
use crate::ws::MAX_OUTPUT_FRAME;
use queue::OutputQueue;
use std::cell::{Cell, RefCell};
use std::collections::VecDeque;
use std::rc::Rc;
use std::task::Waker;

/// Credit given at a time while reads are stopped, in bytes.
const PROBE_CREDIT: usize = 64 * 1024;

/// Bytes in the queue above which no such credit is given, whatever waits; more with a high watermark
/// that leaves less room than a window and a probe. All the output the server may have sent ahead of a
/// reply fits in, beside what stopped the reads.
const MAX_HELD: usize = OUTPUT_WINDOW as usize + 256 * 1024;

// What a bulk transfer reads at a time leaves in two frames: russh re-opens the window when half
// of it is used. OpenSSH's packets from a terminal are no larger than 4 KiB.
const _: () = assert!(MAX_OUTPUT_FRAME >= OUTPUT_WINDOW as usize / 4 + 4 * 1024);

/// Output and occurrences that the SSH side leaves for its session. Lives on one shard.
pub struct Downlink {
    queue: RefCell<OutputQueue>,
    events: RefCell<VecDeque<SshEvent>>,
    session: WakerSlot,
    credit: Rc<ReadCredit>,
    /// Bytes in the queue at which reads stop. They go on at a quarter of it.
    high_watermark: usize,
    /// Reads stop at any byte.
    throttled: Cell<bool>,
    /// The session ends: output is for nobody any more.
    discarding: Cell<bool>,
}

impl Downlink {
    /// A downlink that stops `credit` at `high_watermark` bytes.
    pub fn new(credit: Rc<ReadCredit>, high_watermark: usize) -> Self {
        Self {
            queue: RefCell::default(),
            events: RefCell::default(),
            session: WakerSlot::default(),
            credit,
            high_watermark,
            throttled: Cell::new(false),
            discarding: Cell::new(false),
        }
    }

    /// Whom to wake when something arrives.
    pub(super) fn set_waker(&self, waker: &Waker) {
        self.session.register(waker);
    }

    /// Sets whether reads stop as soon as anything is in the queue: what waits for a
    /// slow client stays with the server, which can stop it.
    pub(super) fn throttle(&self, throttled: bool) {
        self.throttled.set(throttled);
    }

    fn watermark(&self) -> usize {
        if self.throttled.get() {
            1
        } else {
            self.high_watermark
        }
    }

    /// Bytes in the queue.
    pub(super) fn len(&self) -> usize {
        self.queue.borrow().len()
    }

    /// Offset of the output sent so far: bytes since the shell began, whichever client had them.
    pub(super) fn sent(&self) -> u64 {
        self.queue.borrow().sent()
    }

    /// Hands up to `max` bytes, of one frame, to `send`, which must take them all. Returns how many there were.
    pub fn send(&self, max: usize, send: impl FnOnce(&[u8])) -> usize {
        let mut queue = self.queue.borrow_mut();
        let bytes = queue.next(max);
        let count = bytes.len();
        if count == 0 {
            return 0;
        }
        send(bytes);
        queue.note_sent(count);
        if queue.len() <= self.watermark() / 4 {
            self.credit.resume();
        }
        count
    }

    /// Keeps what is sent from now on until it is [acknowledged](Self::acknowledge), for a client that
    /// comes after this one. Nothing asks for it yet: sessions cannot be resumed.
    pub fn keep_sent(&self) {
        self.queue.borrow_mut().keep_sent();
    }

    /// Frees what is before `offset`: a client has it.
    pub fn acknowledge(&self, offset: u64) {
        self.queue.borrow_mut().acknowledge(offset);
    }

    /// Sends again what is behind `offset`, of which a new client has no more. Returns whether that is
    /// still there.
    pub fn rewind(&self, offset: u64) -> bool {
        self.queue.borrow_mut().rewind(offset)
    }

    /// Drops what is in the queue and what comes, and lets reads go on: the server's last
    /// replies are behind its output, and nothing may pile up meanwhile.
    pub(super) fn discard(&self) {
        self.discarding.set(true);
        self.queue.borrow_mut().discard();
        self.credit.resume();
    }

    /// The next occurrence.
    pub(super) fn next_event(&self) -> Option<SshEvent> {
        super::queue::next(&mut self.events.borrow_mut())
    }

    /// Returns whether [`Downlink::probe`] gives any credit.
    pub(super) fn may_probe(&self) -> bool {
        let room = OUTPUT_WINDOW as usize + PROBE_CREDIT;
        self.len() < MAX_HELD.max(self.high_watermark + room)
    }

    /// Gives a bounded credit although reads are stopped, unless too much is in the queue
    /// already.
    pub(super) fn probe(&self) {
        if self.may_probe() {
            self.credit.allow(PROBE_CREDIT);
        }
    }

    /// As [`SshEvents::event`], from within the session's own poll, which looks
    /// for events later on.
    pub(super) fn note(&self, event: SshEvent) {
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
        self.note(event);
        self.session.wake();
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
    fn reads_stop_at_the_watermark_and_go_on_at_a_quarter() {
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
    fn nothing_is_held_for_a_session_that_ends() {
        let credit = Rc::new(ReadCredit::default());
        let downlink = Downlink::new(Rc::clone(&credit), 1000);
        downlink.output(&[0; 2000]);
        downlink.discard();
        downlink.output(&[0; 2000]);
        assert_eq!(downlink.len(), 0);
        assert!(!credit.is_stopped());
    }

    #[test]
    fn probes_end_when_too_much_is_held() {
        let downlink = Downlink::new(Rc::new(ReadCredit::default()), 1000);
        downlink.output(&[0; 2000]);
        assert!(downlink.may_probe());
        downlink.output(&vec![0; MAX_HELD]);
        assert!(!downlink.may_probe());
    }
}
