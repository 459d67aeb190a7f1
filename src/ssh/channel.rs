//! The running shell as the session sees it: input goes in through a bounded
//! queue, resize and signals beside it, so that neither waits for the other.
//! Output comes by the handler.

use super::credit::ReadCredit;
use super::handler::SessionHandler;
use super::input::InputQueue;
use super::ledger::Ledger;
use super::round_trip::RoundTrip;
use super::shell_start::ShellStart;
use crate::message::{SignalName, WindowSize};
use russh::Sig;
use russh::client::{Handle, Msg};
use std::cell::{Cell, RefCell};
use std::collections::VecDeque;
use std::future::Future;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll, ready};
use std::time::{Duration, Instant};

pub(super) type WriteHalf = russh::ChannelWriteHalf<Msg>;
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
    shell_start: Rc<ShellStart>,
    credit: Rc<ReadCredit>,
    handle: Option<Rc<Handle<SessionHandler>>>,
    round_trip: RoundTrip,
}

impl SshChannel {
    pub(super) fn new(
        handle: Handle<SessionHandler>,
        write: WriteHalf,
        credit: Rc<ReadCredit>,
        ledger: Rc<Ledger>,
        shell_start: Rc<ShellStart>,
    ) -> Self {
        let queue = Rc::new(Queue::default());
        let write = Rc::new(write);
        Self {
            input_pump: None,
            control_pump: None,
            write: Some(write),
            ledger,
            queue,
            shell_start,
            credit,
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
        if self.shell_start.no_terminal() {
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
        if self.shell_start.take_late_refusal() {
            // Most servers close the channel now.
            self.push_eof();
        }
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

    /// Asks the server whether it is alive (an answer is not waited for), and measures how long its
    /// answer takes.
    pub fn send_keepalive(&mut self, now: Instant) {
        if let Some(handle) = &self.handle {
            self.round_trip.begin(handle, now);
            if self.credit.is_stopped() {
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
        self.credit.resume();
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
