//! Stream under russh: a socket of the shard with read-ahead, the version line
//! ([`Identification`]), [`ReadCredit`], [`PacketBudget`], fair dispatch and read coalescing of
//! bulk output. Has no deadlines: the session owns all timeouts, and russh's loop with this stream
//! in it.

use super::bulk::BulkDetector;
use super::credit::ReadCredit;
use super::identification::Identification;
use super::packet_budget::PacketBudget;
use crate::runtime::tokio_io::{AsyncRead, AsyncWrite, ReadBuf};
use crate::runtime::{self, Stream};
use futures_lite::io::{AsyncRead as FuturesRead, AsyncWrite as FuturesWrite};
use send_wrapper::SendWrapper;
use std::cell::RefCell;
use std::io::{self, IoSliceMut};
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll, ready};

/// Size of the read-ahead buffer, in bytes. russh reads a packet's length and then the rest; with
/// read-ahead that is one system call in place of two. Shared by all sessions of a shard.
const SCRATCH: usize = 64 * 1024;

/// Bytes read ahead behind a large packet: the length of the next, and little of it, because that
/// is copied twice.
const AHEAD_OF_LARGE: usize = 1024;

/// Size from which on a packet is large, in bytes: the next is read directly into russh's buffer.
const DIRECT_READ_FROM: usize = 16 * 1024;

/// Bytes that a session reads in one poll of its task.
const MAX_READ_PER_POLL: usize = 64 * 1024;

thread_local! {
    static SCRATCH_BUFFER: RefCell<Vec<u8>> = RefCell::new(vec![0; SCRATCH]);
}

/// Capacity that an emptied [`ReadAhead`] keeps, in bytes: the packet of an echo, behind its
/// length.
const KEPT_CAPACITY: usize = 64;

/// Bytes that were read ahead and not yet taken by russh. At most [`SCRATCH`] minus what russh took
/// at once; freed when drained, but for [`KEPT_CAPACITY`].
#[derive(Default)]
struct ReadAhead {
    bytes: Vec<u8>,
    taken: usize,
}

impl ReadAhead {
    fn rest(&self) -> &[u8] {
        self.bytes.get(self.taken..).unwrap_or_default()
    }

    /// Moves what fits to `buf`.
    fn move_to(&mut self, buf: &mut ReadBuf<'_>) {
        let rest = self.rest();
        let count = rest.len().min(buf.remaining());
        buf.put_slice(rest.get(..count).unwrap_or_default());
        self.consume(count);
    }

    fn consume(&mut self, count: usize) {
        self.taken += count;
        if self.taken >= self.bytes.len() {
            self.taken = 0;
            self.bytes.clear();
            if self.bytes.capacity() > KEPT_CAPACITY {
                self.bytes = Vec::new();
            }
        }
    }
}

/// State of the beginning of a connection, up to the end of the version line.
struct Start {
    identification: Rc<RefCell<Identification>>,
    /// Part of the version line that russh has not taken yet.
    version: ReadAhead,
}

struct Inner {
    socket: Stream,
    ahead: ReadAhead,
    /// `None` once packets come.
    start: Option<Start>,
    credit: Rc<ReadCredit>,
    budget: Rc<PacketBudget>,
    /// Size of the part of a packet that russh is reading.
    part: Option<usize>,
    /// The latest packet was large.
    large: bool,
    /// Number of the task's poll with the last read, and the bytes read in it.
    poll_bytes: (u64, usize),
    bulk: BulkDetector,
}

/// The stream. russh requires `Send`; the wrapper panics if another thread touches it, which cannot
/// happen, because russh's loop runs on the shard's own thread.
pub(super) struct SshStream(SendWrapper<Inner>);

impl SshStream {
    pub(super) fn new(
        socket: Stream,
        credit: Rc<ReadCredit>,
        budget: Rc<PacketBudget>,
        identification: Rc<RefCell<Identification>>,
    ) -> Self {
        Self(SendWrapper::new(Inner {
            socket,
            ahead: ReadAhead::default(),
            start: Some(Start {
                identification,
                version: ReadAhead::default(),
            }),
            credit,
            budget,
            part: None,
            large: false,
            poll_bytes: (0, 0),
            bulk: BulkDetector::new(crate::clock::now()),
        }))
    }
}

impl Inner {
    fn poll_read(&mut self, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        self.check_budget()?;
        if let Some(mut start) = self.start.take() {
            let result = self.poll_start(cx, &mut start, buf);
            self.start = Some(start);
            if !matches!(result, Poll::Ready(Ok(true))) {
                return result.map_ok(drop);
            }
            self.start = None;
        }
        self.poll_read_part(cx, buf)
    }

