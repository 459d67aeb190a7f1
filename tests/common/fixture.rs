//! Fixture of most tests: a bridge that may reach one scripted SSH server, and clients of it.

use super::{Bridge, Client, DEADLINE, Login, Options, Raw, Round, ScriptedSsh, SshScript, poll};
use serde_json::{Value, json};
use sshard_ssh_server::Server;
use std::net::SocketAddr;

pub(crate) struct Fixture {
    pub(crate) bridge: Bridge,
    pub(crate) ssh: ScriptedSsh,
}

impl Fixture {
    /// Starts a server that accepts every login; `settings` as for `--set`.
    pub(crate) fn new(settings: &[&str]) -> Self {
        Self::with(SshScript::default(), settings)
    }

    pub(crate) fn with(script: SshScript, settings: &[&str]) -> Self {
        let ssh = ScriptedSsh::start(script);
        let bridge = bridge_to(&[ssh.addr()], settings);
        Self { bridge, ssh }
    }

    /// Starts a server that asks these rounds of questions.
    pub(crate) fn asking(rounds: Vec<Round>, settings: &[&str]) -> Self {
        Self::with(SshScript::login(Login::Interactive(rounds)), settings)
    }

    pub(crate) fn path(&self) -> String {
        path_to(self.ssh.addr())
    }

    pub(crate) fn v1(&self) -> Client {
        Client::connect(self.bridge.addr(), &self.path(), &Options::v1())
    }

    /// An `sshard.v1` client that has sent `auth` with these fields.
    pub(crate) fn auth(&self, fields: &Value) -> Client {
        auth_at(&self.bridge, self.ssh.addr(), fields)
    }

    /// An `sshard.v1` client with a running shell.
    pub(crate) fn ready(&self) -> Client {
        self.ready_with(&json!({ "username": "u" }))
    }

    pub(crate) fn ready_with(&self, fields: &Value) -> Client {
        let mut client = self.auth(fields);
        client.wait_type("ready");
        client
    }

    /// A raw `sshard.v1` connection; `hello` is still to be read.
    pub(crate) fn raw(&self) -> Raw {
        Raw::upgrade(self.bridge.addr(), &self.path(), &Options::v1())
    }

    /// A raw `sshard.v1` connection with a running shell.
    pub(crate) fn raw_ready(&self) -> Raw {
        let mut raw = self.raw();
        raw.login_v1();
        raw
    }

    /// A client of the compatible dialect that has sent nothing yet.
    pub(crate) fn compatible(&self) -> Client {
        Client::connect(self.bridge.addr(), &self.path(), &Options::compatible())
    }

    /// A client of the compatible dialect that has sent its first message.
    pub(crate) fn login_compatible(&self, user: &str, password: &str) -> Client {
        let mut client = self.compatible();
        client.login_compatible(user, password);
        client
    }
}

/// An `sshard.v1` client at `target` that has sent `auth` with these fields.
pub(crate) fn auth_at(bridge: &Bridge, target: SocketAddr, fields: &Value) -> Client {
    let mut client = Client::connect(bridge.addr(), &path_to(target), &Options::v1());
    client.auth_v1(fields);
    client
}

/// An `sshard.v1` client of the bridge at this address, with a running shell on `target`.
pub(crate) fn ready_at(bridge: SocketAddr, target: SocketAddr) -> Client {
    let mut client = Client::connect(bridge, &path_to(target), &Options::v1());
    client.auth_v1(&json!({ "username": "u" }));
    client.wait_type("ready");
    client
}

/// Waits until the server has no connection left.
pub(crate) fn wait_disconnected(server: &Server) {
    let gone = poll(DEADLINE, || (server.open() == 0).then_some(()));
    assert!(gone.is_some(), "{} connections are left", server.open());
}

/// Returns the path of `target`.
pub(crate) fn path_to(target: SocketAddr) -> String {
    match target {
        SocketAddr::V4(v4) => format!("/ws/{}/{}", v4.ip(), v4.port()),
        SocketAddr::V6(v6) => format!("/ws/[{}]/{}", v6.ip(), v6.port()),
    }
}

/// Starts a bridge with one shard, unless the settings say otherwise, that may reach these targets
/// and accepts any host key.
pub(crate) fn bridge_to(targets: &[SocketAddr], settings: &[&str]) -> Bridge {
    let allow: Vec<String> = targets.iter().map(SocketAddr::to_string).collect();
    let mut args = vec!["--log-level", "debug", "--set", "server.shards=1"];
    args.extend(allow.iter().flat_map(|target| ["--allow", target.as_str()]));
    // Later ones win over earlier ones.
    args.extend(["--set", "ssh.host_key_policy=off"]);
    args.extend(settings.iter().flat_map(|setting| ["--set", *setting]));
    Bridge::start(&args, &[])
}
