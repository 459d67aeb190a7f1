//! Input of the client on its way to the SSH server: the one owner of what waits, and of its account.
//!
//! Bounded in bytes and in pieces: input that no window admits stays with the client, small pieces are put together,
//! of several sizes the latest counts, and signals have room for eight. The order among input and its end is kept;
//! sizes and signals go beside it, so that neither waits for the other. It sends nothing itself: `bridge/shell.rs`
//! takes what is next.

mod queue;

use crate::message::{SignalName, WindowSize};
use bytes::Bytes;
use queue::InputQueue;
use std::collections::VecDeque;

/// Input kept before the shell runs (compatible dialect), in bytes.
const EARLY_INPUT: usize = 16 * 1024;

/// Signals waiting to be sent at which the client's next message is not read.
const MAX_SIGNALS: usize = 8;

/// Next part of the input.
#[derive(Debug, PartialEq, Eq)]
pub enum Packet {
    /// Bytes, as many as russh is given at a time.
    Input(Bytes),
    /// End of the input.
    Eof,
}

/// Request that goes beside the input.
#[derive(Debug, PartialEq, Eq)]
pub enum Control {
    /// Size of the terminal.
    Resize(WindowSize),
    /// Signal for the process.
    Signal(SignalName),
}

/// Our half of the channel.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
enum Eof {
    #[default]
    Open,
    /// To be closed behind what is queued.
    Due,
    Taken,
}

/// Input of one session. Offsets count its bytes since the shell began, across clients; only whole messages enter.
#[derive(Debug)]
pub struct Uplink {
    queue: InputQueue,
    /// The shell runs: input counts from now on.
    is_open: bool,
    received: u64,
    passed: u64,
    acked: u64,
    /// Bytes taken by [`Self::next_packet`] that are not passed on yet.
    in_flight: usize,
    /// Bytes that may be on the way.
    window: u64,
    /// The client's input has ended: none may follow.
    is_ended: bool,
    eof: Eof,
    resize: Option<WindowSize>,
    signals: VecDeque<SignalName>,
}

impl Uplink {
    /// An uplink that lets `window` bytes be on the way.
    pub fn new(window: u64) -> Self {
        Self {
            queue: InputQueue::default(),
            is_open: false,
            received: 0,
            passed: 0,
            acked: 0,
            in_flight: 0,
            window,
            is_ended: false,
            eof: Eof::default(),
            resize: None,
            signals: VecDeque::new(),
        }
    }

    /// Lets input go: the shell runs. What came before it is counted now.
    pub fn open(&mut self) {
        self.is_open = true;
        self.received = self.queue.len() as u64;
    }

    /// Drops what came before the shell.
    pub fn drop_early(&mut self) {
        if !self.is_open {
            self.queue = InputQueue::default();
        }
    }

    /// Takes the input of one message. The caller reads none unless there [is room](Self::has_room).
    pub fn push(&mut self, bytes: &[u8]) {
        self.queue.push(bytes);
        if self.is_open {
            self.received += bytes.len() as u64;
        }
    }

    /// Takes the end of the client's input.
    pub fn push_eof(&mut self) {
        self.is_ended = true;
        self.half_close();
    }

    /// Closes our half of the channel, once, behind what is queued.
    pub fn half_close(&mut self) {
        if self.eof == Eof::Open {
            self.eof = Eof::Due;
        }
    }

    /// Takes a size, in place of one that was not sent.
    pub fn resize(&mut self, size: WindowSize) {
        self.resize = Some(size);
    }

    /// Takes a signal.
    pub fn signal(&mut self, signal: SignalName) {
        self.signals.push_back(signal);
    }

    /// Returns whether another message may be read. While not, TCP holds the client back. A client within its window
    /// is never held back: what it has unacknowledged is at least what is held here.
    pub fn has_room(&self) -> bool {
        let has_room = if self.is_open {
            self.received - self.passed <= self.window
        } else {
            self.queue.len() < EARLY_INPUT
        };
        has_room && self.signals.len() < MAX_SIGNALS
    }

    /// Returns whether the end of the input has been taken.
    pub fn is_ended(&self) -> bool {
        self.is_ended
    }

