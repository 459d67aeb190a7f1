//! Two thousand logins at once against a limit of two hundred.

use crate::common::fixture::{path_to, ready_at};
use crate::common::{Admin, Bridge, Client, DEADLINE, Options, ScriptedSsh, SshScript};
use crate::fixture::MACHINE;
use serde_json::json;
use std::sync::PoisonError;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread;

const LOGINS: usize = 2000;
const LIMIT: usize = 200;
const THREADS: usize = 8;

/// Returns whether the login was admitted; if not, it was refused for the limit.
fn is_admitted(client: &mut Client) -> bool {
    loop {
        match client.recv_within(4 * DEADLINE) {
            Some(crate::common::Event::Json(message)) => match message["type"].as_str() {
                Some("ready") => return true,
                Some("error") => {
                    assert_eq!(message["code"], "limit", "{message}");
                    assert_eq!(message["retryable"], true, "{message}");
                    let (code, reason) = client.until_close();
                    assert_eq!(
                        (code, reason.as_str()),
                        (1013, "the server is full; try again later")
                    );
                    return false;
                }
                _ => {}
            },
            other => panic!("{other:?}"),
        }
    }
}

/// Does the work for every client on several threads. Returns the results in order.
fn in_parallel<T: Send>(clients: &mut [Client], work: impl Fn(&mut Client) -> T + Sync) -> Vec<T> {
    let part = clients.len().div_ceil(THREADS);
    thread::scope(|scope| {
        let threads: Vec<_> = clients
            .chunks_mut(part)
            .map(|part| scope.spawn(|| part.iter_mut().map(&work).collect::<Vec<T>>()))
            .collect();
        let parts = threads.into_iter().map(|thread| thread.join().unwrap());
        parts.flatten().collect()
    })
}

#[test]
fn of_2000_logins_at_once_exactly_200_are_admitted() {
    let _machine = MACHINE.lock().unwrap_or_else(PoisonError::into_inner);
    let ssh = ScriptedSsh::start(SshScript::default());
    // As many for the target: where its limit is not met first, nothing rolls back.
    let bridge = Bridge::serve(&format!(
        "--shards 2 --allow {} --log-level error --set ssh.host_key_policy=off
         --set limits.max_connections=200 --set limits.max_connections_per_host=200
         --set limits.max_unauthenticated=4000 --set limits.connection_timeout=300s
         --set session.auth_timeout=300s --set ssh.connect_timeout=120s
         --set ssh.handshake_timeout=120s --set ssh.auth_timeout=120s
         --set websocket.ping_interval=600s",
        ssh.addr()
    ));
    let admin = Admin::of(&bridge);
    let path = path_to(ssh.addr());
    let mut clients: Vec<Client> = (0..LOGINS)
        .map(|_| Client::connect(bridge.addr(), &path, &Options::v1()))
        .collect();
    in_parallel(&mut clients, |client| client.wait_type("hello"));
    assert_eq!(admin.stat("unauthenticated"), LOGINS as u64);

    let done = AtomicBool::new(false);
    let highest = AtomicU64::new(0);
    let admitted = thread::scope(|scope| {
        let sampler = scope.spawn(|| {
            let mut samples = 0;
            while !done.load(Ordering::Relaxed) {
                highest.fetch_max(admin.stat("connections"), Ordering::Relaxed);
                samples += 1;
            }
            samples
        });
        let auth = json!({ "type": "auth", "username": "u" });
        in_parallel(&mut clients, |client| client.send_json(&auth));
        let admitted = in_parallel(&mut clients, is_admitted);
        done.store(true, Ordering::Relaxed);
        assert!(
            sampler.join().unwrap() > 10,
            "the gauge was looked at all along"
        );
        admitted
    });
    assert_eq!(admitted.len(), LOGINS);
    assert_eq!(admitted.into_iter().filter(|is| *is).count(), LIMIT);
    assert_eq!(highest.load(Ordering::Relaxed), LIMIT as u64);
    assert_eq!(admin.stat("connections"), LIMIT as u64);
    assert_eq!(admin.get("/readyz").status, 503);

    // The slots are returned, and clients are served again.
    drop(clients);
    admin.wait_empty();
    assert_eq!(admin.get("/readyz").status, 200);
    ready_at(bridge.addr(), ssh.addr());
}
