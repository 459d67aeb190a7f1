//! The two ends of a session channel as a program sees them: an [`Inbox`] that russh's loop fills
//! and never waits for, and an [`Output`] that waits until the client can take more.
//!
//! It runs no program and answers no request.

#![expect(
    clippy::disallowed_types,
    reason = "no shard comes here: russh wants its server's handlers and streams to be Send"
)]

use super::gate::Gate;
use super::signals;
use crate::tools::demo::pty::{Ended, Size};
use bytes::{Buf, Bytes, BytesMut};
use russh::ChannelWriteHalf;
use russh::server::{Handle, Msg};
use rustix::process::Signal;
use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use tokio::sync::Notify;

/// Most signals that wait to be handled; more are forgotten, as pending signals are by kernels.
const MAX_SIGNALS: usize = 16;
/// What Ctrl-C sends.
pub(super) const CTRL_C: u8 = 0x03;
/// Most bytes of input a program gets at once.
const PIECE: usize = 16 * 1024;

/// The channel is gone: nothing can be written any more, and nobody waits for the program.
#[derive(Debug)]
pub(super) struct Gone;

/// What a program is told beside its input.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Control {
    Resize(Size),
    Signal(Signal),
    Closed,
}

/// What a client sent to one channel, until the program takes it. The input counts in the gate
/// of the connection; all else is bounded here. One program at a time may wait on it.
pub(super) struct Inbox {
    state: Mutex<State>,
    gate: Arc<Gate>,
    input: Notify,
    control: Notify,
    closed: Notify,
}

#[derive(Default)]
struct State {
    input: BytesMut,
    eof: bool,
    size: Option<Size>,
    signals: VecDeque<Signal>,
    closed: bool,
}

impl Inbox {
    pub(super) fn new(gate: Arc<Gate>) -> Arc<Self> {
        Arc::new(Self {
            state: Mutex::default(),
            gate,
            input: Notify::new(),
            control: Notify::new(),
            closed: Notify::new(),
        })
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn push_input(&self, bytes: &[u8]) {
        let mut state = self.state();
        if !state.closed {
            self.gate.add(bytes.len());
            state.input.extend_from_slice(bytes);
            self.input.notify_one();
        }
    }

    pub(super) fn push_eof(&self) {
        self.state().eof = true;
        self.input.notify_one();
    }

    /// Only the latest size counts.
    pub(super) fn push_size(&self, size: Size) {
        self.state().size = Some(size);
        self.control.notify_one();
    }

    pub(super) fn push_signal(&self, signal: Signal) {
        let mut state = self.state();
        if state.signals.len() < MAX_SIGNALS {
            state.signals.push_back(signal);
            self.control.notify_one();
        }
    }

    /// Ends the channel for both sides; input nobody took is given up.
    pub(super) fn close(&self) {
        let mut state = self.state();
        state.closed = true;
        self.gate.release(std::mem::take(&mut state.input).len());
        self.input.notify_one();
        self.control.notify_one();
        self.closed.notify_one();
    }

    pub(super) fn is_closed(&self) -> bool {
        self.state().closed
    }

    async fn closed(&self) {
        while !self.is_closed() {
            self.closed.notified().await;
        }
    }

    /// The next input, at most [`PIECE`] bytes; `None` after the client's EOF.
    pub(super) async fn next_input(&self) -> Option<Bytes> {
        loop {
            {
                let mut state = self.state();
                if !state.input.is_empty() {
                    let piece = state.input.len().min(PIECE);
                    self.gate.release(piece);
                    return Some(state.input.split_to(piece).freeze());
                }
                if state.eof || state.closed {
                    return None;
                }
            }
            self.input.notified().await;
        }
    }

    /// The next event beside the input.
    pub(super) async fn next_control(&self) -> Control {
        loop {
            {
                let mut state = self.state();
                if state.closed {
                    return Control::Closed;
                }
                if let Some(size) = state.size.take() {
                    return Control::Resize(size);
                }
                if let Some(signal) = state.signals.pop_front() {
                    return Control::Signal(signal);
                }
            }
            self.control.notified().await;
        }
    }

    /// Whether the program that runs must stop: SIGINT, which is then forgotten, another signal,
    /// or, with a terminal, Ctrl-C, which also discards the input before it, as terminals do.
    pub(super) fn take_interrupt(&self, terminal: bool) -> bool {
        let mut state = self.state();
        if let Some(at) = state.signals.iter().position(|s| *s == Signal::INT) {
            state.signals.remove(at);
            return true;
        }
        if state.closed || !state.signals.is_empty() {
            return true;
        }
        let at = state.input.iter().position(|byte| *byte == CTRL_C);
        let Some(at) = at.filter(|_| terminal) else {
            return false;
        };
        state.input.advance(at + 1);
        self.gate.release(at + 1);
        true
    }
}

/// The way to the client.
pub(super) struct Output {
    half: ChannelWriteHalf<Msg>,
    handle: Handle,
    inbox: Arc<Inbox>,
}

impl Output {
    pub(super) fn new(half: ChannelWriteHalf<Msg>, handle: Handle, inbox: Arc<Inbox>) -> Self {
        Self {
            half,
            handle,
            inbox,
        }
    }