    /// Returns whether input is queued that [`Self::next_packet`] has not taken.
    pub fn has_input(&self) -> bool {
        self.queue.len() > 0
    }

    /// Returns whether anything was not handed on yet.
    pub fn waits(&self) -> bool {
        self.passed < self.received || self.resize.is_some() || !self.signals.is_empty()
    }

    /// Takes the next packet, once what was taken before has been passed on.
    pub fn next_packet(&mut self) -> Option<Packet> {
        self.note_passed();
        if let Some(bytes) = self.queue.pop() {
            self.in_flight = bytes.len();
            return Some(Packet::Input(bytes));
        }
        if self.eof != Eof::Due {
            return None;
        }
        self.eof = Eof::Taken;
        Some(Packet::Eof)
    }

    /// Takes the next request beside the input.
    pub fn next_control(&mut self) -> Option<Control> {
        if let Some(size) = self.resize.take() {
            return Some(Control::Resize(size));
        }
        super::queue::next(&mut self.signals).map(Control::Signal)
    }

    /// The packet that was taken last has been passed on.
    fn note_passed(&mut self) {
        self.passed += std::mem::take(&mut self.in_flight) as u64;
        debug_assert!(self.is_consistent());
    }

    /// Takes the offset to acknowledge, if another quarter of the window has been passed on.
    pub fn take_due_ack(&mut self) -> Option<u64> {
        let is_due = self.passed - self.acked >= self.window.div_ceil(4);
        is_due.then(|| {
            self.acked = self.passed;
            self.passed
        })
    }

    /// Offset of the input taken so far.
    pub fn received(&self) -> u64 {
        self.received
    }

    /// Input that [`Self::next_packet`] has not taken.
    #[cfg(test)]
    pub(super) fn contents(&self) -> Vec<u8> {
        self.queue.contents()
    }

    /// Bytes that may be on the way.
    pub fn window(&self) -> u64 {
        self.window
    }

    /// Nothing is acknowledged before it is passed on, nor passed on before it came.
    pub fn is_consistent(&self) -> bool {
        self.acked <= self.passed && self.passed <= self.received
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn packets(uplink: &mut Uplink) -> Vec<Packet> {
        std::iter::from_fn(|| uplink.next_packet()).collect()
    }

    #[test]
    fn the_input_offset_counts_whole_messages_since_the_shell_began() {
        let mut uplink = Uplink::new(1000);
        uplink.push(b"ls\r");
        assert_eq!(uplink.received(), 0);
        uplink.open();
        assert_eq!(uplink.received(), 3);
        uplink.push(&[b'x'; 300]);
        assert_eq!(uplink.received(), 303);
        let taken = packets(&mut uplink);
        assert_eq!(taken.len(), 2);
        assert!(!uplink.waits());
        assert_eq!(uplink.take_due_ack(), Some(303));
        assert_eq!(uplink.take_due_ack(), None);
    }

    #[test]
    fn the_end_comes_once_and_behind_all_input() {
        let mut uplink = Uplink::new(1000);
        uplink.open();
        uplink.push(b"a");
        uplink.push_eof();
        uplink.push_eof();
        let input = Packet::Input(Bytes::from_static(b"a"));
        assert_eq!(packets(&mut uplink), [input, Packet::Eof]);
        uplink.push_eof();
        assert!(packets(&mut uplink).is_empty() && uplink.is_ended());
    }

    #[test]
    fn of_sizes_the_latest_is_sent_and_signals_are_bounded() {
        let size = |cols| WindowSize::new(cols, 24, 0, 0).unwrap();
        let mut uplink = Uplink::new(1000);
        uplink.open();
        for cols in [90, 100] {
            uplink.resize(size(cols));
        }
        while uplink.has_room() {
            uplink.signal(SignalName::Int);
        }
        let controls: Vec<_> = std::iter::from_fn(|| uplink.next_control()).collect();
        assert_eq!(controls.len(), 1 + MAX_SIGNALS);
        assert_eq!(controls[0], Control::Resize(size(100)));
        assert!(uplink.has_room() && !uplink.waits());
    }
}
