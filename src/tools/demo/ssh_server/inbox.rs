//! Both ends of a session channel for its program: an [`Inbox`] that russh's loop fills, and an
//! [`Output`] that waits until the client can take more.
//!
//! Input is bounded by the window that the handler gives the client (see [`Inbox::is_full`]).
//! Waiting in russh's loop until the program takes its input would not do: the program may be
//! waiting for its output, which the same loop sends. It runs no program and answers no request.

#![expect(
    clippy::disallowed_types,
    reason = "no shard comes here: russh wants its server's handlers and streams to be Send"
)]

use super::signals;
use crate::tools::demo::pty::{Ended, Size};
use bytes::{Bytes, BytesMut};
use russh::ChannelWriteHalf;
use russh::server::{Handle, Msg};
use rustix::process::Signal;
use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use tokio::sync::Notify;

/// Largest number of signals that wait; more are dropped, as a kernel does with pending signals.
const MAX_SIGNALS: usize = 16;
/// Input above which an inbox is full, in bytes.
const FULL: usize = 64 * 1024;
/// Most input that waits, in bytes: two windows. More comes only from a client that ignores its
/// window.
const MAX: usize = 2 * super::WINDOW as usize + FULL;
/// Most bytes of input a program gets at once.
const PIECE: usize = 16 * 1024;

/// Event for a program beside its input.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Control {
    Resize(Size),
    Signal(Signal),
    Closed,
}

/// The client has sent more than its window allows.
#[derive(Debug)]
pub(super) struct WindowExceeded;

/// Input of one channel, until the program takes it. One program may wait on it, and russh's loop
/// for room.
#[derive(Default)]
pub(super) struct Inbox {
    state: Mutex<State>,
    changed: Notify,
}

#[derive(Default)]
struct State {
    input: BytesMut,
    eof: bool,
    size: Option<Size>,
    signals: VecDeque<Signal>,
    closed: bool,
}

impl State {
    fn is_full(&self) -> bool {
        !self.closed && self.input.len() > FULL
    }
}

impl Inbox {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn update(&self, change: impl FnOnce(&mut State)) {
        change(&mut self.state());
        self.changed.notify_waiters();
    }

    /// Waits until there is what `take` takes.
    async fn wait<T>(&self, take: impl Fn(&mut State) -> Option<T>) -> T {
        loop {
            // Before the look, so that no change after it is missed.
            let changed = self.changed.notified();
            let taken = take(&mut self.state());
            if let Some(taken) = taken {
                return taken;
            }
            changed.await;
        }
    }

    /// Queues input of the client; that of a closed channel is dropped.
    ///
    /// # Errors
    /// More waits than the client's windows allow.
    pub(super) fn push_input(&self, bytes: &[u8]) -> Result<(), WindowExceeded> {
        let mut state = self.state();
        if state.closed {
            return Ok(());
        }
        if state.input.len() + bytes.len() > MAX {
            return Err(WindowExceeded);
        }
        state.input.extend_from_slice(bytes);
        self.changed.notify_waiters();
        Ok(())
    }

    /// Returns whether so much input waits that the client is to send next to nothing.
    pub(super) fn is_full(&self) -> bool {
        self.state().is_full()
    }

    /// Waits until it is not full.
    pub(super) async fn room(&self) {
        self.wait(|state| (!state.is_full()).then_some(())).await;
    }

    pub(super) fn push_eof(&self) {
        self.update(|state| state.eof = true);
    }

    /// Only the latest size counts.
    pub(super) fn push_size(&self, size: Size) {
        self.update(|state| state.size = Some(size));
    }

    pub(super) fn push_signal(&self, signal: Signal) {
        self.update(|state| {
            if state.signals.len() < MAX_SIGNALS {
                state.signals.push_back(signal);
            }
        });
    }

    /// Ends the channel for both sides; input that was not read is dropped.
    pub(super) fn close(&self) {
        self.update(|state| {
            state.closed = true;
            state.input = BytesMut::new();
        });
    }

    pub(super) fn is_closed(&self) -> bool {
        self.state().closed
    }

