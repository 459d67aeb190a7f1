//! Session channel of a running shell or command. Input goes to russh in order; resize and signals
//! go beside it, so that they do not wait for the SSH window. Holds at most one packet of each:
//! queues are the session's (`bridge/uplink/`). Output comes through the handler.

use super::client::SshClient;
use super::credit::ReadCredit;
use super::handler::SessionHandler;
use super::packet_budget::PacketBudget;
use super::round_trip::RoundTrip;
use super::shell_start::ShellStart;
use crate::message::{SignalName, WindowSize};
use bytes::Bytes;
use russh::Sig;
use russh::client::{Handle, Msg};
use std::cell::Cell;
use std::future::{Future, poll_fn};
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll, ready};
use std::time::{Duration, Instant};

pub(super) type WriteHalf = russh::ChannelWriteHalf<Msg>;
type Sending = Pin<Box<dyn Future<Output = Result<(), russh::Error>>>>;

/// Error of a channel that takes nothing any more: russh's loop has ended, or the channel is
/// finished.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ChannelGone;

/// One message of input for russh.
enum Packet {
    Data(Bytes),
    Eof,
}

/// Holds the packet that [`send_packets`] takes next.
#[derive(Default)]
struct Slot {
    packet: Cell<Option<Packet>>,
    busy: Cell<bool>,
}

/// A started shell or command. Dropping it lets the SSH connection end in order.
pub struct SshChannel {
    slot: Rc<Slot>,
    /// Sends the slot's packets, waiting for the remote window. Made for the first one and kept, so
    /// that a keystroke takes no allocation.
    input: Option<Sending>,
    /// Request that is being sent beside the input; never waits for the window.
    request: Option<Sending>,
    /// `None` once nothing more is to be sent.
    write: Option<Rc<WriteHalf>>,
    budget: Rc<PacketBudget>,
    shell_start: Rc<ShellStart>,
    credit: Rc<ReadCredit>,
    handle: Option<Rc<Handle<SessionHandler>>>,
    round_trip: RoundTrip,
}

impl SshChannel {
    pub(super) fn new(client: SshClient, write: WriteHalf) -> Self {
        Self {
            slot: Rc::default(),
            input: None,
            request: None,
            write: Some(Rc::new(write)),
            budget: client.budget,
            shell_start: client.shell_start,
            credit: client.credit,
            handle: Some(Rc::new(client.handle)),
            round_trip: RoundTrip::default(),
        }
    }

    /// Returns, once, whether the server has refused the shell after it was assumed to be running.
    /// Most servers then close the channel only after the end of its input.
    pub fn take_late_refusal(&self) -> bool {
        self.shell_start.take_late_refusal()
    }

    /// Ready when russh has taken the input that was sent last, and more can be sent.
    ///
    /// # Errors
    /// [`ChannelGone`].
    pub fn poll_input(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), ChannelGone>> {
        if self.write.is_none() {
            return Poll::Ready(Err(ChannelGone));
        }
        if !self.slot.busy.get() {
            return Poll::Ready(Ok(()));
        }
        if let Some(input) = &mut self.input
            && input.as_mut().poll(cx).is_ready()
        {
            self.abandon();
            return Poll::Ready(Err(ChannelGone));
        }
        if self.slot.busy.get() {
            Poll::Pending
        } else {
            Poll::Ready(Ok(()))
        }
    }

    /// Sends input, at most a packet; after [`Self::poll_input`], which is to be called again.
    pub fn send_input(&mut self, bytes: Bytes) {
        // Credited first: the server may reply while this waits for the window.
        self.budget.note_input(bytes.len());
        self.send_packet(Packet::Data(bytes));
    }

    /// Half-closes the channel: no input follows; after [`Self::poll_input`].
    pub fn send_eof(&mut self) {
        self.send_packet(Packet::Eof);
    }

    fn send_packet(&mut self, packet: Packet) {
        self.slot.packet.set(Some(packet));
        self.slot.busy.set(true);
        if let (None, Some(write)) = (&self.input, &self.write) {
            let sending = send_packets(Rc::clone(&self.slot), Rc::clone(write));
            self.input = Some(Box::pin(sending));
        }
    }

    /// Ready when russh has taken the resize or signal that was sent last.
    ///
    /// # Errors
    /// As [`Self::poll_input`].
    pub fn poll_request(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), ChannelGone>> {
        let Some(request) = &mut self.request else {
            return Poll::Ready(Ok(()));
        };
        let sent = ready!(request.as_mut().poll(cx));
        self.request = None;
        Poll::Ready(sent.map_err(|_| ChannelGone))
    }

    /// Sends the remote terminal's size (RFC 4254 section 6.7); after [`Self::poll_request`]. Sends
    /// nothing where there is no terminal: some servers end the connection over it.
    pub fn send_resize(&mut self, size: WindowSize) {
        if self.shell_start.no_terminal() {
            return;
        }
        self.send_request(async move |write| {
            let (cols, rows) = (u32::from(size.cols()), u32::from(size.rows()));
            let (width, height) = (size.width_px(), size.height_px());
            write.window_change(cols, rows, width, height).await
        });
    }

    /// Sends a signal (RFC 4254 section 6.9); after [`Self::poll_request`].
    pub fn send_signal(&mut self, signal: SignalName) {
        // russh sends the name of a custom one as it is.
        let signal = Sig::Custom(signal.as_str().to_owned());
        self.send_request(async move |write| write.signal(signal).await);
    }

    fn send_request(
        &mut self,
        send: impl AsyncFnOnce(&WriteHalf) -> Result<(), russh::Error> + 'static,
    ) {
        if let Some(write) = &self.write {
            let write = Rc::clone(write);
            self.request = Some(Box::pin(async move { send(&write).await }));
        }
    }

    /// Sends a keep-alive and measures the time to its reply. Does not wait for the reply.
    pub fn send_keepalive(&mut self, now: Instant) {
        if let Some(handle) = &self.handle {
            self.round_trip.begin(handle, now);
            if self.credit.is_stopped() {
                // The reply queues behind output that is not read.
                self.round_trip.stop();
            }
        }
    }

    /// Latest round trip to the server, as measured by a keep-alive.
    pub fn round_trip(&mut self) -> Option<Duration> {
        self.round_trip.latest()
    }

    /// Takes the reply to [`Self::send_keepalive`], if it has come.
    pub fn poll_round_trip(&mut self) {
        self.round_trip.poll_reply();
    }

    /// Closes the connection once russh has sent what it holds;
    /// [`SshEvent::Disconnected`](super::SshEvent) follows.
    pub fn finish(&mut self) {
        self.abandon();
        self.round_trip.stop();
        self.handle = None;
        self.credit.resume();
    }

    /// Drops input that russh has not taken; nothing more is sent.
    fn abandon(&mut self) {
        self.input = None;
        self.request = None;
        self.write = None;
    }
}

/// Sends each packet of the slot. Polled only while there is one, so that it needs no waker.
async fn send_packets(slot: Rc<Slot>, write: Rc<WriteHalf>) -> Result<(), russh::Error> {
    loop {
        let next = poll_fn(|_| slot.packet.take().map_or(Poll::Pending, Poll::Ready));
        match next.await {
            Packet::Data(bytes) => write.data_bytes(bytes).await?,
            Packet::Eof => write.eof().await?,
        }
        slot.busy.set(false);
    }
}
