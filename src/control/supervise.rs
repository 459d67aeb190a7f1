//! Watches the shards until the process may end: a dead shard ends it at once
//! (no half-serving), a signal ends it in order, a second one at once.

use super::broadcast::Broadcast;
use super::reload::{Reloaded, Reloader};
use crate::bridge::SharedSnapshot;
use crate::limits::LimitTable;
use crate::registry::Registry;
use crate::shard::{Command, CommandSender, Drain, Lifecycle, Placement};
use crate::telemetry::{AuditLog, Counters};
use std::sync::Arc;
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, sync_channel};
use std::time::{Duration, Instant};

/// How often the control thread looks whether the last session has ended.
const LOOK: Duration = Duration::from_millis(20);

/// Beyond the drain deadline: sessions still close their two sides.
const CLOSE_GRACE: Duration = Duration::from_secs(3);

/// Beyond the last session: answers that are on their way, and the goodbye to clients that came
/// during the drain.
const FAREWELL: Duration = Duration::from_millis(500);

/// Events that may wait; signals, orders and deaths are few.
const CAPACITY: usize = 64;

/// What the control thread hears of.
#[derive(Debug)]
pub enum Event {
    /// SIGTERM or SIGINT: drain. The second one: end at once.
    Terminate,
    /// SIGHUP: reload, and open the audit log anew. Where there is nothing to
    /// reload, as SIGTERM.
    Hangup,
    /// An administrator's order to drain; a repetition changes nothing.
    Drain,
    /// An administrator's order to reload.
    Reload {
        /// Takes what was changed, or why nothing was.
        reply: async_channel::Sender<Result<Reloaded, String>>,
    },
    /// A new process accepts from our sockets, and we do no longer.
    TakenOver,
    /// A shard's thread has ended, by itself or by a panic.
    ShardEnded(usize),
}

/// Where events are sent; any thread.
pub type EventSender = SyncSender<Event>;

/// The channel of events.
pub fn events() -> (EventSender, Receiver<Event>) {
    sync_channel(CAPACITY)
}

/// Handles of what one server process consists of. Cheap to clone.
#[derive(Clone)]
pub struct ProcessHandles {
    /// The shards' command channels.
    pub commands: Arc<[CommandSender]>,
    /// Their loads.
    pub placement: Arc<Placement>,
    /// How the process is.
    pub lifecycle: Arc<Lifecycle>,
    /// What sessions are served on.
    pub snapshot: SharedSnapshot,
    /// The limits, and what is taken of them.
    pub limits: Arc<LimitTable>,
    /// The records of all sessions.
    pub registry: Registry,
    /// What the shards count.
    pub counters: Counters,
    /// Who did what.
    pub audit: AuditLog,
}

/// Blocks until the process is to end.
///
/// # Errors
/// The number of a shard that died.
pub fn supervise(
    process: &ProcessHandles,
    reloader: Option<Reloader>,
    events: &Receiver<Event>,
) -> Result<(), usize> {
    let order = loop {
        // Every sender gone: nobody can ask for anything any more.
        let Ok(event) = events.recv() else {
            return Ok(());
        };
        match (event, &reloader) {
            (Event::ShardEnded(shard), _) => return Err(shard),
            (Event::Terminate, _) | (Event::Hangup, None) => break Order::Signal,
            (Event::Drain, _) => break Order::Request,
            (Event::TakenOver, _) => break Order::TakenOver,
            (Event::Hangup, Some(reloader)) => {
                // Whatever comes of the reload: the file may have been renamed.
                drop(reload(process, reloader));
                process.audit.reopen();
            }
            (Event::Reload { reply }, Some(reloader)) => {
                let _ = reply.try_send(reload(process, reloader));
            }
            (Event::Reload { reply }, None) => {
                let refusal = "this server was not started from files that could be read again";
                let _ = reply.try_send(Err(refusal.to_owned()));
            }
        }
    };
    drain(process, order, events)
}

/// What a drain began with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Order {
    Signal,
    Request,
    TakenOver,
}

fn reload(process: &ProcessHandles, reloader: &Reloader) -> Result<Reloaded, String> {
    match reloader.reload() {
        Ok(reloaded) => {
            tracing::info!("reloaded; {reloaded}");
            process.lifecycle.note_reload(true);
            Ok(reloaded)
        }
        Err(error) => {
            tracing::error!(%error, "not reloaded; everything stays as it was");
            process.lifecycle.note_reload(false);
            Err(error.to_string())
        }
    }
}

