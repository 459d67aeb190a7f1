//! Helpers: a bridge with any arguments to a scripted SSH server, its log read as JSON, its health.

use crate::common::raw::{Answer, exchange};
use crate::common::{Bridge, Client, Fixture, Received, ScriptedSsh, SshScript, words};
use serde_json::Value;
use std::net::SocketAddr;

/// Starts a bridge with the words of `args` to an SSH server that accepts every login.
pub(crate) fn fixture(args: &str) -> Fixture {
    fixture_with(SshScript::default(), args)
}

/// Starts a bridge with the words of `args` to an SSH server, whose host key is not checked.
pub(crate) fn fixture_with(script: SshScript, args: &str) -> Fixture {
    let ssh = ScriptedSsh::start(script);
    let target = ssh.addr().to_string();
    let mut all = vec!["--allow", &target];
    all.extend(["--set", "ssh.host_key_policy=off"]);
    all.extend(["--set", "limits.max_connections_per_host=1000"]);
    all.extend(words(args));
    let bridge = Bridge::start(&all, &[]);
    Fixture { bridge, ssh }
}

/// Connects a client of the compatible dialect and waits for its shell, the `count`th of all.
pub(crate) fn compatible_shell(fixture: &Fixture, count: usize) -> Client {
    let mut client = fixture.compatible();
    client.login_compatible("u", "p");
    fixture.ssh.wait_count(&Received::Shell, count);
    client
}

/// Sends one HTTP request and returns its answer.
pub(crate) fn get(addr: SocketAddr, path: &str) -> Answer {
    exchange(
        addr,
        &format!("GET {path} HTTP/1.1\r\nHost: {addr}\r\nConnection: close\r\n\r\n"),
    )
}

/// Parses every complete line of a log of `--log-format json`.
pub(crate) fn json_lines(log: &str) -> Vec<Value> {
    let lines = log.split_inclusive('\n').filter(|l| l.ends_with('\n'));
    lines
        .map(|line| serde_json::from_str(line).unwrap_or_else(|e| panic!("no JSON ({e}): {line}")))
        .collect()
}
