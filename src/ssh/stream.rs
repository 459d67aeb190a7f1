//! The stream russh reads from and writes to: a socket of the shard with
//! read-ahead, the [`Identification`], the [`ReadCredit`], the [`Ledger`], fairness, and
//! read coalescing. No deadlines: the session owns all clocks, and russh's loop with this in it.

use super::credit::ReadCredit;
use super::flow::Flow;
use super::identification::Identification;
use super::ledger::{Fault, Ledger};
use crate::runtime::tokio_io::{AsyncRead, AsyncWrite, ReadBuf};
use crate::runtime::{self, Stream};
use futures_lite::io::{AsyncRead as FuturesRead, AsyncWrite as FuturesWrite};
use send_wrapper::SendWrapper;
use std::cell::RefCell;
use std::io::{self, IoSliceMut};
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll};

/// russh reads a packet's length and then the rest, a system call each; this
/// takes what is there in one. Shared by all sessions of a shard.
const SCRATCH: usize = 64 * 1024;

/// Of large packets less is read ahead: the next one's length, and little of it
/// that would be copied twice.
const AHEAD_OF_LARGE: usize = 1024;

/// A piece of a packet from this size on is large, in bytes.
const LARGE_PIECE: usize = 16 * 1024;

/// Bytes that a session reads before the others get their turn.
const PER_TURN: usize = 64 * 1024;

thread_local! {
    static SCRATCH_BUFFER: RefCell<Vec<u8>> = RefCell::new(vec![0; SCRATCH]);
}

/// Room that an emptied [`Leftover`] keeps, in bytes: the packet of an echo, behind its length.
const KEPT: usize = 64;

/// Bytes that were read ahead and not yet taken by russh. At most [`SCRATCH`]
/// minus what russh took at once; freed when drained, but for [`KEPT`].
#[derive(Default)]
struct Leftover {
    bytes: Vec<u8>,
    taken: usize,
}

impl Leftover {
    fn rest(&self) -> &[u8] {
        self.bytes.get(self.taken..).unwrap_or_default()
    }

    fn consume(&mut self, count: usize) {
        self.taken += count;
        if self.taken >= self.bytes.len() {
            self.taken = 0;
            self.bytes.clear();
            if self.bytes.capacity() > KEPT {
                self.bytes = Vec::new();
            }
        }
    }
}

/// The beginning of a connection, up to the end of the version line.
struct Start {
    identification: Rc<RefCell<Identification>>,
    /// The version line, as far as russh has not taken it.
    version: Leftover,
}

struct Inner {
    socket: Stream,
    leftover: Leftover,
    /// Gone once packets come.
    start: Option<Start>,
    credit: Rc<ReadCredit>,
    ledger: Rc<Ledger>,
    /// The size of the piece of a packet that russh is reading.
    piece: Option<usize>,
    /// The latest packet was large.
    large: bool,
    /// The turn of the last read, and the bytes read in it.
    turn: (u64, usize),
    flow: Flow,
}

/// russh wants a `Send` stream. This one panics if another thread touches it,
/// which cannot happen: russh's loop runs on the shard's own executor.
pub(super) struct SshStream(SendWrapper<Inner>);

impl SshStream {
    pub(super) fn new(
        socket: Stream,
        credit: Rc<ReadCredit>,
        ledger: Rc<Ledger>,
        identification: Rc<RefCell<Identification>>,
    ) -> Self {
        Self(SendWrapper::new(Inner {
            socket,
            leftover: Leftover::default(),
            start: Some(Start {
                identification,
                version: Leftover::default(),
            }),
            credit,
            ledger,
            piece: None,
            large: false,
            turn: (0, 0),
            flow: Flow::new(crate::clock::now()),
        }))
    }
}

fn at_fault(fault: Fault) -> io::Error {
    io::Error::other(fault)
}

impl Inner {
    fn poll_read(&mut self, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        self.may_go_on()?;
        if let Some(mut start) = self.start.take() {
            let result = self.poll_start(cx, &mut start, buf);
            self.start = Some(start);
            if !matches!(result, Poll::Ready(Ok(true))) {
                return result.map_ok(drop);
            }
            self.start = None;
        }
        self.poll_read_piece(cx, buf)
    }