    /// Fills `buf` with the version line, or with nothing at the end of the stream. Returns `true`
    /// when packets follow.
    fn poll_start(
        &mut self,
        cx: &mut Context<'_>,
        start: &mut Start,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<bool>> {
        let mut identification = start.identification.borrow_mut();
        loop {
            if !start.version.rest().is_empty() {
                start.version.move_to(buf);
                return Poll::Ready(Ok(false));
            }
            if self.ahead.rest().is_empty() {
                // With no room in `buf` all that comes is read ahead.
                ready!(self.poll_read_ahead(cx, &mut ReadBuf::new(&mut [])))?;
            }
            let bytes = self.ahead.rest();
            if bytes.is_empty() {
                return Poll::Ready(Ok(false));
            }
            if identification.is_found() {
                let end = Identification::rest_of_line_end(bytes);
                let is_packet_next = end < bytes.len();
                self.ahead.consume(end);
                if is_packet_next {
                    return Poll::Ready(Ok(true));
                }
                continue;
            }
            let (used, version) = identification.push(bytes).map_err(io::Error::other)?;
            self.ahead.consume(used);
            start.version.bytes = version.unwrap_or_default();
        }
    }

    /// Reads a part of a packet: russh reads on until its buffer is full.
    fn poll_read_part(
        &mut self,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        self.part.get_or_insert(buf.remaining());
        ready!(self.poll_fill(cx, buf))?;
        if buf.remaining() == 0
            && let Some(bytes) = self.part.take()
        {
            self.budget.note_read(bytes).map_err(io::Error::other)?;
            // Four bytes are a packet's length.
            if bytes > 4 {
                self.large = bytes >= DIRECT_READ_FROM;
            }
        }
        Poll::Ready(Ok(()))
    }

    fn check_budget(&self) -> io::Result<()> {
        match self.budget.violation() {
            Some(rule) => Err(io::Error::other(rule)),
            None => Ok(()),
        }
    }

    fn poll_fill(&mut self, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        if self.ahead.rest().is_empty() {
            return self.poll_read_ahead(cx, buf);
        }
        self.ahead.move_to(buf);
        Poll::Ready(Ok(()))
    }

    /// Reads from the socket: what fits goes to `buf`, the rest is kept. Nothing in either
    /// afterwards means end of stream.
    fn poll_read_ahead(
        &mut self,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        self.credit.register(cx.waker());
        let credit = self.credit.available();
        if credit == 0 {
            self.bulk.forgo();
            return Poll::Pending;
        }
        // Bulk output must not starve the shard's other sessions.
        let share_spent = self.has_read_its_share();
        ready!(self.bulk.poll_dispatch(cx, share_spent));
        if self.large && buf.remaining() >= AHEAD_OF_LARGE {
            return self.poll_read_packet(cx, buf, credit);
        }
        let most = if self.large { AHEAD_OF_LARGE } else { SCRATCH };
        SCRATCH_BUFFER.with_borrow_mut(|scratch| {
            let limit = credit.min(most);
            let window = scratch.get_mut(..limit).unwrap_or_default();
            let count = ready!(Pin::new(&mut self.socket).poll_read(cx, window))?;
            let filled = window.get(..count).unwrap_or_default();
            self.credit.spend(count);
            self.poll_bytes.1 += count;
            // Reads of bulk output in small packets are coalesced, once the socket has no more.
            let is_bulk = self.bulk.note(count, crate::clock::now());
            if is_bulk && count < limit && !self.large {
                self.socket.coalesce()?;
            }
            let (now, later) = filled.split_at(count.min(buf.remaining()));
            buf.put_slice(now);
            self.ahead.bytes.extend_from_slice(later);
            Poll::Ready(Ok(()))
        })
    }

    /// Reads a large packet directly into `buf`, and a little of the next.
    fn poll_read_packet(
        &mut self,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
        credit: usize,
    ) -> Poll<io::Result<()>> {
        let limit = credit.min(buf.remaining());
        let mut ahead = [0; AHEAD_OF_LARGE];
        let more = credit.saturating_sub(limit).min(ahead.len());
        let more = ahead.get_mut(..more).unwrap_or_default();
        let window = buf.initialize_unfilled_to(limit);
        let mut parts = [IoSliceMut::new(window), IoSliceMut::new(more)];
        let read = Pin::new(&mut self.socket).poll_read_vectored(cx, &mut parts);
        let count = ready!(read)?;
        let now = count.min(limit);
        self.credit.spend(count);
        buf.advance(now);
        let later = more.get(..count - now).unwrap_or_default();
        self.ahead.bytes.extend_from_slice(later);
        self.poll_bytes.1 += count;
        self.bulk.note(count, crate::clock::now());
        Poll::Ready(Ok(()))
    }

    fn has_read_its_share(&mut self) -> bool {
        let poll = runtime::poll_number();
        if self.poll_bytes.0 != poll {
            self.poll_bytes = (poll, 0);
        }
        self.poll_bytes.1 >= MAX_READ_PER_POLL || runtime::should_yield()
    }

    fn poll_write(&mut self, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        self.check_budget()?;
        Pin::new(&mut self.socket).poll_write(cx, buf)
    }

    fn poll_close(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match Pin::new(&mut self.socket).poll_close(cx) {
            // The peer closed first. russh would treat the error as a failure and not call the
            // handler.
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