fn drain(process: &ProcessHandles, order: Order, events: &Receiver<Event>) -> Result<(), usize> {
    // Connections that were accepted before a handover may still become
    // sessions.
    let admit = order == Order::TakenOver;
    let timeout = process.snapshot.load().config.server.drain_timeout;
    let deadline = crate::clock::now() + timeout;
    if !admit {
        process.lifecycle.start_draining(deadline);
    }
    tracing::info!(
        connections = process.placement.loads().iter().sum::<usize>(),
        timeout_s = timeout.as_secs_f64(),
        ?order,
        "draining: no new sessions; a second signal ends at once"
    );
    let drain = Drain { deadline, admit };
    let mut broadcast = Broadcast::new(&process.commands, || Command::Drain(drain));
    let mut wait = Wait {
        process,
        events,
        signalled: order == Order::Signal,
    };
    let sessions_end = || {
        if admit {
            process.is_empty()
        } else {
            process.awaited() == 0
        }
    };
    match wait.until(sessions_end, &mut broadcast, deadline + CLOSE_GRACE)? {
        Waited::Done => tracing::info!("all sessions have ended"),
        Waited::TooLong => {
            tracing::warn!("sessions that do not close are cut off");
            return Ok(());
        }
        Waited::Signalled => return Ok(()),
    }
    // No session can come of what is left.
    let mut broadcast = Broadcast::new(&process.commands, || Command::DrainOver);
    let limit = crate::clock::now() + FAREWELL;
    wait.until(|| process.is_empty(), &mut broadcast, limit)?;
    Ok(())
}

impl ProcessHandles {
    /// Sessions that a drain waits for. Connections that are no sessions, and sessions that the
    /// drain takes no more, do not hold it up, however many come.
    fn awaited(&self) -> u64 {
        let shards = self.counters.shards();
        shards.map(|shard| shard.awaited.get()).sum()
    }

