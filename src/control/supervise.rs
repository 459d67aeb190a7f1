//! Watches the shards until the process may end: a dead shard ends it at once
//! (no half-serving), a signal ends it in order, a second one at once.

use crate::shard::{Lifecycle, Mail, MailSender, Placement};
use std::sync::Arc;
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, sync_channel};
use std::time::{Duration, Instant};

/// How often the control thread looks whether the last session has ended.
const LOOK: Duration = Duration::from_millis(20);

/// Beyond the drain deadline: sessions still close their two sides.
const LINGER: Duration = Duration::from_secs(3);

/// Events that may wait; signals and deaths are few.
const CAPACITY: usize = 64;

/// What the control thread hears of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Event {
    /// SIGTERM or SIGINT.
    Terminate,
    /// A shard's thread has ended, by itself or by a panic.
    ShardEnded(usize),
}

/// The channel of events.
pub fn events() -> (SyncSender<Event>, Receiver<Event>) {
    sync_channel(CAPACITY)
}

/// What is watched.
pub struct Supervised {
    /// The shards' mailboxes.
    pub mail: Arc<[MailSender]>,
    /// Their loads.
    pub placement: Arc<Placement>,
    /// How the process is.
    pub lifecycle: Arc<Lifecycle>,
    /// `server.drain_timeout`.
    pub drain_timeout: Duration,
}

/// Blocks until the process is to end.
///
/// # Errors
/// The number of a shard that died.
pub fn supervise(watched: &Supervised, events: &Receiver<Event>) -> Result<(), usize> {
    match events.recv() {
        Ok(Event::ShardEnded(shard)) => return Err(shard),
        Ok(Event::Terminate) => {}
        // Every sender is gone: nobody can ask for anything any more.
        Err(_) => return Ok(()),
    }
    drain(watched, events)
}

fn drain(watched: &Supervised, events: &Receiver<Event>) -> Result<(), usize> {
    let deadline = crate::clock::now() + watched.drain_timeout;
    watched.lifecycle.start_draining();
    tracing::info!(
        connections = watched.placement.loads().iter().sum::<usize>(),
        timeout_s = watched.drain_timeout.as_secs_f64(),
        "draining: no new sessions; a second signal ends at once"
    );
    for shard in watched.mail.iter() {
        // A full box is a stuck shard; the deadline below ends it as well.
        if shard.try_send(Mail::Drain { deadline }).is_err() {
            tracing::warn!("a shard does not read its mail");
        }
    }
    wait_for_sessions(watched, events, deadline + LINGER)?;
    for shard in watched.mail.iter() {
        let _ = shard.try_send(Mail::Stop);
    }
    Ok(())
}

fn wait_for_sessions(
    watched: &Supervised,
    events: &Receiver<Event>,
    until: Instant,
) -> Result<(), usize> {
    loop {
        if watched.placement.loads().iter().all(|load| *load == 0) {
            tracing::info!("all sessions have ended");
            return Ok(());
        }
        if crate::clock::now() >= until {
            tracing::warn!("sessions that do not close are cut off");
            return Ok(());
        }
        match events.recv_timeout(LOOK) {
            Ok(Event::Terminate) => {
                tracing::info!("second signal: ending at once");
                return Ok(());
            }
            Ok(Event::ShardEnded(shard)) => return Err(shard),
            Err(RecvTimeoutError::Timeout | RecvTimeoutError::Disconnected) => {}
        }
    }
}
