//! Memory of sessions whose client or server does not read, in bytes per session, for messages and
//! packets of all sizes. The bound is derived in `src/bridge/downlink/mod.rs`.
#![cfg(test)]
#![allow(clippy::disallowed_methods, reason = "tests need the clock")]

mod common;

use common::raw::frame;
use common::{Admin, Client, DEADLINE, Fixture, Options, SshScript, Start, poll};
use serde_json::json;
use std::io::Write;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

const KIB: u64 = 1024;

/// Longest wait: millions of messages and packets pass through an unoptimised program.
const LONG: Duration = Duration::from_secs(8 * DEADLINE.as_secs());

/// Concurrent sessions.
const CROWD: u64 = 50;

/// Memory that the allocator may keep, for any number of sessions.
const ALLOCATOR_SLACK: u64 = 2 * 1024 * KIB;

/// Documented bounds for one session: input that waits for the server's window, output that waits
/// for the client, and both (more output then passes, for a reply of the server).
const INPUT: u64 = 192 * KIB;
const OUTPUT: u64 = 240 * KIB;
const BOTH: u64 = 720 * KIB;

/// Sizes of messages or packets, in rotation.
const MIXES: &[&[usize]] = &[
    &[1],
    &[1, 8 * 1024],
    &[1, 1, 16 * 1024 + 1],
    &[8 * 1024 - 1, 100, 32 * 1024, 7],
];

/// Sessions with output and input at once; fewer, because one-byte packets cost the server much
/// CPU.
const FEW: u64 = 4;

/// Starts a bridge and a server that reads no input.
fn fixture(start: Start) -> Fixture {
    let script = SshScript {
        window: 0,
        start,
        ..SshScript::default()
    };
    let limit = format!("limits.max_connections_per_host={CROWD}");
    let timeouts = ["websocket.stall_timeout=10m", "websocket.ping_interval=10m"];
    Fixture::with(
        script,
        &[&limit, "log.level=warn", timeouts[0], timeouts[1]],
    )
}

/// Connects `count` clients that read nothing after the login.
fn crowd(fixture: &Fixture, count: u64) -> Vec<Client> {
    let options = Options::v1().receive_buffer(4096);
    let connect = |_| {
        let mut client = Client::connect(fixture.bridge.addr(), &fixture.path(), &options);
        client.auth_v1(&json!({ "username": "u" }));
        client.wait_type("ready");
        client
    };
    (0..count).map(connect).collect()
}

/// Writes `bytes` to each client as far as they are accepted, until `done`.
fn write_until(clients: &[Client], bytes: &[u8], done: impl Fn() -> bool) {
    let mut sent = vec![0; clients.len()];
    for client in clients {
        client.tcp().set_nonblocking(true).unwrap();
    }
    let until = Instant::now() + LONG;
    while !done() {
        assert!(
            Instant::now() < until,
            "{sent:?} of {} bytes were accepted",
            bytes.len()
        );
        for (client, sent) in clients.iter().zip(&mut sent) {
            let mut tcp = client.tcp();
            while *sent < bytes.len() {
                match tcp.write(&bytes[*sent..]) {
                    Ok(count) => *sent += count,
                    Err(error) if error.kind() == std::io::ErrorKind::WouldBlock => break,
                    Err(error) => panic!("{error}"),
                }
            }
        }
        std::thread::sleep(Duration::from_millis(5));
    }
}

/// Binary messages of these sizes in rotation, somewhat more than a session accepts.
fn messages(sizes: &[usize]) -> Vec<u8> {
    let mut bytes = Vec::new();
    let mut total = 0;
    for size in sizes.iter().cycle() {
        if total > 200 * 1024 {
            return bytes;
        }
        bytes.extend(frame(0x82, Some([0; 4]), &vec![b'x'; *size]));
        total += size;
    }
    bytes
}

/// Returns whether every session has received input up to its bound.
fn all_full(fixture: &Fixture, clients: &[Client]) -> bool {
    let sessions = Admin::of(&fixture.bridge).sessions();
    let full = |session: &serde_json::Value| session["input_bytes"].as_u64().unwrap() > 64 * KIB;
    sessions.len() == clients.len() && sessions.iter().all(full)
}

