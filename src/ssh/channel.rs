//! The running shell as the session sees it: input goes in through a bounded
//! queue, resize and signals beside it, so that neither waits for the other.
//! Output comes out of russh's own queue, uncopied. russh's loop waits while that
//! is full, so whoever holds the channel takes all there is in each of its turns;
//! what it then keeps is bounded by the gate.

use super::gate::Gate;
use super::handler::SessionHandler;
use super::input::InputQueue;
use super::ledger::Ledger;
use super::round_trip::RoundTrip;
use super::start::{Replies, Reply};
use super::{SshEvent, SshEvents};
use crate::message::{SignalName, WindowSize};
use bytes::Bytes;
use russh::client::{Handle, Msg};
use russh::{ChannelMsg, Sig};
use std::cell::{Cell, RefCell};
use std::collections::VecDeque;
use std::future::Future;
use std::pin::{Pin, pin};
use std::rc::Rc;
use std::task::{Context, Poll, ready};
use std::time::{Duration, Instant};

type WriteHalf = russh::ChannelWriteHalf<Msg>;
type ReadHalf = russh::ChannelReadHalf;
type Pump = Pin<Box<dyn Future<Output = Result<(), russh::Error>>>>;

/// Signals waiting to be sent at which [`SshChannel::takes_signals`] says no.
const MAX_SIGNALS: usize = 8;

/// What waits to be handed to russh.
#[derive(Default)]
struct Queue {
    input: RefCell<InputQueue>,
    eof: Cell<bool>,
    /// Total bytes handed to russh.
    passed: Cell<u64>,
    /// Only the latest size matters.
    resize: Cell<Option<WindowSize>>,
    signals: RefCell<VecDeque<SignalName>>,
}

impl Queue {
    fn has_input(&self) -> bool {
        self.eof.get() || !self.input.borrow().is_empty()
    }

    fn has_control(&self) -> bool {
        self.resize.get().is_some() || !self.signals.borrow().is_empty()
    }
}

/// A started shell or command. Dropping it lets the SSH connection end in order.
pub struct SshChannel {
    queue: Rc<Queue>,
    // A pump is there as long as it has something to feed: an idle session
    // needs no room for it.
    /// Feeds input in order; waits for the remote window.
    input_pump: Option<Pump>,
    /// Feeds resize and signals; never waits for the window.
    control_pump: Option<Pump>,
    /// None once nothing more is to be sent.
    write: Option<Rc<WriteHalf>>,
    ledger: Rc<Ledger>,
    read: ReadHalf,
    /// Replies to the start that came, for those that are still to come.
    replies: Replies,
    events: Rc<dyn SshEvents>,
    gate: Rc<Gate>,
    handle: Option<Rc<Handle<SessionHandler>>>,
    round_trip: RoundTrip,
}

/// A channel whose shell or command runs.
pub(super) struct Started {
    pub(super) replies: Replies,
    pub(super) read: ReadHalf,
    pub(super) write: WriteHalf,
}

/// What of a message is output, stdout and stderr alike.
pub(super) fn output_of(message: ChannelMsg) -> Option<Bytes> {
    match message {
        ChannelMsg::Data { data } | ChannelMsg::ExtendedData { data, .. } => Some(data),
        _ => None,
    }
}

impl SshChannel {
    pub(super) fn new(
        handle: Handle<SessionHandler>,
        started: Started,
        gate: Rc<Gate>,
        ledger: Rc<Ledger>,
        events: Rc<dyn SshEvents>,
    ) -> Self {
        let queue = Rc::new(Queue::default());
        let Started {
            replies,
            read,
            write,
        } = started;
        let write = Rc::new(write);
        Self {
            input_pump: None,
            control_pump: None,
            write: Some(write),
            ledger,
            queue,
            read,
            replies,
            events,
            gate,
            handle: Some(Rc::new(handle)),
            round_trip: RoundTrip::default(),
        }
    }

    /// Queues input. The caller bounds what it queues by [`Self::passed`].
    pub fn push_input(&self, bytes: &[u8]) {
        self.queue.input.borrow_mut().push(bytes);
    }

    /// Half-closes stdin once the queued input has gone.
    pub fn push_eof(&self) {
        self.queue.eof.set(true);
    }

    /// Total bytes of input handed to russh.
    pub fn passed(&self) -> u64 {
        self.queue.passed.get()
    }

    /// Whether queued input waits to be handed over.
    pub fn has_input(&self) -> bool {
        !self.queue.input.borrow().is_empty()
    }

    /// Tells the remote terminal's size; a newer size replaces one not sent. Without a
    /// terminal there is none to tell: some servers end the connection over it.
    pub fn resize(&self, size: WindowSize) {
        if self.replies.no_terminal() {
            return;
        }
        self.queue.resize.set(Some(size));
    }

    /// Sends a signal (RFC 4254 section 6.9). The caller bounds what it queues by
    /// [`Self::takes_signals`].
    pub fn signal(&self, signal: SignalName) {
        self.queue.signals.borrow_mut().push_back(signal);
    }

    /// Returns whether there is room for a signal. As input does, those that do
    /// not fit wait with the client.
    pub fn takes_signals(&self) -> bool {
        self.queue.signals.borrow().len() < MAX_SIGNALS
    }

