//! Every kind of end, 50 of each, mixed: what is counted, and that nothing is left.

use crate::common::fixture::ready_at;
use crate::common::in_process::{InProcess, footprint};
use crate::common::{Client, DEADLINE, account, poll};
use crate::end_kinds::{EndKind, Targets};
use serde_json::json;
use std::collections::BTreeMap;
use std::io::Write;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

/// Repetitions of each kind of end.
const EACH: usize = 50;

/// Clients that run at once, beside those that wait to be found idle.
const WORKERS: usize = 12;

/// Mixes the kinds, in the same order in every run.
fn mixed() -> Vec<EndKind> {
    let rounds = (0..EACH).flat_map(|round| {
        let mut kinds = EndKind::ALL;
        kinds.rotate_left(round % EndKind::ALL.len());
        if round % 2 == 1 {
            kinds.reverse();
        }
        kinds
    });
    rounds.collect()
}

/// Runs a client to each of these ends; returns when all sessions have ended.
fn run_all(kinds: &[EndKind], targets: &Targets, bridge: &InProcess) {
    let next = AtomicUsize::new(0);
    let vanished: Mutex<Vec<Client>> = Mutex::default();
    let run = |kind| {
        let stays = targets.run_to_end(kind, &json!({}), bridge.addr, &bridge.admin);
        vanished.lock().unwrap().extend(stays);
    };
    thread::scope(|scope| {
        // These take long, and must not delay the others.
        for kind in kinds.iter().filter(|kind| **kind == EndKind::Idle) {
            scope.spawn(|| run(*kind));
        }
        for _ in 0..WORKERS {
            scope.spawn(|| {
                while let Some(kind) = kinds.get(next.fetch_add(1, Ordering::Relaxed)) {
                    if *kind != EndKind::Idle {
                        run(*kind);
                    }
                }
            });
        }
    });
    // Those that answer no ping keep their sockets until the bridge has given them up.
    bridge.admin.wait_sessions(0);
}

/// Counts that `kinds` add.
fn expected(kinds: &[EndKind]) -> BTreeMap<(String, String), u64> {
    let mut counts = BTreeMap::new();
    for kind in kinds {
        let (stage, reason, _) = kind.counted();
        *counts
            .entry((stage.to_owned(), reason.to_owned()))
            .or_default() += 1;
    }
    counts
}

#[test]
fn each_kind_of_end_is_counted_and_leaks_nothing() {
    let targets = Targets::start(account());
    let mut known_hosts = tempfile::NamedTempFile::new().unwrap();
    write!(known_hosts, "{}", targets.known_hosts()).unwrap();
    let known_hosts = format!("ssh.known_hosts={}", known_hosts.path().display());
    let bridge = InProcess::start(&[
        &targets.allow(),
        &known_hosts,
        "targets.named=gone=does-not-exist.invalid:22",
        "ssh.host_key_policy=accept-new",
        "server.shards=2",
        "server.drain_timeout=1s",
        "limits.max_connections_per_host=1000",
        "limits.connection_timeout=120s",
        "ssh.connect_timeout=60s",
        "ssh.handshake_timeout=60s",
        "targets.resolve_timeout=30s",
        "websocket.ping_interval=3s",
        "websocket.max_missed_pongs=2",
        "session.idle_timeout=15s",
    ]);
    // Once each, so that whatever is created lazily and then kept exists.
    run_all(&EndKind::ALL, &targets, &bridge);
    bridge.admin.wait_empty();
    assert_eq!(bridge.admin.ended(), expected(&EndKind::ALL));
    targets.close_servers_ends();
    let baseline = footprint();

    let kinds = mixed();
    assert_eq!(kinds.len(), EACH * EndKind::ALL.len());
    run_all(&kinds, &targets, &bridge);
    bridge.admin.wait_empty();

    let all: Vec<EndKind> = EndKind::ALL.into_iter().chain(kinds).collect();
    assert_eq!(bridge.admin.ended(), expected(&all));
    let stats = bridge.admin.stats();
    assert_eq!(stats["total_sessions"], all.len());
    let ended = |name: &str| stats[name].as_u64().unwrap();
    assert_eq!(
        ended("successful_sessions") + ended("failed_sessions"),
        all.len() as u64,
        "{stats}"
    );
    targets.close_servers_ends();
    let mut now = footprint();
    let back = poll(DEADLINE, || {
        now = footprint();
        (now.0 <= baseline.0 && now.1 <= baseline.1).then_some(())
    });
    assert!(
        back.is_some(),
        "descriptors, threads: {baseline:?}, now {now:?}"
    );

    check_drain(&targets, bridge);
}

/// Checks the last kind of end: the drain's deadline.
fn check_drain(targets: &Targets, bridge: InProcess) {
    let ready = |_| ready_at(bridge.addr, targets.shell.addr());
    let clients: Vec<Client> = (0..EACH).map(ready).collect();
    assert_eq!(bridge.admin.post("/api/v1/drain").status, 202);
    for mut client in clients {
        assert_eq!(client.wait_type("notice")["kind"], "drain");
        assert_eq!(client.until_close().0, 1001);
    }
    bridge.join();
}
