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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config;
    use crate::http::Health;
    use crate::shard::{MailReceiver, mailbox};

    /// Two shards without sessions.
    fn watched(drain_timeout: Duration) -> (Supervised, [MailReceiver; 2]) {
        let ((first, one), (second, two)) = (mailbox(), mailbox());
        let watched = Supervised {
            mail: [first, second].into(),
            placement: Placement::new(2, config::Placement::Balanced),
            lifecycle: Arc::new(Lifecycle::new(0)),
            drain_timeout,
        };
        (watched, [one, two])
    }

    const FAR: Duration = Duration::from_secs(3600);

    #[test]
    fn a_dead_shard_ends_the_process_while_it_serves() {
        let (watched, _mail) = watched(FAR);
        let (sender, receiver) = events();
        sender.send(Event::ShardEnded(1)).unwrap();
        assert_eq!(supervise(&watched, &receiver), Err(1));
        assert_eq!(watched.lifecycle.health(), Health::Ready);
    }

    #[test]
    fn a_dead_shard_ends_the_process_while_it_drains() {
        let (watched, _mail) = watched(FAR);
        let _session = watched.placement.reserve_on(1);
        let (sender, receiver) = events();
        sender.send(Event::Terminate).unwrap();
        sender.send(Event::ShardEnded(0)).unwrap();
        assert_eq!(supervise(&watched, &receiver), Err(0));
    }

    #[test]
    fn a_signal_drains_every_shard_and_then_stops_it() {
        let (watched, mail) = watched(FAR);
        let (sender, receiver) = events();
        sender.send(Event::Terminate).unwrap();
        assert_eq!(supervise(&watched, &receiver), Ok(()));
        assert_eq!(watched.lifecycle.health(), Health::Draining);
        for shard in mail {
            assert!(matches!(shard.try_recv(), Ok(Mail::Drain { .. })));
            assert!(matches!(shard.try_recv(), Ok(Mail::Stop)));
        }
    }

    #[test]
    fn a_second_signal_does_not_wait_for_sessions() {
        let (watched, _mail) = watched(FAR);
        let _session = watched.placement.reserve_on(1);
        let (sender, receiver) = events();
        sender.send(Event::Terminate).unwrap();
        sender.send(Event::Terminate).unwrap();
        assert_eq!(supervise(&watched, &receiver), Ok(()));
    }
}