    /// Hands on what can be. To be called after every push and wake-up; ready
    /// with an error once russh takes nothing any more.
    pub fn poll(&mut self, cx: &mut Context<'_>) -> Poll<russh::Error> {
        self.round_trip.take_in();
        if let Some(write) = &self.write {
            if self.input_pump.is_none() && self.queue.has_input() {
                let (queue, write) = (Rc::clone(&self.queue), Rc::clone(write));
                let pump = pass_input(queue, write, Rc::clone(&self.ledger));
                self.input_pump = Some(Box::pin(pump));
            }
            if self.control_pump.is_none() && self.queue.has_control() {
                let (queue, write) = (Rc::clone(&self.queue), Rc::clone(write));
                self.control_pump = Some(Box::pin(pass_control(queue, write)));
            }
        }
        for pump in [&mut self.input_pump, &mut self.control_pump] {
            if let Poll::Ready(error) = poll_pump(pump, cx) {
                return Poll::Ready(error);
            }
        }
        Poll::Pending
    }

    /// Returns whether something was queued since [`Self::poll`].
    pub fn wants_poll(&self) -> bool {
        let input = self.input_pump.is_none() && self.queue.has_input();
        let control = self.control_pump.is_none() && self.queue.has_control();
        self.write.is_some() && (input || control)
    }

    /// Output, as it came; `None` when no more can come.
    pub fn poll_output(&mut self, cx: &mut Context<'_>) -> Poll<Option<Bytes>> {
        loop {
            let message = ready!(pin!(self.read.wait()).poll(cx));
            match message {
                Some(ChannelMsg::Success) => self.note_reply(true),
                Some(ChannelMsg::Failure) => self.note_reply(false),
                // What else it tells comes through the handler, too.
                Some(message) => match output_of(message) {
                    Some(output) => return Poll::Ready(Some(output)),
                    None => continue,
                },
                None => return Poll::Ready(None),
            }
        }
    }

    /// A server may talk before it answers the requests.
    fn note_reply(&mut self, granted: bool) {
        match self.replies.note(granted) {
            Reply::NoTerminal => self.events.event(SshEvent::NoTerminal),
            Reply::NoShell => {
                self.events.event(SshEvent::StartRefused);
                // Nothing runs that could take more; most servers close the channel now.
                self.push_eof();
            }
            Reply::Terminal | Reply::Shell | Reply::Stray => {}
        }
    }

    /// Asks the server whether it is alive (an answer is not waited for), and measures how long its
    /// answer takes.
    pub fn send_keepalive(&mut self, now: Instant) {
        if let Some(handle) = &self.handle {
            self.round_trip.begin(handle, now);
            if self.gate.is_closed() {
                // Its reply waits behind output that the client does not take.
                self.round_trip.stop();
            }
        }
    }

    /// Latest round trip to the server that a keep-alive has measured.
    pub fn round_trip(&mut self) -> Option<Duration> {
        self.round_trip.latest()
    }

    /// Ends the connection in order: what russh has taken is still sent.
    /// [`SshEvent::Disconnected`](super::SshEvent) follows.
    pub fn finish(&mut self) {
        self.input_pump = None;
        self.control_pump = None;
        self.write = None;
        self.round_trip.stop();
        self.handle = None;
        self.gate.open();
    }
}

/// Ready with the error of a pump that failed; one that is done is dropped.
fn poll_pump(pump: &mut Option<Pump>, cx: &mut Context<'_>) -> Poll<russh::Error> {
    let Some(future) = pump else {
        return Poll::Pending;
    };
    let result = ready!(future.as_mut().poll(cx));
    *pump = None;
    match result {
        Ok(()) => Poll::Pending,
        Err(error) => Poll::Ready(error),
    }
}

/// Hands over what input is queued.
async fn pass_input(
    queue: Rc<Queue>,
    write: Rc<WriteHalf>,
    ledger: Rc<Ledger>,
) -> Result<(), russh::Error> {
    loop {
        let next = queue.input.borrow_mut().pop();
        let Some(packet) = next else {
            return if queue.eof.take() {
                write.eof().await
            } else {
                Ok(())
            };
        };
        let count = packet.len();
        // Before: the server may answer while this waits for the window.
        ledger.note_input(count);
        write.data_bytes(packet).await?;
        queue.passed.set(queue.passed.get() + count as u64);
    }
}

/// Sends what is queued beside the input.
async fn pass_control(queue: Rc<Queue>, write: Rc<WriteHalf>) -> Result<(), russh::Error> {
    loop {
        if let Some(size) = queue.resize.take() {
            let (cols, rows) = (u32::from(size.cols()), u32::from(size.rows()));
            write
                .window_change(cols, rows, size.width_px(), size.height_px())
                .await?;
        }
        let signal = queue.signals.borrow_mut().pop_front();
        match signal {
            Some(signal) => write.signal(russh_signal(signal)).await?,
            None if queue.has_control() => {}
            None => return Ok(()),
        }
    }
}

fn russh_signal(signal: SignalName) -> Sig {
    match signal {
        SignalName::Abrt => Sig::ABRT,
        SignalName::Alrm => Sig::ALRM,
        SignalName::Fpe => Sig::FPE,
        SignalName::Hup => Sig::HUP,
        SignalName::Ill => Sig::ILL,
        SignalName::Int => Sig::INT,
        SignalName::Kill => Sig::KILL,
        SignalName::Pipe => Sig::PIPE,
        SignalName::Quit => Sig::QUIT,
        SignalName::Segv => Sig::SEGV,
        SignalName::Term => Sig::TERM,
        SignalName::Usr1 => Sig::USR1,
        SignalName::Usr2 => Sig::Custom("USR2".to_owned()),
    }
}