    /// Returns whether no shard has a connection, or one on its way.
    fn is_empty(&self) -> bool {
        self.placement.loads().iter().all(|load| *load == 0)
    }
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
            match self.events.recv_timeout(LOOK) {
                Ok(Event::Terminate) if self.signalled => {
                    tracing::info!("second signal: ending at once");
                    return Ok(Waited::Signalled);
                }
                // It asks for what is under way.
                Ok(Event::Terminate) => self.signalled = true,
                Ok(Event::ShardEnded(shard)) => return Err(shard),
                Ok(Event::Reload { reply }) => {
                    let _ = reply.try_send(Err("the server is shutting down".to_owned()));
                }
                Ok(Event::Hangup) => self.process.audit.reopen(),
                // Asked for already.
                Ok(Event::Drain | Event::TakenOver)
                | Err(RecvTimeoutError::Timeout | RecvTimeoutError::Disconnected) => {}
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::bridge::ConfigSnapshot;
    use crate::config::{self, Layers};
    use crate::control::limits_of;
    use crate::http::Health;
    use crate::shard::{CommandReceiver, Reservation, command_channel};
    use crate::telemetry::OwnCounters;
    use crate::workers::{Bounds, Workers};
    use arc_swap::ArcSwap;

    /// Two shards without sessions.
    fn process(drain_timeout: Duration) -> (ProcessHandles, [CommandReceiver; 2]) {
        let ((first, one), (second, two)) = (command_channel(), command_channel());
        let loaded = config::load(&Layers {
            set: vec![format!("server.drain_timeout={}s", drain_timeout.as_secs())],
            ..Layers::default()
        });
        let workers = Workers::start("test", Bounds::fixed(1, 1)).unwrap();
        let snapshot = ConfigSnapshot::new(loaded.unwrap(), workers, Default::default()).unwrap();
        let process = ProcessHandles {
            commands: [first, second].into(),
            placement: Placement::new(2, config::Placement::Balanced),
            lifecycle: Arc::new(Lifecycle::new(0)),
            limits: LimitTable::new(limits_of(&snapshot.config), 1),
            snapshot: Arc::new(ArcSwap::from_pointee(snapshot)),
            registry: Registry::default(),
            counters: Counters::new(2, crate::clock::now()),
            audit: AuditLog::default(),
        };
        (process, [one, two])
    }

    const FAR: Duration = Duration::from_secs(3600);

    /// A connection of a shard that is a session, for as long as it is held.
    struct Session {
        counters: OwnCounters,
        _place: Reservation,
    }

    impl Session {
        fn on(process: &ProcessHandles, shard: usize) -> Self {
            let counters = process.counters.of_shard(shard);
            counters.awaited.add(1);
            Self {
                counters,
                _place: process.placement.reserve_on(shard),
            }
        }
    }

    impl Drop for Session {
        fn drop(&mut self) {
            self.counters.awaited.sub(1);
        }
    }

    #[test]
    fn a_dead_shard_ends_the_process_while_it_serves() {
        let (process, _commands) = process(FAR);
        let (sender, receiver) = events();
        sender.send(Event::ShardEnded(1)).unwrap();
        assert_eq!(supervise(&process, None, &receiver), Err(1));
        assert_eq!(process.lifecycle.health(&process.limits), Health::Ready);
    }

    #[test]
    fn a_dead_shard_ends_the_process_while_it_drains() {
        let (process, _commands) = process(FAR);
        let _session = Session::on(&process, 1);
        let (sender, receiver) = events();
        sender.send(Event::Terminate).unwrap();
        sender.send(Event::ShardEnded(0)).unwrap();
        assert_eq!(supervise(&process, None, &receiver), Err(0));
    }

    #[test]
    fn a_signal_drains_every_shard() {
        let (process, commands) = process(FAR);
        let (sender, receiver) = events();
        sender.send(Event::Terminate).unwrap();
        assert_eq!(supervise(&process, None, &receiver), Ok(()));
        assert_eq!(process.lifecycle.health(&process.limits), Health::Draining);
        for shard in commands {
            assert!(matches!(shard.try_recv(), Ok(Command::Drain { .. })));
            assert!(matches!(shard.try_recv(), Ok(Command::DrainOver)));
            assert!(shard.is_empty());
        }
    }

    /// They are no sessions, and none can come of them.
    #[test]
    fn connections_alone_do_not_hold_a_drain_up() {
        let (process, [commands, _other]) = process(FAR);
        let _connections: Vec<_> = (0..9).map(|_| process.placement.reserve_on(0)).collect();
        let (sender, receiver) = events();
        sender.send(Event::Terminate).unwrap();
        assert_eq!(supervise(&process, None, &receiver), Ok(()));
        let told: Vec<Command> = std::iter::from_fn(|| commands.try_recv().ok()).collect();
        assert!(matches!(told[..], [Command::Drain(_), Command::DrainOver]));
    }

    #[test]
    fn a_second_signal_does_not_wait_for_sessions() {
        let (process, _commands) = process(FAR);
        let _session = Session::on(&process, 1);
        let (sender, receiver) = events();
        sender.send(Event::Terminate).unwrap();
        sender.send(Event::Terminate).unwrap();
        assert_eq!(supervise(&process, None, &receiver), Ok(()));
    }

    /// A service manager sends one to the old process after a takeover, too.
    #[test]
    fn the_first_signal_of_a_drain_by_other_means_changes_nothing() {
        for order in [Event::Drain, Event::TakenOver] {
            let (process, _commands) = process(FAR);
            let session = Session::on(&process, 1);
            let (sender, receiver) = events();
            sender.send(order).unwrap();
            sender.send(Event::Terminate).unwrap();
            let ended = std::thread::scope(|scope| {
                let process = &process;
                let supervisor = scope.spawn(move || supervise(process, None, &receiver));
                // Answered once the signal before it was heard.
                let (reply, answer) = async_channel::bounded(1);
                sender.send(Event::Reload { reply }).unwrap();
                assert!(answer.recv_blocking().unwrap().is_err());
                assert!(!supervisor.is_finished(), "it waits for the session");
                drop(session);
                supervisor.join().unwrap()
            });
            assert_eq!(ended, Ok(()));
        }
    }

    #[test]
    fn who_was_accepted_before_a_takeover_is_let_in() {
        for (order, admitted, health) in [
            (Event::TakenOver, true, Health::Ready),
            (Event::Drain, false, Health::Draining),
        ] {
            let (process, [commands, _other]) = process(FAR);
            let (sender, receiver) = events();
            sender.send(order).unwrap();
            assert_eq!(supervise(&process, None, &receiver), Ok(()));
            let told = commands.try_recv();
            assert!(matches!(told, Ok(Command::Drain(Drain { admit, .. })) if admit == admitted));
            assert_eq!(process.lifecycle.health(&process.limits), health);
        }
    }
}
