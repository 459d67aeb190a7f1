//! Holds back what a client sends while the programs behind its channels don't take it.
//!
//! russh gives window back on receipt, so the socket is the only place to hold back. The gate
//! closes when too much input is queued; russh's loop then waits for the socket but still sends.
//! It gives a little when output is stuck too, because the window adjustment or key exchange that
//! would free the output may stand behind the input. It moves no bytes and knows no channel.

#![expect(
    clippy::disallowed_types,
    reason = "no shard comes here: russh wants its server's handlers and streams to be Send"
)]

use std::io;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker};
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::time::{Sleep, sleep};

/// Queued input above which the gate closes, in bytes.
const HIGH: usize = 64 * 1024;
/// How much more is let through when output is stuck as well, in bytes.
const GIVE: usize = 64 * 1024;
/// How long output must be stuck for that.
const STUCK: Duration = Duration::from_millis(100);
/// Queued input that ends the connection, in bytes: a client that sends without reading. More
/// than one window (see `mod.rs`), behind which any adjustment must have been found.
const MAX: usize = 1024 * 1024;

/// The input queued for all channels of one connection, in bytes.
pub(super) struct Gate(Mutex<State>);

struct State {
    queued: usize,
    /// The gate is closed while `queued` is above this.
    limit: usize,
    /// How many writers wait for their channel.
    writers: usize,
    /// Writes done, to see whether output moves.
    written: u64,
    reader: Option<Waker>,
}

impl Gate {
    pub(super) fn new() -> Arc<Self> {
        Arc::new(Self(Mutex::new(State {
            queued: 0,
            limit: HIGH,
            writers: 0,
            written: 0,
            reader: None,
        })))
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// So many bytes were queued.
    pub(super) fn add(&self, bytes: usize) {
        self.state().queued += bytes;
    }

    /// So many bytes were taken from a queue.
    pub(super) fn release(&self, bytes: usize) {
        let mut state = self.state();
        state.queued = state.queued.saturating_sub(bytes);
        state.limit = HIGH;
        if state.queued <= HIGH {
            wake(&mut state);
        }
    }

    /// Marks output as waiting for as long as the result lives.
    pub(super) fn writing(&self) -> Writing<'_> {
        let mut state = self.state();
        state.writers += 1;
        if state.queued > state.limit {
            wake(&mut state);
        }
        Writing(self)
    }
}

fn wake(state: &mut State) {
    if let Some(reader) = state.reader.take() {
        reader.wake();
    }
}

/// A write under way.
pub(super) struct Writing<'a>(&'a Gate);

impl Drop for Writing<'_> {
    fn drop(&mut self) {
        let mut state = self.0.state();
        state.writers -= 1;
        state.written += 1;
    }
}

/// A stream that is read only while the gate is open.
pub(super) struct GatedStream<S> {
    inner: S,
    gate: Arc<Gate>,
    /// Since output was seen stuck: the end of the wait, and the writes done by then.
    stuck: Option<(Pin<Box<Sleep>>, u64)>,
}

impl<S> GatedStream<S> {
    pub(super) fn new(inner: S, gate: Arc<Gate>) -> Self {
        Self {
            inner,
            gate,
            stuck: None,
        }
    }

    /// Ready when reading may go on.
    fn poll_open(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let mut state = self.gate.state();
        loop {
            if state.queued > MAX {
                let message = "the client sends without reading";
                return Poll::Ready(Err(io::Error::other(message)));
            }
            if state.queued <= state.limit {
                self.stuck = None;
                return Poll::Ready(Ok(()));
            }
            state.reader = Some(cx.waker().clone());
            if state.writers == 0 {
                self.stuck = None;
                return Poll::Pending;
            }
            let written = state.written;
            let (timer, before) = self
                .stuck
                .get_or_insert_with(|| (Box::pin(sleep(STUCK)), written));
            if timer.as_mut().poll(cx).is_pending() {
                return Poll::Pending;
            }
            if *before == written {
                state.limit = state.queued + GIVE;
            }
            self.stuck = None;
        }
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for GatedStream<S> {
    fn poll_read(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        match this.poll_open(cx) {
            Poll::Ready(Ok(())) => Pin::new(&mut this.inner).poll_read(cx, buf),
            other => other,
        }
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for GatedStream<S> {
    fn poll_write(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &[u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.get_mut().inner).poll_write(cx, buf)
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.get_mut().inner).poll_flush(cx)
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.get_mut().inner).poll_shutdown(cx)
    }
}

#[cfg(test)]
mod tests {
    use super::{Gate, GatedStream, HIGH, MAX};
    use futures_util::task::noop_waker_ref;
    use std::pin::pin;
    use std::task::{Context, Poll};
    use tokio::io::AsyncReadExt;

    /// Polls one read of one byte from an endless source.
    fn poll_once(stream: &mut GatedStream<tokio::io::Repeat>) -> Poll<std::io::Result<usize>> {
        let mut byte = [0];
        let mut cx = Context::from_waker(noop_waker_ref());
        pin!(stream.read(&mut byte)).poll(&mut cx)
    }

    #[test]
    fn closes_above_the_mark_and_opens_when_input_is_taken() {
        let gate = Gate::new();
        let mut stream = GatedStream::new(tokio::io::repeat(7), gate.clone());
        gate.add(HIGH);
        assert!(matches!(poll_once(&mut stream), Poll::Ready(Ok(1))));
        gate.add(1);
        assert!(poll_once(&mut stream).is_pending());
        gate.release(1);
        assert!(matches!(poll_once(&mut stream), Poll::Ready(Ok(1))));
    }

    #[test]
    fn ends_the_connection_far_above_the_mark() {
        let gate = Gate::new();
        let mut stream = GatedStream::new(tokio::io::repeat(7), gate.clone());
        gate.add(MAX + 1);
        assert!(matches!(poll_once(&mut stream), Poll::Ready(Err(_))));
    }

    #[tokio::test]
    async fn gives_a_little_when_output_is_stuck_too() {
        let gate = Gate::new();
        let mut stream = GatedStream::new(tokio::io::repeat(7), gate.clone());
        gate.add(HIGH + 1);
        let writing = gate.writing();
        // Would wait for ever without the give.
        assert_eq!(stream.read_u8().await.ok(), Some(7));
        drop(writing);
        gate.release(1);
        gate.add(1);
        assert!(poll_once(&mut stream).is_pending());
    }
}
