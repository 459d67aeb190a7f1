//! Helpers of the integration tests: a real OpenSSH server, the bridge as a process, a blocking
//! WebSocket client, scripted and hostile servers. But for `in_process` and `shard`, they use no
//! code of the bridge. Every wait has a deadline, after which it panics with what came so far.
#![allow(dead_code, unused_imports, reason = "each program uses its part")]
#![allow(clippy::disallowed_methods, reason = "tests need the clock")]
#![allow(clippy::disallowed_types, reason = "tests are threads with locks")]

mod account;
mod admin;
mod bridge;
mod data;
pub(crate) mod demo;
pub(crate) mod fixture;
mod hostile_server;
pub(crate) mod in_process;
mod log;
mod paused_thread;
mod program;
mod proxy;
pub(crate) mod raw;
mod scripted_ssh;
mod serve;
pub(crate) mod shard;
mod sshd;
mod timed;
pub(crate) mod tls;
mod transcript;
mod ws;

pub(crate) use account::{Account, KeyPair, account};
pub(crate) use admin::Admin;
pub(crate) use bridge::{Bridge, Finished, piped, run, run_line, run_under, words};
pub(crate) use data::{random_bytes, sha256};
pub(crate) use demo::Demo;
pub(crate) use fixture::Fixture;
pub(crate) use hostile_server::{HostileServer, Script, closed_port, free_port};
pub(crate) use log::Log;
pub(crate) use paused_thread::PausedThread;
pub(crate) use program::{Dropbear, PYTHON_BIN, Program};
pub(crate) use proxy::{Counts, Proxy, Stop};
pub(crate) use raw::Raw;
pub(crate) use scripted_ssh::{GREETING, Login, Received, Round, ScriptedSsh, SshScript, Start};
pub(crate) use serve::{serve, serve_in_front_of};
pub(crate) use sshd::Sshd;
pub(crate) use transcript::Transcript;
pub(crate) use ws::{Client, Event, Options, text};

use std::time::{Duration, Instant};

/// Longest wait of a test for one event. Generous, because machines are slow; no test passes
/// because of it.
pub(crate) const DEADLINE: Duration = Duration::from_secs(30);

/// Returns the code of a session whose target's name does not exist: without a name server that
/// answers, that is not known.
pub(crate) fn unknown_name() -> &'static str {
    let found = std::net::ToSocketAddrs::to_socket_addrs(&("does-not-exist.invalid", 22));
    match found {
        Err(error) if error.to_string().contains("emporary") => "name-server-failed",
        _ => "name-not-found",
    }
}

/// Waits until `reached` returns true; fails with `what` after the deadline.
#[track_caller]
pub(crate) fn wait_until(what: &str, mut reached: impl FnMut() -> bool) {
    let seen = poll(DEADLINE, || reached().then_some(()));
    assert!(seen.is_some(), "{what}");
}

/// Calls `probe` until it returns a value; `None` after the deadline. For state without a
/// notification: another process, a file, `/proc`.
pub(crate) fn poll<T>(deadline: Duration, mut probe: impl FnMut() -> Option<T>) -> Option<T> {
    let until = Instant::now() + deadline;
    loop {
        if let Some(answer) = probe() {
            return Some(answer);
        }
        if Instant::now() >= until {
            return None;
        }
        std::thread::sleep(Duration::from_millis(5));
    }
}
