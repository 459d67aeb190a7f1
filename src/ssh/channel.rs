//! The running shell as the session sees it: input goes in through a bounded
//! queue, resize and signals beside it, so that neither waits for the other.
//! Output comes through [`SshEvents`](super::SshEvents).

use super::gate::Gate;
use super::handler::SessionHandler;
use super::ledger::Ledger;
use crate::message::{SignalName, WindowSize};
use bytes::Bytes;
use russh::Sig;
use russh::client::{Handle, Msg};
use std::cell::{Cell, RefCell};
use std::collections::VecDeque;
use std::future::{Future, poll_fn};
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll};

type WriteHalf = russh::ChannelWriteHalf<Msg>;
type Pump = Pin<Box<dyn Future<Output = Result<(), russh::Error>>>>;

/// Input is cut into packets of this size: russh queues ten of them behind a
/// key exchange or a blocked socket, so at most 160 KiB stand there.
const INPUT_PACKET: usize = 16 * 1024;

/// Signals waiting to be sent; more at once serve nobody.
const MAX_SIGNALS: usize = 8;

/// What waits to be handed to russh.
#[derive(Default)]
struct Queue {
    input: RefCell<VecDeque<Bytes>>,
    eof: Cell<bool>,
    /// Total bytes handed to russh.
    passed: Cell<u64>,
    /// Only the latest size matters.
    resize: Cell<Option<WindowSize>>,
    signals: RefCell<VecDeque<SignalName>>,
}

/// A started shell or command. Dropping it ends the SSH connection.
pub struct SshChannel {
    queue: Rc<Queue>,
    /// Feeds input in order; waits for the remote window.
    input_pump: Option<Pump>,
    /// Feeds resize and signals; never waits for the window.
    control_pump: Option<Pump>,
    gate: Rc<Gate>,
    handle: Option<Handle<SessionHandler>>,
}

impl SshChannel {
    pub(super) fn new(
        handle: Handle<SessionHandler>,
        write: WriteHalf,
        gate: Rc<Gate>,
        ledger: Rc<Ledger>,
    ) -> Self {
        let queue = Rc::new(Queue::default());
        let write = Rc::new(write);
        Self {
            input_pump: Some(Box::pin(pump_input(
                Rc::clone(&queue),
                Rc::clone(&write),
                ledger,
            ))),
            control_pump: Some(Box::pin(pump_control(Rc::clone(&queue), write))),
            queue,
            gate,
            handle: Some(handle),
        }
    }

    /// Queues input. The caller bounds what it queues by [`Self::passed`].
    pub fn push_input(&self, bytes: Bytes) {
        self.queue.input.borrow_mut().push_back(bytes);
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

    /// Tells the remote terminal's size; a newer size replaces one not sent.
    pub fn resize(&self, size: WindowSize) {
        self.queue.resize.set(Some(size));
    }

    /// Sends a signal (RFC 4254 section 6.9).
    pub fn signal(&self, signal: SignalName) {
        let mut signals = self.queue.signals.borrow_mut();
        if signals.len() < MAX_SIGNALS {
            signals.push_back(signal);
        }
    }

    /// Hands on what can be. To be called after every push and wake-up; ready
    /// with an error once russh takes nothing any more.
    pub fn poll(&mut self, cx: &mut Context<'_>) -> Poll<russh::Error> {
        for pump in [&mut self.input_pump, &mut self.control_pump] {
            if let Some(future) = pump
                && let Poll::Ready(result) = future.as_mut().poll(cx)
            {
                *pump = None;
                if let Err(error) = result {
                    return Poll::Ready(error);
                }
            }
        }
        Poll::Pending
    }

    /// Asks the server whether it is alive (an answer is not waited for).
    /// `false` if russh's queue is full or gone.
    pub fn send_keepalive(&self) -> bool {
        let Some(handle) = &self.handle else {
            return false;
        };
        // The queue has ten places; if the send does not fit at once the
        // connection is busy or stuck, which other clocks watch.
        futures_lite::future::block_on(futures_lite::future::poll_once(handle.send_keepalive(true)))
            .is_some_and(|sent| sent.is_ok())
    }

    /// Ends the connection in order: what russh has taken is still sent.
    /// [`SshEvent::Disconnected`](super::SshEvent) follows.
    pub fn finish(&mut self) {
        self.input_pump = None;
        self.control_pump = None;
        self.handle = None;
        self.gate.open();
    }
}

impl Drop for SshChannel {
    fn drop(&mut self) {
        self.gate.kill();
    }
}

async fn pump_input(
    queue: Rc<Queue>,
    write: Rc<WriteHalf>,
    ledger: Rc<Ledger>,
) -> Result<(), russh::Error> {
    loop {
        let next = poll_fn(|_| {
            // No waker: the session polls after every push.
            match queue.input.borrow_mut().pop_front() {
                Some(bytes) => Poll::Ready(Some(bytes)),
                None if queue.eof.get() => Poll::Ready(None),
                None => Poll::Pending,
            }
        });
        let Some(mut bytes) = next.await else {
            return write.eof().await;
        };
        while !bytes.is_empty() {
            let packet = bytes.split_to(bytes.len().min(INPUT_PACKET));
            let count = packet.len();
            // Before: the server may answer while this waits for the window.
            ledger.note_input(count);
            write.data_bytes(packet).await?;
            queue.passed.set(queue.passed.get() + count as u64);
        }
    }
}

async fn pump_control(queue: Rc<Queue>, write: Rc<WriteHalf>) -> Result<(), russh::Error> {
    enum Control {
        Resize(WindowSize),
        Signal(SignalName),
    }
    loop {
        let next = poll_fn(|_| {
            if let Some(size) = queue.resize.take() {
                return Poll::Ready(Control::Resize(size));
            }
            match queue.signals.borrow_mut().pop_front() {
                Some(signal) => Poll::Ready(Control::Signal(signal)),
                None => Poll::Pending,
            }
        });
        match next.await {
            Control::Resize(size) => {
                let (cols, rows) = (u32::from(size.cols()), u32::from(size.rows()));
                write
                    .window_change(cols, rows, size.width_px(), size.height_px())
                    .await?;
            }
            Control::Signal(signal) => write.signal(russh_signal(signal)).await?,
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