    /// Returns when the channel took it all; that is how a slow client slows a program.
    pub(super) async fn write(&self, bytes: impl Into<Bytes>) -> Result<(), Gone> {
        let _writing = self.inbox.gate.writing();
        tokio::select! {
            written = self.half.data_bytes(bytes) => written.map_err(|_| Gone),
            () = self.inbox.closed() => Err(Gone),
        }
    }

    /// As `write`, to standard error (RFC 4254 section 5.2).
    pub(super) async fn write_error(&self, bytes: impl Into<Bytes>) -> Result<(), Gone> {
        let _writing = self.inbox.gate.writing();
        tokio::select! {
            written = self.half.extended_data_bytes(1, bytes) => written.map_err(|_| Gone),
            () = self.inbox.closed() => Err(Gone),
        }
    }

    /// Says how the program ended (RFC 4254 section 6.10) and closes the channel. A channel that
    /// is gone needs neither.
    pub(super) async fn finish(self, ended: Ended) {
        let id = self.half.id();
        let farewell = async {
            // Each fails only when the connection is gone, and then the next does too.
            let _ = match ended {
                Ended::Status(status) => self.handle.exit_status_request(id, status).await,
                Ended::Signal(number, core_dumped) => {
                    let name = signals::to_name(number);
                    let (message, language) = (String::new(), String::new());
                    self.handle
                        .exit_signal_request(id, name, core_dumped, message, language)
                        .await
                }
            };
            let _ = self.handle.eof(id).await;
            let _ = self.handle.close(id).await;
        };
        tokio::select! {
            () = farewell => {}
            () = self.inbox.closed() => {}
        }
        self.inbox.close();
    }
}

#[cfg(test)]
mod tests {
    use super::{Control, Gate, Inbox, MAX_SIGNALS, Signal, Size};

    #[tokio::test]
    async fn input_comes_in_order_then_eof() {
        let inbox = Inbox::new(Gate::new());
        inbox.push_input(b"one");
        inbox.push_input(b"two");
        inbox.push_eof();
        let input = inbox.next_input().await;
        assert_eq!(input.as_deref(), Some(b"onetwo".as_slice()));
        assert_eq!(inbox.next_input().await, None);
    }

    #[tokio::test]
    async fn the_latest_size_and_a_bounded_number_of_signals() {
        let inbox = Inbox::new(Gate::new());
        for columns in 1..=3 {
            inbox.push_size(Size { columns, rows: 1 });
        }
        for _ in 0..2 * MAX_SIGNALS {
            inbox.push_signal(Signal::USR1);
        }
        let latest = Size {
            columns: 3,
            rows: 1,
        };
        assert_eq!(inbox.next_control().await, Control::Resize(latest));
        for _ in 0..MAX_SIGNALS {
            assert_eq!(inbox.next_control().await, Control::Signal(Signal::USR1));
        }
        inbox.close();
        assert_eq!(inbox.next_control().await, Control::Closed);
        assert_eq!(inbox.next_input().await, None);
    }

    #[tokio::test]
    async fn ctrl_c_discards_what_came_before_it() {
        let inbox = Inbox::new(Gate::new());
        inbox.push_input(b"gone");
        inbox.push_input(b"gone too\x03kept");
        assert!(
            !inbox.take_interrupt(false),
            "without a terminal it is data"
        );
        assert!(inbox.take_interrupt(true));
        assert!(!inbox.take_interrupt(true));
        assert_eq!(
            inbox.next_input().await.as_deref(),
            Some(b"kept".as_slice())
        );
    }

    #[tokio::test]
    async fn sigint_is_used_up_and_other_signals_stay() {
        let inbox = Inbox::new(Gate::new());
        inbox.push_signal(Signal::INT);
        assert!(inbox.take_interrupt(false));
        assert!(!inbox.take_interrupt(false));
        inbox.push_signal(Signal::TERM);
        assert!(inbox.take_interrupt(false));
        assert_eq!(inbox.next_control().await, Control::Signal(Signal::TERM));
    }
}
