//! Tests of the control thread: dead shards, signals and drains of two shards without a socket.

use super::*;
use crate::bridge::ConfigSnapshot;
use crate::config::{self, Layers};
use crate::http::Health;
use crate::limits::LimitTable;
use crate::registry::Registry;
use crate::shard::{
    Command, CommandReceiver, Drain, Placement, ProcessLifecycle, Reservation, command_channel,
};
use crate::telemetry::{AuditLog, Counters, OwnCounters};
use crate::workers::{Bounds, Workers};
use arc_swap::ArcSwap;
use std::sync::Arc;
use std::time::Duration;

/// Two shards without sessions.
fn two_shards(drain_timeout: Duration) -> (ProcessHandles, [CommandReceiver; 2]) {
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
        lifecycle: Arc::new(ProcessLifecycle::new(0)),
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

/// Supervises until the end; these events wait from the start.
fn run_supervise(
    process: &ProcessHandles,
    waiting: impl IntoIterator<Item = Event>,
) -> Result<(), usize> {
    let (sender, receiver) = events();
    for event in waiting {
        sender.send(event).unwrap();
    }
    supervise(process, None, &receiver)
}

#[test]
fn a_dead_shard_ends_the_process_while_it_serves() {
    let (process, _commands) = two_shards(FAR);
    assert_eq!(run_supervise(&process, [Event::ShardEnded(1)]), Err(1));
    assert_eq!(process.lifecycle.health(&process.limits), Health::Ready);
}

#[test]
fn a_dead_shard_ends_the_process_while_it_drains() {
    let (process, _commands) = two_shards(FAR);
    let _session = Session::on(&process, 1);
    let ended = run_supervise(&process, [Event::Terminate, Event::ShardEnded(0)]);
    assert_eq!(ended, Err(0));
}

/// SIGHUP, too, without files that could be read again.
#[test]
fn a_signal_drains_every_shard() {
    for signal in [Event::Terminate, Event::Hangup] {
        let (process, commands) = two_shards(FAR);
        assert_eq!(run_supervise(&process, [signal]), Ok(()));
        assert_eq!(process.lifecycle.health(&process.limits), Health::Draining);
        for shard in commands {
            // That it drains, and that it is over.
            assert!(matches!(shard.try_recv(), Ok(Command::Drain { .. })));
            assert!(matches!(shard.try_recv(), Ok(Command::DrainOver)));
            assert!(shard.is_empty());
        }
    }
}

/// They are no sessions, and none can come of them.
#[test]
fn connections_alone_do_not_hold_a_drain_up() {
    let (process, [commands, _other]) = two_shards(FAR);
    let _connections: Vec<_> = (0..9).map(|_| process.placement.reserve_on(0)).collect();
    assert_eq!(run_supervise(&process, [Event::Terminate]), Ok(()));
    let told: Vec<Command> = std::iter::from_fn(|| commands.try_recv().ok()).collect();
    assert!(matches!(told[..], [Command::Drain(_), Command::DrainOver]));
}

#[test]
fn a_second_signal_does_not_wait_for_sessions() {
    let (process, _commands) = two_shards(FAR);
    let _session = Session::on(&process, 1);
    let ended = run_supervise(&process, [Event::Terminate, Event::Terminate]);
    assert_eq!(ended, Ok(()));
}

/// A stuck shard closes none.
#[test]
fn a_session_that_does_not_close_in_time_is_not_waited_for() {
    let (process, _commands) = two_shards(Duration::from_secs(1));
    let _session = Session::on(&process, 1);
    let (sender, ended) = std::sync::mpsc::sync_channel(1);
    std::thread::spawn(move || sender.send(run_supervise(&process, [Event::Terminate])));
    assert_eq!(ended.recv_timeout(Duration::from_secs(60)), Ok(Ok(())));
}

/// A service manager sends one to the old process after a takeover, too.
#[test]
fn the_first_signal_of_a_drain_by_other_means_changes_nothing() {
    for order in [Event::Drain, Event::TakenOver] {
        let (process, _commands) = two_shards(FAR);
        let session = Session::on(&process, 1);
        let (sender, receiver) = events();
        sender.send(order).unwrap();
        sender.send(Event::Terminate).unwrap();
        let ended = std::thread::scope(|scope| {
            let process = &process;
            let supervisor = scope.spawn(move || supervise(process, None, &receiver));
            // Answered after the signal before it was handled.
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
        let (process, [commands, _other]) = two_shards(FAR);
        assert_eq!(run_supervise(&process, [order]), Ok(()));
        let told = commands.try_recv();
        assert!(matches!(told, Ok(Command::Drain(Drain { admit, .. })) if admit == admitted));
        assert_eq!(process.lifecycle.health(&process.limits), health);
    }
}