    /// Fills `buf` with the version line, or with nothing at the end of the stream.
    /// `true`: packets come.
    fn poll_start(
        &mut self,
        cx: &mut Context<'_>,
        start: &mut Start,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<bool>> {
        let mut identification = start.identification.borrow_mut();
        loop {
            let version = start.version.rest();
            if !version.is_empty() {
                let count = version.len().min(buf.remaining());
                buf.put_slice(version.get(..count).unwrap_or_default());
                start.version.consume(count);
                return Poll::Ready(Ok(false));
            }
            if self.leftover.rest().is_empty() {
                // With no room in the buffer all that comes is left over.
                std::task::ready!(self.poll_read_ahead(cx, &mut ReadBuf::new(&mut [])))?;
            }
            let bytes = self.leftover.rest();
            if bytes.is_empty() {
                return Poll::Ready(Ok(false));
            }
            if identification.is_found() {
                let end = Identification::rest_of_line_end(bytes);
                if end < bytes.len() {
                    self.leftover.consume(end);
                    return Poll::Ready(Ok(true));
                }
                self.leftover.consume(end);
                continue;
            }
            let (used, version) = identification.feed(bytes).map_err(io::Error::other)?;
            self.leftover.consume(used);
            start.version.bytes = version.unwrap_or_default();
        }
    }

    /// russh reads a piece of a packet at a time, until its buffer is full.
    fn poll_read_piece(
        &mut self,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        self.piece.get_or_insert(buf.remaining());
        std::task::ready!(self.poll_fill(cx, buf))?;
        if buf.remaining() == 0
            && let Some(bytes) = self.piece.take()
        {
            self.ledger.note_piece(bytes).map_err(at_fault)?;
            // The four bytes of a length say nothing.
            if bytes > 4 {
                self.large = bytes >= LARGE_PIECE;
            }
        }
        Poll::Ready(Ok(()))
    }

    fn may_go_on(&self) -> io::Result<()> {
        self.ledger
            .fault()
            .map_or(Ok(()), |fault| Err(at_fault(fault)))
    }

    fn poll_fill(&mut self, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let rest = self.leftover.rest();
        if rest.is_empty() {
            return self.poll_read_ahead(cx, buf);
        }
        let count = rest.len().min(buf.remaining());
        buf.put_slice(rest.get(..count).unwrap_or_default());
        self.leftover.consume(count);
        Poll::Ready(Ok(()))
    }

    /// Reads what the socket has: what fits goes to `buf`, the rest is kept.
    /// Nothing in `buf` afterwards means end of stream.
    fn poll_read_ahead(
        &mut self,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        self.credit.register(cx.waker());
        let budget = self.credit.available();
        if budget == 0 {
            return Poll::Pending;
        }
        // A flooding server must not starve the shard's other sessions.
        let done = self.has_had_its_turn();
        std::task::ready!(self.flow.poll_turn(cx, done));
        if self.large && buf.remaining() >= AHEAD_OF_LARGE {
            return self.poll_read_packet(cx, buf, budget);
        }
        let budget = if self.large {
            budget.min(AHEAD_OF_LARGE)
        } else {
            budget
        };
        SCRATCH_BUFFER.with_borrow_mut(|scratch| {
            let limit = budget.min(scratch.len());
            let window = scratch.get_mut(..limit).unwrap_or_default();
            let count = std::task::ready!(Pin::new(&mut self.socket).poll_read(cx, window))?;
            let filled = window.get(..count).unwrap_or_default();
            self.credit.spend(count);
            self.turn.1 += count;
            self.rest_in_a_flood(count, count < limit)?;
            let (now, later) = filled.split_at(count.min(buf.remaining()));
            buf.put_slice(now);
            self.leftover.bytes.extend_from_slice(later);
            Poll::Ready(Ok(()))
        })
    }

    /// Reads the packet straight to where it belongs, and a little more.
    fn poll_read_packet(
        &mut self,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
        budget: usize,
    ) -> Poll<io::Result<()>> {
        let limit = budget.min(buf.remaining());
        let mut ahead = [0; AHEAD_OF_LARGE];
        let more = budget.saturating_sub(limit).min(ahead.len());
        let more = ahead.get_mut(..more).unwrap_or_default();
        let window = buf.initialize_unfilled_to(limit);
        let mut pieces = [IoSliceMut::new(window), IoSliceMut::new(more)];
        let read = Pin::new(&mut self.socket).poll_read_vectored(cx, &mut pieces);
        let count = std::task::ready!(read)?;
        let now = count.min(limit);
        self.credit.spend(count);
        buf.advance(now);
        let later = more.get(..count - now).unwrap_or_default();
        self.leftover.bytes.extend_from_slice(later);
        self.turn.1 += count;
        self.flow.note(count, crate::clock::now());
        Poll::Ready(Ok(()))
    }

    /// The small packets of a flood are read many at a time. `drained`: the
    /// socket has no more now.
    fn rest_in_a_flood(&mut self, count: usize, drained: bool) -> io::Result<()> {
        if self.flow.note(count, crate::clock::now()) && drained && !self.large {
            self.socket.coalesce()?;
        }
        Ok(())
    }

    fn has_had_its_turn(&mut self) -> bool {
        let turn = runtime::poll_number();
        if self.turn.0 != turn {
            self.turn = (turn, 0);
        }
        self.turn.1 >= PER_TURN || runtime::should_yield()
    }

    fn poll_write(&mut self, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        self.may_go_on()?;
        Pin::new(&mut self.socket).poll_write(cx, buf)
    }

    fn poll_close(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match Pin::new(&mut self.socket).poll_close(cx) {
            // The peer closed first; russh would take the error for a failure
            // and skip telling the handler.
            Poll::Ready(Err(e)) if e.kind() == io::ErrorKind::NotConnected => Poll::Ready(Ok(())),
            other => other,
        }
    }
}

impl AsyncRead for SshStream {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        self.0.poll_read(cx, buf)
    }
}

impl AsyncWrite for SshStream {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &[u8],
    ) -> Poll<io::Result<usize>> {
        self.0.poll_write(cx, buf)
    }

    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.0.poll_close(cx)
    }
}
