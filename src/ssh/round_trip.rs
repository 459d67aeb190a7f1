//! Round trip to the SSH server, as keep-alives measure it.
//!
//! The reply is only timed when it comes, in the poll of russh's loop that takes it in; nothing else is
//! woken for it. What was measured is seen when the session is polled next.

use super::handler::SessionHandler;
use russh::client::Handle;
use std::future::Future;
use std::pin::Pin;
use std::rc::Rc;
use std::sync::{Arc, OnceLock};
use std::task::{Context, Poll, Wake, Waker};
use std::time::{Duration, Instant};

type Reply = Pin<Box<dyn Future<Output = Result<(), russh::Error>>>>;

/// Time at which the reply has come.
#[derive(Debug, Default)]
struct Arrival(OnceLock<Instant>);

impl Wake for Arrival {
    fn wake(self: Arc<Self>) {
        // The first is the one.
        let _ = self.0.set(crate::clock::now());
    }
}

/// A keep-alive whose reply has not been looked at.
struct Pending {
    reply: Reply,
    arrival: Arc<Arrival>,
}

/// The latest measurement, and the one under way.
#[derive(Default)]
pub(super) struct RoundTrip {
    /// When the latest keep-alive was sent.
    sent: Option<Instant>,
    pending: Option<Pending>,
    latest: Option<Duration>,
}

impl RoundTrip {
    /// Sends a keep-alive and begins to measure. One that has no answer yet is given up: russh still
    /// takes its reply for what it is.
    ///
    /// russh's queue has ten places; if there is none the connection is busy or stuck, which other
    /// clocks watch, and nothing is sent.
    pub(super) fn begin(&mut self, handle: &Rc<Handle<SessionHandler>>, now: Instant) {
        self.take_in();
        let arrival = Arc::<Arrival>::default();
        let handle = Rc::clone(handle);
        let mut pending = Pending {
            reply: Box::pin(async move { handle.send_ping().await }),
            arrival,
        };
        self.sent = Some(now);
        self.pending = pending.poll().is_pending().then_some(pending);
    }

    /// The latest measurement.
    pub(super) fn latest(&mut self) -> Option<Duration> {
        self.take_in();
        self.latest
    }

    /// Gives up what is under way, and with it the connection's handle.
    pub(super) fn stop(&mut self) {
        self.pending = None;
    }

    /// Takes in the reply, if it has come. With it goes the memory of the measurement.
    pub(super) fn take_in(&mut self) {
        let arrived = |pending: &mut Pending| pending.arrival.0.get().copied();
        let Some(at) = self.pending.as_mut().and_then(arrived) else {
            return;
        };
        let reply = self.pending.take().map(|mut pending| pending.poll());
        // Pending: it was room in russh's queue that came, and the keep-alive leaves only now.
        if let (Some(Poll::Ready(Ok(()))), Some(sent)) = (reply, self.sent) {
            self.latest = Some(at.saturating_duration_since(sent));
        }
    }
}

impl Pending {
    fn poll(&mut self) -> Poll<Result<(), russh::Error>> {
        let waker = Waker::from(Arc::clone(&self.arrival));
        self.reply.as_mut().poll(&mut Context::from_waker(&waker))
    }
}
