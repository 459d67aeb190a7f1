//! Uplink: input of the client on its way to the SSH server. Owns the queued input and its offsets.
//!
//! Bounded in bytes and in pieces. Input beyond the window stays with the client; small pieces are
//! coalesced; of several resizes only the latest is kept; signals have room for eight. Guarantees
//! the order of input and its end. Resizes and signals are sent beside it, so that neither waits
//! for the other. Does not send: `bridge/shell.rs` takes the packets. The sum of all buffers is in
//! `bridge/downlink/mod.rs`.

mod queue;

use crate::message::{SignalName, WindowSize};
use bytes::Bytes;
use queue::InputQueue;
use std::collections::VecDeque;

/// Input kept before the shell runs (compatible dialect), in bytes.
const MAX_EARLY_INPUT: usize = 16 * 1024;

/// Queued signals at which the client's next message is not read.
const MAX_SIGNALS: usize = 8;

/// Next part of the input.
#[derive(Debug, PartialEq, Eq)]
pub enum Packet {
    /// Bytes, at most one packet.
    Input(Bytes),
    /// End of the input.
    Eof,
}

/// Request sent beside the input.
#[derive(Debug, PartialEq, Eq)]
pub enum ChannelRequest {
    /// Size of the terminal.
    Resize(WindowSize),
    /// Signal for the process.
    Signal(SignalName),
}

/// End of our direction of the channel.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
enum Eof {
    #[default]
    Open,
    /// To be sent after the queued input.
    Queued,
    Sent,
}

/// Input of one session. Offsets count bytes of input since the shell started, over all clients.
#[derive(Debug, Default)]
pub struct Uplink {
    queue: InputQueue,
    /// The shell runs: input is counted.
    is_open: bool,
    received: u64,
    forwarded: u64,
    acked: u64,
    /// Bytes taken by [`Self::next_packet`] that are not forwarded yet.
    in_flight: usize,
    /// Bytes that may be received and not forwarded.
    window: u64,
    /// The client has sent `eof`: no input may follow.
    is_ended: bool,
    eof: Eof,
    resize: Option<WindowSize>,
    signals: VecDeque<SignalName>,
}

impl Uplink {
    /// Returns an empty uplink with a window of `window` bytes.
    pub fn new(window: u64) -> Self {
        Self {
            window,
            ..Self::default()
        }
    }

    /// Starts counting: the shell runs. Earlier input counts as received now.
    pub fn open(&mut self) {
        self.is_open = true;
        self.received = self.queue.len() as u64;
    }

    /// Drops input that came before the shell.
    pub fn drop_early(&mut self) {
        if !self.is_open {
            self.queue = InputQueue::default();
        }
    }

    /// Queues the input of one message. The caller reads none unless there [is
    /// room](Self::has_room).
    pub fn push(&mut self, bytes: &[u8]) {
        self.queue.push(bytes);
        if self.is_open {
            self.received += bytes.len() as u64;
        }
    }

    /// Takes the client's `eof`.
    pub fn push_eof(&mut self) {
        self.is_ended = true;
        self.half_close();
    }

    /// Closes our direction of the channel, once, after the queued input.
    pub fn half_close(&mut self) {
        if self.eof == Eof::Open {
            self.eof = Eof::Queued;
        }
    }

    /// Queues a resize, in place of one that was not sent.
    pub fn resize(&mut self, size: WindowSize) {
        self.resize = Some(size);
    }

    /// Queues a signal.
    pub fn signal(&mut self, signal: SignalName) {
        self.signals.push_back(signal);
    }

    /// Returns whether another message may be read. While not, TCP holds the client back. A client
    /// that keeps to its window is never held back: its unacknowledged input is at least what is
    /// queued here.
    pub fn has_room(&self) -> bool {
        let has_room = if self.is_open {
            self.received - self.forwarded <= self.window
        } else {
            self.queue.len() < MAX_EARLY_INPUT
        };
        has_room && self.signals.len() < MAX_SIGNALS
    }

    /// Returns whether the client has sent `eof`.
    pub fn is_ended(&self) -> bool {
        self.is_ended
    }

    /// Returns whether input, a resize or a signal is not forwarded yet.
    pub fn has_pending(&self) -> bool {
        self.forwarded < self.received || self.resize.is_some() || !self.signals.is_empty()
    }

    /// Takes the next packet. The one before it counts as forwarded.
    pub fn next_packet(&mut self) -> Option<Packet> {
        self.note_forwarded();
        if let Some(bytes) = self.queue.pop() {
            self.in_flight = bytes.len();
            return Some(Packet::Input(bytes));
        }
        if self.eof != Eof::Queued {
            return None;
        }
        self.eof = Eof::Sent;
        Some(Packet::Eof)
    }

    /// Takes the next resize or signal.
    pub fn next_request(&mut self) -> Option<ChannelRequest> {
        if let Some(size) = self.resize.take() {
            return Some(ChannelRequest::Resize(size));
        }
        super::queue::next(&mut self.signals).map(ChannelRequest::Signal)
    }

    /// Counts the packet taken last as forwarded.
    fn note_forwarded(&mut self) {
        self.forwarded += std::mem::take(&mut self.in_flight) as u64;
        debug_assert!(self.is_consistent());
    }

    /// Takes the offset to acknowledge, if another quarter of the window has been forwarded.
    pub fn take_due_ack(&mut self) -> Option<u64> {
        let is_due = self.forwarded - self.acked >= self.window.div_ceil(4);
        is_due.then(|| {
            self.acked = self.forwarded;
            self.forwarded
        })
    }

    /// Offset of the input received so far.
    pub fn received(&self) -> u64 {
        self.received
    }

    /// Queued input.
    #[cfg(test)]
    pub(super) fn contents(&self) -> Vec<u8> {
        self.queue.contents()
    }

    /// Bytes that may be received and not forwarded.
    pub fn window(&self) -> u64 {
        self.window
    }

    /// Returns whether `acked <= forwarded <= received`.
    pub fn is_consistent(&self) -> bool {
        self.acked <= self.forwarded && self.forwarded <= self.received
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
        assert!(!uplink.has_pending());
        assert_eq!(uplink.take_due_ack(), Some(303));
        assert_eq!(uplink.take_due_ack(), None);
    }

    #[test]
    fn eof_is_sent_once_and_after_all_input() {
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
    fn only_the_latest_resize_is_sent_and_signals_are_bounded() {
        let size = |cols| WindowSize::new(cols, 24, 0, 0).unwrap();
        let mut uplink = Uplink::new(1000);
        uplink.open();
        for cols in [90, 100] {
            uplink.resize(size(cols));
        }
        let int = SignalName::parse("INT").unwrap();
        while uplink.has_room() {
            uplink.signal(int);
        }
        let requests: Vec<_> = std::iter::from_fn(|| uplink.next_request()).collect();
        assert_eq!(requests.len(), 1 + MAX_SIGNALS);
        assert_eq!(requests[0], ChannelRequest::Resize(size(100)));
        assert!(uplink.has_room() && !uplink.has_pending());
    }
}
