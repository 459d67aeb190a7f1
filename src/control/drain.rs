//! Graceful shutdown: no new sessions, a deadline for the open ones, then an abort. A second signal
//! ends it at once, and so does a dead shard.

use super::broadcast::Broadcast;
use super::events::Event;
use super::process::ProcessHandles;
use crate::shard::{Command, Drain};
use std::sync::mpsc::{Receiver, RecvTimeoutError};
use std::time::{Duration, Instant};

/// Interval at which it is checked whether the last session has ended.
const POLL_INTERVAL: Duration = Duration::from_millis(20);

/// Time beyond the drain deadline in which sessions still close their two sides.
const CLOSE_GRACE: Duration = Duration::from_secs(5);

/// Time beyond the last session for answers that are on their way, and for the close of clients
/// that came during the drain.
const ANSWER_GRACE: Duration = Duration::from_secs(2);

/// Cause of a drain.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Cause {
    Signal,
    Command,
    Takeover,
}

impl Cause {
    fn as_str(self) -> &'static str {
        match self {
            Self::Signal => "signal",
            Self::Command => "administrator",
            Self::Takeover => "takeover",
        }
    }
}

/// Drains the process. Returns when it may end.
///
/// # Errors
/// The number of a shard that died.
pub(super) fn drain(
    process: &ProcessHandles,
    cause: Cause,
    events: &Receiver<Event>,
) -> Result<(), usize> {
    // Connections that were accepted before a takeover may still become sessions.
    let admit = cause == Cause::Takeover;
    let timeout = process.snapshot.load().config.server.drain_timeout;
    let deadline = crate::clock::now() + timeout;
    if !admit {
        process.lifecycle.start_draining(deadline);
    }
    tracing::info!(
        cause = cause.as_str(),
        connections = process.connections(),
        timeout_s = timeout.as_secs_f64(),
        "draining: no new sessions; a second signal ends at once"
    );
    let mut wait = Wait {
        process,
        events,
        signalled: cause == Cause::Signal,
    };
    let are_over = || {
        if admit {
            process.is_empty()
        } else {
            process.awaited() == 0
        }
    };
    let drain = Drain { deadline, admit };
    let mut broadcast = Broadcast::new(&process.commands, || Command::Drain(drain));
    match wait.until(are_over, &mut broadcast, deadline + CLOSE_GRACE)? {
        Waited::Done => tracing::info!("all sessions have ended"),
        Waited::TooLong => {
            let sessions = process.awaited();
            tracing::warn!(
                sessions,
                "aborting sessions that did not close by the end of server.drain_timeout"
            );
            return Ok(());
        }
        Waited::Signalled => return Ok(()),
    }
    // What is left cannot become a session.
    let mut broadcast = Broadcast::new(&process.commands, || Command::DrainOver);
    let limit = crate::clock::now() + ANSWER_GRACE;
    wait.until(|| process.is_empty(), &mut broadcast, limit)?;
    Ok(())
}

/// Outcome of a wait.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Waited {
    Done,
    TooLong,
    /// A second signal came.
    Signalled,
}

/// The waits of a drain, and the events that come meanwhile.
struct Wait<'a> {
    process: &'a ProcessHandles,
    events: &'a Receiver<Event>,
    signalled: bool,
}

impl Wait<'_> {
    fn until(
        &mut self,
        done: impl Fn() -> bool,
        broadcast: &mut Broadcast<'_, impl Fn() -> Command>,
        limit: Instant,
    ) -> Result<Waited, usize> {
        loop {
            broadcast.deliver();
            if done() {
                return Ok(Waited::Done);
            }
            if crate::clock::now() >= limit {
                return Ok(Waited::TooLong);
            }
            match self.events.recv_timeout(POLL_INTERVAL) {
                Ok(Event::Terminate) if self.signalled => {
                    tracing::info!("second signal: ending at once");
                    return Ok(Waited::Signalled);
                }
                // The first signal asks for the drain that is under way.
                Ok(Event::Terminate) => self.signalled = true,
                Ok(Event::ShardEnded(shard)) => return Err(shard),
                Ok(Event::Reload { reply }) => {
                    let _ = reply.try_send(Err("the server is shutting down".to_owned()));
                }
                Ok(Event::Hangup) => self.process.audit.reopen(),
                // Under way already.
                Ok(Event::Drain | Event::TakenOver)
                | Err(RecvTimeoutError::Timeout | RecvTimeoutError::Disconnected) => {}
            }
        }
    }
}
