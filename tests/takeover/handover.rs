//! A takeover under load, and the sessions of the old process.

use crate::common::fixture::path_to;
use crate::common::{Admin, Client, DEADLINE, Options};
use crate::fixture::TakeoverFixture;
use rustix::net::sockopt::socket_peercred;
use serde_json::json;
use socket2::{Domain, SockAddr, Socket, Type};
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;
use std::time::{Duration, Instant};

/// Number of connections, and the time between two: 200 a second.
const CONNECTIONS: usize = 1200;
const PACE: Duration = Duration::from_millis(5);

/// Threads of clients: a slow connection does not delay the next.
const THREADS: usize = 48;

#[test]
fn of_200_connections_a_second_none_is_refused_while_generations_change() {
    let fixture = TakeoverFixture::new();
    let first = fixture.generation("--shards 2");
    let address = first.addr();
    let admin = Admin::of(&first);
    let next = AtomicUsize::new(0);
    let started = Instant::now();
    // One whole session: upgrade, login, shell, close.
    let one = |number: usize| {
        let due = started + PACE * u32::try_from(number).unwrap();
        thread::sleep(due.saturating_duration_since(Instant::now()));
        let session = AssertUnwindSafe(|| {
            let mut client = fixture.ready(address);
            client.send_json(&json!({ "type": "close" }));
            assert_eq!(client.until_close().0, 1000);
        });
        catch_unwind(session).is_err()
    };
    let (failed, generations) = thread::scope(|scope| {
        let clients: Vec<_> = (0..THREADS)
            .map(|_| {
                scope.spawn(|| {
                    let mut failed = 0;
                    loop {
                        let number = next.fetch_add(1, Ordering::Relaxed);
                        if number >= CONNECTIONS {
                            return failed;
                        }
                        failed += usize::from(one(number));
                    }
                })
            })
            .collect();
        let mut generations = vec![first];
        for (part, shards) in [(1, "--shards 1"), (2, "--shards 2")] {
            while next.load(Ordering::Relaxed) < part * CONNECTIONS / 3 {
                thread::yield_now();
                thread::sleep(PACE);
            }
            generations.push(fixture.generation(shards));
        }
        let failed = clients.into_iter().map(|client| client.join().unwrap());
        (failed.sum::<usize>(), generations)
    });
    let took = started.elapsed();
    eprintln!("{CONNECTIONS} connections in {took:.1?}, two takeovers: {failed} refused or broken");
    assert_eq!(failed, 0);

    let [mut first, mut second, third] = <[_; 3]>::try_from(generations).ok().unwrap();
    for (name, old) in [("first", &mut first), ("second", &mut second)] {
        assert_eq!(old.wait_exit(DEADLINE).code(), Some(0), "{name}");
        old.wait_stderr("all sessions have ended", DEADLINE);
    }
    // The same addresses, now the third's; and every one of the others had its part.
    assert_eq!((third.addr(), third.admin_addr()), (address, admin.addr));
    let served = admin.stat("total_sessions");
    assert!(0 < served && served < CONNECTIONS as u64, "{served}");
    let shards = admin.stats()["shards"].as_array().unwrap().len();
    assert_eq!(shards, 2);
}

#[test]
fn sessions_continue_in_the_old_process_until_they_end() {
    let fixture = TakeoverFixture::new();
    let mut old = fixture.generation("--shards 2");
    let mut shell = fixture.ready(old.addr());
    // Upgraded, but not logged in: no other process can serve it.
    let mut late = Client::connect(old.addr(), &path_to(fixture.ssh.addr()), &Options::v1());
    late.wait_type("hello");

    let new = fixture.generation("--shards 1");
    assert_eq!(shell.wait_type("notice")["kind"], "drain");
    fixture.works(&mut shell);
    late.send_json(&json!({ "type": "auth", "username": "u" }));
    late.wait_type("ready");
    fixture.works(&mut late);
    let mut young = fixture.ready(new.addr());
    fixture.works(&mut young);
    let count = Admin::of(&new).stat("active_sessions");
    assert_eq!(count, 1, "the new one has its own alone");

    drop(late);
    fixture.works(&mut shell);
    shell.send_json(&json!({ "type": "close" }));
    assert_eq!(shell.until_close().0, 1000);
    assert_eq!(old.wait_exit(DEADLINE).code(), Some(0));
    fixture.works(&mut young);
}

/// Returns the process that listens there.
fn listener_at(path: &Path) -> u32 {
    let socket = Socket::new(Domain::UNIX, Type::SEQPACKET, None).unwrap();
    // Of connecting, too (unix(7)).
    socket.set_write_timeout(Some(DEADLINE)).unwrap();
    socket.connect(&SockAddr::unix(path).unwrap()).unwrap();
    let peer = socket_peercred(&socket).unwrap();
    peer.pid.as_raw_nonzero().get().unsigned_abs()
}

#[test]
fn an_old_process_has_a_socket_of_its_own_until_it_exits() {
    let fixture = TakeoverFixture::new();
    let mut old = fixture.generation("");
    let mut shell = fixture.ready(old.addr());
    let [of_old] = <[PathBuf; 1]>::try_from(fixture.own_sockets()).unwrap();
    let instance = of_old.extension().unwrap().display().to_string();
    old.wait_stderr(&format!("instance={instance}"), DEADLINE);
    let mode = fs::metadata(&of_old).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o600);

    let new = fixture.generation("");
    let mut sockets = fixture.own_sockets();
    sockets.retain(|path| *path != of_old);
    let [of_new] = <[PathBuf; 1]>::try_from(sockets).unwrap();
    assert_eq!(shell.wait_type("notice")["kind"], "drain");
    // More often than connections fit into the queue of a socket that is not accepted from.
    for _ in 0..8 {
        assert_eq!(listener_at(&of_old), old.pid());
    }
    assert_eq!(listener_at(&of_new), new.pid());
    assert_eq!(listener_at(&fixture.socket()), new.pid());
    fixture.works(&mut shell);

    shell.send_json(&json!({ "type": "close" }));
    assert_eq!(shell.until_close().0, 1000);
    assert_eq!(old.wait_exit(DEADLINE).code(), Some(0));
    let log = old.whole_stderr();
    assert!(
        !log.contains("not handed over"),
        "nobody asked in vain: {log}"
    );
    assert_eq!(fixture.own_sockets(), [of_new]);
    // What looked for it has not kept it from being taken over.
    let next = fixture.generation("");
    fixture.works(&mut fixture.ready(next.addr()));
}

#[test]
fn the_drain_deadline_holds_for_the_sessions_of_the_old_process() {
    let fixture = TakeoverFixture::new();
    let mut old = fixture.generation("--drain-timeout 1s");
    let mut shell = fixture.ready(old.addr());
    let _new = fixture.generation("");
    assert_eq!(shell.until_close().0, 1001);
    assert_eq!(old.wait_exit(DEADLINE).code(), Some(0));
}
