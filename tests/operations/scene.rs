//! Helpers: a bridge with any arguments to a scripted SSH server, its log read as JSON, its health.

use crate::common::fixture::path_to;
use crate::common::raw::{Answer, exchange};
use crate::common::{Bridge, Client, Options, ScriptedSsh, SshScript};
use serde_json::{Value, json};
use std::net::SocketAddr;

/// A bridge and the one SSH server it may reach.
pub(crate) struct Site {
    pub(crate) bridge: Bridge,
    pub(crate) ssh: ScriptedSsh,
}

impl Site {
    /// Starts a bridge to an SSH server that accepts every login.
    pub(crate) fn new(args: &[&str]) -> Self {
        Self::with(SshScript::default(), args)
    }

    pub(crate) fn with(script: SshScript, args: &[&str]) -> Self {
        let ssh = ScriptedSsh::start(script);
        let bridge = Bridge::start(&site_args(ssh.addr(), args), &[]);
        Self { bridge, ssh }
    }

    pub(crate) fn path(&self) -> String {
        path_to(self.ssh.addr())
    }

    /// Connects an `sshard.v1` client; `hello` is still to be read.
    pub(crate) fn v1(&self) -> Client {
        Client::connect(self.bridge.addr(), &self.path(), &Options::v1())
    }

    /// Connects an `sshard.v1` client and waits for its shell.
    pub(crate) fn ready(&self) -> Client {
        self.ready_on(self.bridge.addr())
    }

    /// Does what [`Site::ready`] does, by this address of the bridge.
    pub(crate) fn ready_on(&self, addr: SocketAddr) -> Client {
        let mut client = Client::connect(addr, &self.path(), &Options::v1());
        client.auth_v1(&json!({ "username": "u" }));
        client.wait_type("ready");
        client
    }

    /// Connects a client of the compatible dialect and waits for its shell, the `count`th of all.
    pub(crate) fn compatible(&self, count: usize) -> Client {
        let options = Options::compatible();
        let mut client = Client::connect(self.bridge.addr(), &self.path(), &options);
        client.login_compatible("u", "p");
        self.ssh.wait_count(&crate::common::Received::Shell, count);
        client
    }

    pub(crate) fn get(&self, path: &str) -> Answer {
        get(self.bridge.addr(), path)
    }
}

/// Makes the arguments of a bridge to `target`, whose host key is not checked.
fn site_args<'a>(target: SocketAddr, args: &[&'a str]) -> Vec<&'a str> {
    // Leaked: a few bytes for as long as the tests run.
    let allow: &'static str = target.to_string().leak();
    let mut all = vec!["--allow", allow];
    all.extend(["--set", "ssh.host_key_policy=off"]);
    all.extend(["--set", "limits.max_connections_per_host=1000"]);
    all.extend(args);
    all
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
    let complete = log
        .split_inclusive('\n')
        .filter(|line| line.ends_with('\n'));
    complete
        .map(|line| serde_json::from_str(line).unwrap_or_else(|e| panic!("no JSON ({e}): {line}")))
        .collect()
}