    async fn closed(&self) {
        self.wait(|state| state.closed.then_some(())).await;
    }

    /// The next input, at most [`PIECE`] bytes; `None` after the client's EOF.
    pub(super) async fn next_input(&self) -> Option<Bytes> {
        let input = self.wait(|state| match state.input.len().min(PIECE) {
            0 => (state.eof || state.closed).then_some(None),
            piece => Some(Some(Bytes::copy_from_slice(&state.input.split_to(piece)))),
        });
        let input = input.await;
        // There may be room again.
        self.changed.notify_waiters();
        input
    }

    /// The next event beside the input.
    pub(super) async fn next_control(&self) -> Control {
        self.wait(|state| match state.closed {
            true => Some(Control::Closed),
            false => {
                let size = state.size.take().map(Control::Resize);
                size.or_else(|| state.signals.pop_front().map(Control::Signal))
            }
        })
        .await
    }
}

/// Output to the client.
pub(super) struct Output {
    pub(super) half: ChannelWriteHalf<Msg>,
    pub(super) handle: Handle,
    pub(super) inbox: Arc<Inbox>,
}

impl Output {
    /// Writes to standard output, or to standard error (RFC 4254 section 5.2), and returns when the
    /// channel has taken all: a slow client slows its program. False: the channel is gone.
    pub(super) async fn write(&self, bytes: Bytes, errors: bool) -> bool {
        let written = async {
            match errors {
                false => self.half.data_bytes(bytes).await,
                true => self.half.extended_data_bytes(1, bytes).await,
            }
        };
        tokio::select! {
            written = written => written.is_ok(),
            () = self.inbox.closed() => false,
        }
    }

    /// Sends how the program ended (RFC 4254 section 6.10) and closes the channel. A channel that
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
    use super::{Control, FULL, Inbox, MAX, MAX_SIGNALS, PIECE, Signal, Size};

    #[tokio::test]
    async fn input_comes_in_order_then_eof() {
        let inbox = Inbox::default();
        inbox.push_input(b"one").unwrap();
        inbox.push_input(b"two").unwrap();
        inbox.push_eof();
        let input = inbox.next_input().await;
        assert_eq!(input.as_deref(), Some(b"onetwo".as_slice()));
        assert_eq!(inbox.next_input().await, None);
    }

    #[tokio::test]
    async fn it_is_full_until_the_program_takes_some() {
        let inbox = Inbox::default();
        inbox.push_input(&vec![0; FULL]).unwrap();
        assert!(!inbox.is_full());
        inbox.push_input(&[0; PIECE]).unwrap();
        assert!(inbox.is_full());
        let (room, ()) = tokio::join!(inbox.room(), async {
            assert_eq!(inbox.next_input().await.map(|b| b.len()), Some(PIECE));
        });
        assert_eq!(room, ());
        assert!(!inbox.is_full());
    }

    #[tokio::test]
    async fn more_than_the_window_allows_is_refused_and_nothing_waits_after_the_close() {
        let inbox = Inbox::default();
        inbox.push_input(&vec![0; MAX]).unwrap();
        assert!(inbox.push_input(b"x").is_err());
        inbox.close();
        inbox.room().await;
        assert!(inbox.push_input(b"x").is_ok());
        assert_eq!(inbox.next_input().await, None);
    }

    #[tokio::test]
    async fn the_latest_size_and_a_bounded_number_of_signals() {
        let inbox = Inbox::default();
        let size = |columns| Size {
            columns,
            ..Size::default()
        };
        for columns in 1..=3 {
            inbox.push_size(size(columns));
        }
        for _ in 0..2 * MAX_SIGNALS {
            inbox.push_signal(Signal::USR1);
        }
        assert_eq!(inbox.next_control().await, Control::Resize(size(3)));
        for _ in 0..MAX_SIGNALS {
            assert_eq!(inbox.next_control().await, Control::Signal(Signal::USR1));
        }
        inbox.close();
        assert_eq!(inbox.next_control().await, Control::Closed);
        assert_eq!(inbox.next_input().await, None);
    }
}
