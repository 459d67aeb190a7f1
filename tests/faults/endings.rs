//! Every way to end, 50 of each, mixed: what is counted, and that nothing is left.

use crate::common::fixture::ready_at;
use crate::common::in_process::{InProcess, footprint};
use crate::common::{Client, DEADLINE, account, poll};
use crate::ways::{Targets, Way};
use serde_json::json;
use std::collections::BTreeMap;
use std::io::Write;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

/// So often each way is gone.
const EACH: usize = 50;

/// Clients at work at once, beside those that wait to be found idle.
const WORKERS: usize = 12;

/// The same order in every run: it is a mixture, not a lottery.
fn mixed() -> Vec<Way> {
    let rounds = (0..EACH).flat_map(|round| {
        let mut ways = Way::ALL;
        ways.rotate_left(round % Way::ALL.len());
        if round % 2 == 1 {
            ways.reverse();
        }
        ways
    });
    rounds.collect()
}

/// Sends a client each way; returns when all are gone.
fn send_all(ways: &[Way], targets: &Targets, bridge: &InProcess) {
    let next = AtomicUsize::new(0);
    let vanished: Mutex<Vec<Client>> = Mutex::default();
    let meet = |way| {
        let stays = targets.meet_with(way, &json!({}), bridge.addr, &bridge.admin);
        vanished.lock().unwrap().extend(stays);
    };
    thread::scope(|scope| {
        // They take their time, and must not keep the others waiting.
        for way in ways.iter().filter(|way| **way == Way::Idle) {
            scope.spawn(|| meet(*way));
        }
        for _ in 0..WORKERS {
            scope.spawn(|| {
                while let Some(way) = ways.get(next.fetch_add(1, Ordering::Relaxed)) {
                    if *way != Way::Idle {
                        meet(*way);
                    }
                }
            });
        }
    });
    // Those that answer no ping keep their sockets until the bridge has given them up.
    bridge.admin.wait_sessions(0);
}

/// Counts that `ways` add.
fn expected(ways: &[Way]) -> BTreeMap<(String, String), u64> {
    let mut counts = BTreeMap::new();
    for way in ways {
        let (stage, reason, _) = way.counted();
        *counts
            .entry((stage.to_owned(), reason.to_owned()))
            .or_default() += 1;
    }
    counts
}

#[test]
fn every_way_to_end_leaves_nothing_and_is_counted() {
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
    // Once each: what is made at the first need and then kept is there.
    send_all(&Way::ALL, &targets, &bridge);
    bridge.admin.wait_empty();
    assert_eq!(bridge.admin.ended(), expected(&Way::ALL));
    targets.forget();
    let baseline = footprint();

    let ways = mixed();
    assert_eq!(ways.len(), EACH * Way::ALL.len());
    send_all(&ways, &targets, &bridge);
    bridge.admin.wait_empty();

    let all: Vec<Way> = Way::ALL.into_iter().chain(ways).collect();
    assert_eq!(bridge.admin.ended(), expected(&all));
    let stats = bridge.admin.stats();
    assert_eq!(stats["total_sessions"], all.len());
    let ended = |name: &str| stats[name].as_u64().unwrap();
    assert_eq!(
        ended("successful_sessions") + ended("failed_sessions"),
        all.len() as u64,
        "{stats}"
    );
    targets.forget();
    let mut now = footprint();
    let back = poll(DEADLINE, || {
        now = footprint();
        (now.0 <= baseline.0 && now.1 <= baseline.1).then_some(())
    });
    assert!(
        back.is_some(),
        "descriptors, threads: {baseline:?}, now {now:?}"
    );

    drained(&targets, bridge);
}

/// The last way: the drain's deadline.
fn drained(targets: &Targets, bridge: InProcess) {
    let ready = |_| ready_at(bridge.addr, targets.shell.addr());
    let clients: Vec<Client> = (0..EACH).map(ready).collect();
    assert_eq!(bridge.admin.post("/api/v1/drain").status, 202);
    for mut client in clients {
        assert_eq!(client.wait_type("notice")["kind"], "drain");
        assert_eq!(client.until_close().0, 1001);
    }
    bridge.join();
}
