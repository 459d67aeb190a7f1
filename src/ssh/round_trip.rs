//! Round trip to the SSH server, measured by keep-alives.
//!
//! The waker of a reply only records the time; no task is woken. The session sees the measurement
//! when it is polled next.

use super::handler::SessionHandler;
use russh::client::Handle;
use std::future::Future;
use std::pin::Pin;
use std::rc::Rc;
use std::sync::{Arc, OnceLock};
use std::task::{Context, Poll, Wake, Waker};
use std::time::{Duration, Instant};

type Reply = Pin<Box<dyn Future<Output = Result<(), russh::Error>>>>;

/// Time at which the reply came.
#[derive(Debug, Default)]
struct Arrival(OnceLock<Instant>);

impl Wake for Arrival {
    fn wake(self: Arc<Self>) {
        // The first call counts.
        let _ = self.0.set(crate::clock::now());
    }
}

/// A keep-alive whose reply was not taken yet.
struct Pending {
    reply: Reply,
    arrival: Arc<Arrival>,
}

/// The latest measurement, and the one under way.
#[derive(Default)]
pub(super) struct RoundTrip {
    /// Time of the latest keep-alive.
    sent: Option<Instant>,
    pending: Option<Pending>,
    latest: Option<Duration>,
}

impl RoundTrip {
    /// Sends a keep-alive and begins to measure. An earlier one without a reply is abandoned; russh
    /// still recognises its reply.
    ///
    /// russh's queue holds ten requests. If it is full, the connection is busy or stuck, which
    /// other timeouts detect, and nothing is sent.
    pub(super) fn begin(&mut self, handle: &Rc<Handle<SessionHandler>>, now: Instant) {
        self.poll_reply();
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
        self.poll_reply();
        self.latest
    }

    /// Drops the pending keep-alive, and with it its reference to the connection's handle.
    pub(super) fn stop(&mut self) {
        self.pending = None;
    }

    /// Takes the reply, if it has come, and frees the memory of the measurement.
    pub(super) fn poll_reply(&mut self) {
        let arrived = |pending: &mut Pending| pending.arrival.0.get().copied();
        let Some(at) = self.pending.as_mut().and_then(arrived) else {
            return;
        };
        let reply = self.pending.take().map(|mut pending| pending.poll());
        // Pending: the wake-up was for room in russh's queue, and the keep-alive is sent only now.
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
