//! What the integration tests share: a real OpenSSH server, the bridge as a process, a blocking
//! WebSocket client, and servers that misbehave. Nothing here knows the bridge's source; it
//! speaks to the program as its users do. Every wait has a deadline and, when that passes,
//! panics with what was seen.
#![allow(
    dead_code,
    unused_imports,
    reason = "each test binary compiles all of this and uses its part"
)]
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a failed step of a test has nowhere to go but the test's output"
)]
#![allow(
    clippy::disallowed_methods,
    clippy::disallowed_types,
    reason = "tests are threads that wait for real programs: they need the clock and locks"
)]

mod account;
mod admin;
mod bridge;
mod hold;
mod hostile;
pub(crate) mod in_process;
mod log;
mod proxy;
pub(crate) mod raw;
pub(crate) mod scene;
mod scripted_ssh;
pub(crate) mod shard;
mod sshd;
mod timed;
pub(crate) mod tls;
mod ws;

pub(crate) use account::{Account, KeyPair, account};
pub(crate) use admin::Admin;
pub(crate) use bridge::{Bridge, Finished, run, run_under};
pub(crate) use hold::Hold;
pub(crate) use hostile::{Hostile, Script, closed_port, free_port};
pub(crate) use log::Log;
pub(crate) use proxy::{Counts, Proxy, Stop};
pub(crate) use raw::Raw;
pub(crate) use scene::Scene;
pub(crate) use scripted_ssh::{GREETING, Login, Round, ScriptedSsh, Seen, SshScript, Start};
pub(crate) use sshd::Sshd;
pub(crate) use ws::{Client, Event, Options, Refused, text};

use std::time::{Duration, Instant};

/// How long a test waits for one thing. Generous, because machines are slow; no test passes
/// because of it.
pub(crate) const DEADLINE: Duration = Duration::from_secs(30);

/// Returns the code of a session whose target's name does not exist: without a name server that
/// answers, nobody can know.
pub(crate) fn unknown_name() -> &'static str {
    let found = std::net::ToSocketAddrs::to_socket_addrs(&("does-not-exist.invalid", 22));
    match found {
        Err(error) if error.to_string().contains("emporary") => "name-server-failed",
        _ => "name-not-found",
    }
}

/// Asks again and again until `probe` gives an answer; None past the deadline. For what cannot
/// tell us when it changes: another process, a file, `/proc`.
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