/// Checks that each session holds at most `bound` bytes more than `before`.
fn check(fixture: &Fixture, count: u64, before: u64, bound: u64, what: &str) -> Result<(), String> {
    let grown = fixture.bridge.anonymous_memory().saturating_sub(before);
    let each = grown.saturating_sub(ALLOCATOR_SLACK) / count / KIB;
    eprintln!("{what}: {} KiB a session", grown / count / KIB);
    if grown <= count * bound + ALLOCATOR_SLACK {
        return Ok(());
    }
    Err(format!(
        "{what}: {each} KiB a session, at most {}",
        bound / KIB
    ))
}

/// Waits until the server can send no more output.
fn wait_stalled(sent: &AtomicU64) {
    let mut last = (Instant::now(), 0);
    let stalled = poll(LONG, || {
        let now = sent.load(Ordering::Relaxed);
        if now != last.1 {
            last = (Instant::now(), now);
        }
        (now > 0 && last.0.elapsed() > Duration::from_secs(1)).then_some(())
    });
    assert!(stalled.is_some(), "the output did not stall");
}

/// Has `act` fill `count` sessions with messages or packets of each of these sizes, and checks what
/// they hold.
fn check_each(
    what: &str,
    mixes: &[&'static [usize]],
    count: u64,
    bound: u64,
    act: impl Fn(&Fixture, &[Client], &'static [usize]),
) {
    let mut failures = Vec::new();
    for sizes in mixes {
        let fixture = fixture(Start::Accept);
        let clients = crowd(&fixture, count);
        let before = fixture.bridge.anonymous_memory();
        act(&fixture, &clients, sizes);
        let about = format!("{what} of {sizes:?}");
        failures.extend(check(&fixture, count, before, bound, &about).err());
    }
    assert!(failures.is_empty(), "{failures:#?}");
}

fn fill_with_input(fixture: &Fixture, clients: &[Client], sizes: &[usize]) {
    write_until(clients, &messages(sizes), || all_full(fixture, clients));
}

#[test]
fn input_that_the_server_does_not_read_is_bounded() {
    check_each("input", MIXES, CROWD, INPUT, fill_with_input);
}

#[test]
fn output_that_the_client_does_not_read_is_bounded() {
    check_each("output", MIXES, CROWD, OUTPUT, |fixture, _, sizes| {
        let sent = Arc::default();
        fixture.ssh.bulk_output(sizes, &sent);
        wait_stalled(&sent);
    });
}

#[test]
fn output_and_input_at_once_are_bounded() {
    let mixes = [MIXES[0], MIXES[1], MIXES[3]];
    check_each("both", &mixes, FEW, BOTH, |fixture, clients, sizes| {
        let sent = Arc::default();
        fixture.ssh.bulk_output(sizes, &sent);
        wait_stalled(&sent);
        fill_with_input(fixture, clients, sizes);
        wait_stalled(&sent);
    });
}

/// The server sends output and does not confirm the shell, so the client gets no `ready`.
#[test]
fn output_before_the_shell_is_confirmed_is_bounded() {
    let fixture = fixture(Start::Silent);
    let options = Options::v1().receive_buffer(4096);
    let clients: Vec<_> = (0..CROWD)
        .map(|n| {
            let mut client = Client::connect(fixture.bridge.addr(), &fixture.path(), &options);
            client.auth_v1(&json!({ "username": "u" }));
            let count = usize::try_from(n).unwrap() + 1;
            fixture.ssh.wait_count(&common::Received::Shell, count);
            client
        })
        .collect();
    let before = fixture.bridge.anonymous_memory();
    let sent = Arc::default();
    fixture.ssh.bulk_output(MIXES[0], &sent);
    wait_stalled(&sent);
    check(&fixture, CROWD, before, OUTPUT, "unconfirmed").unwrap();
    drop(clients);
}

#[test]
fn control_messages_that_the_server_does_not_read_are_bounded() {
    let fixture = fixture(Start::Accept);
    let clients = crowd(&fixture, CROWD);
    fixture.ssh.pause_input(true);
    let before = fixture.bridge.anonymous_memory();
    let mut bytes = Vec::new();
    for n in 0..5000 {
        for text in [
            json!({ "type": "ping", "data": "x".repeat(125) }),
            json!({ "type": "resize", "cols": 80 + n % 100, "rows": 24 }),
            json!({ "type": "signal", "name": "USR1" }),
        ] {
            bytes.extend(frame(0x81, Some([0; 4]), text.to_string().as_bytes()));
        }
    }
    bytes.extend(messages(&[1]));
    write_until(&clients, &bytes, || all_full(&fixture, &clients));
    check(&fixture, CROWD, before, INPUT, "control messages").unwrap();
}
