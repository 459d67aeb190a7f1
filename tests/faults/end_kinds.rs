//! Kinds of end of a session, and a client that brings about each.

use crate::common::in_process::POISON;
use crate::common::{Account, Admin, Client, HostileServer, KeyPair, Options, ScriptedSsh, Sshd};
use crate::common::{Login, Script, SshScript, Start, closed_port, unknown_name};
use serde_json::{Value, json};
use std::net::SocketAddr;
use std::time::Duration;

/// Kind of end of a session.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum EndKind {
    TargetRefused,
    BadMessage,
    NameNotFound,
    ConnectRefused,
    JunkBanner,
    KeyExchangeFails,
    HostKeyChanged,
    WrongPassword,
    ChannelRefused,
    TerminalRefused,
    RemoteExit,
    RemoteKilled,
    ClientCloses,
    ClientResets,
    ClientVanishes,
    Idle,
    Killed,
    Panic,
}

impl EndKind {
    pub(crate) const ALL: [Self; 18] = [
        Self::TargetRefused,
        Self::BadMessage,
        Self::NameNotFound,
        Self::ConnectRefused,
        Self::JunkBanner,
        Self::KeyExchangeFails,
        Self::HostKeyChanged,
        Self::WrongPassword,
        Self::ChannelRefused,
        Self::TerminalRefused,
        Self::RemoteExit,
        Self::RemoteKilled,
        Self::ClientCloses,
        Self::ClientResets,
        Self::ClientVanishes,
        Self::Idle,
        Self::Killed,
        Self::Panic,
    ];

    /// Stage and reason that it is counted under, and the close code, if a client is left to read
    /// it.
    pub(crate) fn counted(self) -> (&'static str, &'static str, Option<u16>) {
        match self {
            Self::TargetRefused => ("resolve", "target-refused", Some(4403)),
            Self::BadMessage => ("auth", "bad-message", Some(4400)),
            Self::NameNotFound => ("resolve", unknown_name(), Some(4502)),
            Self::ConnectRefused => ("connect", "unreachable", Some(4502)),
            Self::JunkBanner => ("handshake", "not-ssh", Some(4502)),
            Self::KeyExchangeFails => ("handshake", "handshake-failed", Some(4502)),
            Self::HostKeyChanged => ("handshake", "host-key-changed", Some(4409)),
            Self::WrongPassword => ("login", "login-failed", Some(4401)),
            Self::ChannelRefused | Self::TerminalRefused => ("shell", "start-refused", Some(4503)),
            Self::RemoteExit | Self::RemoteKilled => ("relay", "exit", Some(1000)),
            Self::ClientCloses => ("relay", "client-closed", Some(1000)),
            Self::ClientResets => ("relay", "client-gone", None),
            Self::ClientVanishes => ("relay", "no-pong", None),
            Self::Idle => ("relay", "idle", Some(4410)),
            Self::Killed => ("relay", "killed", Some(4412)),
            Self::Panic => ("relay", "internal", Some(1011)),
        }
    }
}

/// Servers that the clients need.
pub(crate) struct Targets {
    pub(crate) shell: ScriptedSsh,
    password: ScriptedSsh,
    no_channel: ScriptedSsh,
    no_terminal: ScriptedSsh,
    changed: ScriptedSsh,
    hostile: HostileServer,
    junk: HostileServer,
    closed: SocketAddr,
    sshd: Sshd,
    key: KeyPair,
    user: &'static str,
}

impl Targets {
    pub(crate) fn start(account: &Account) -> Self {
        let key = KeyPair::generate(&["-t", "ed25519"], "");
        let sshd = Sshd::start();
        sshd.authorise(&key);
        Self {
            shell: ScriptedSsh::start(SshScript::default()),
            password: ScriptedSsh::start(SshScript::login(Login::Password("right"))),
            no_channel: ScriptedSsh::start(SshScript::start(Start::RefuseChannel)),
            no_terminal: ScriptedSsh::start(SshScript::start(Start::RefuseTerminal)),
            changed: ScriptedSsh::start(SshScript::default()),
            hostile: HostileServer::start(Script::BannerThenJunk),
            junk: HostileServer::start(Script::Junk),
            closed: closed_port(),
            sshd,
            key,
            user: account.user,
        }
    }

    /// `targets.allow`.
    pub(crate) fn allow(&self) -> String {
        let scripted = self.scripted().map(ScriptedSsh::addr).into_iter();
        let hostile = [&self.hostile, &self.junk].map(HostileServer::addr);
        let addresses = scripted
            .chain(hostile)
            .chain([self.closed, self.sshd.addr()]);
        let addresses: Vec<String> = addresses.map(|address| address.to_string()).collect();
        format!("targets.allow={}", addresses.join(","))
    }

    fn scripted(&self) -> [&ScriptedSsh; 5] {
        [
            &self.shell,
            &self.password,
            &self.no_channel,
            &self.no_terminal,
            &self.changed,
        ]
    }

    /// Records another key for the server whose key is to have changed.
    pub(crate) fn known_hosts(&self) -> String {
        let address = self.changed.addr();
        let key = self.key.public_line();
        format!("[{}]:{} {key}\n", address.ip(), address.port())
    }

    /// Closes the servers' ends of connections that are over, so that only the bridge's descriptors
    /// are counted.
    pub(crate) fn close_servers_ends(&self) {
        for ssh in self.scripted() {
            ssh.break_connections();
        }
        for hostile in [&self.hostile, &self.junk] {
            hostile.break_connections();
        }
    }

    fn address(&self, kind: EndKind) -> SocketAddr {
        match kind {
            EndKind::WrongPassword => self.password.addr(),
            EndKind::ChannelRefused => self.no_channel.addr(),
            EndKind::TerminalRefused => self.no_terminal.addr(),
            EndKind::HostKeyChanged => self.changed.addr(),
            EndKind::KeyExchangeFails => self.hostile.addr(),
            EndKind::JunkBanner => self.junk.addr(),
            EndKind::ConnectRefused => self.closed,
            EndKind::RemoteExit | EndKind::RemoteKilled => self.sshd.addr(),
            _ => self.shell.addr(),
        }
    }

    fn path(&self, kind: EndKind) -> String {
        match kind {
            EndKind::TargetRefused => "/ws/192.0.2.1/22".to_owned(),
            EndKind::NameNotFound => "/ws/gone".to_owned(),
            _ => crate::common::fixture::path_to(self.address(kind)),
        }
    }

    fn auth(&self, kind: EndKind) -> Value {
        match kind {
            EndKind::WrongPassword => json!({ "username": "u", "password": "wrong" }),
            EndKind::RemoteExit | EndKind::RemoteKilled => {
                let command = match kind {
                    EndKind::RemoteExit => "exit 3",
                    _ => "kill -KILL $$",
                };
                json!({
                    "username": self.user,
                    "private_key": self.key.private_pem(),
                    "command": command,
                })
            }
            _ => json!({ "username": "u" }),
        }
    }

    /// Runs a session to this end, with these fields of `auth` where the kind needs no others.
    /// Returns a client that must stay connected until the bridge notices.
    pub(crate) fn run_to_end(
        &self,
        kind: EndKind,
        fields: &Value,
        bridge: SocketAddr,
        admin: &Admin,
    ) -> Option<Client> {
        let mut auth = fields.clone();
        for (name, value) in self.auth(kind).as_object().unwrap() {
            let given = name == "password" && !auth[name].is_null();
            if !given {
                auth[name] = value.clone();
            }
        }
        let mut client = Client::connect(bridge, &self.path(kind), &Options::v1());
        if kind == EndKind::BadMessage {
            client.wait_type("hello");
            client.send_text(&format!("not an object {auth}"));
        } else {
            client.auth_v1(&auth);
        }
        match kind {
            EndKind::ClientCloses => {
                client.wait_type("ready");
                client.send_json(&json!({ "type": "close" }));
            }
            EndKind::ClientResets => {
                client.wait_type("ready");
                let socket = socket2::SockRef::from(client.tcp());
                socket.set_linger(Some(Duration::ZERO)).unwrap();
                return None;
            }
            EndKind::ClientVanishes => {
                client.wait_type("ready");
                return Some(client);
            }
            EndKind::Killed => {
                let ready = client.wait_type("ready");
                let id = ready["session"].as_str().unwrap();
                let told = admin.delete(&format!("/api/v1/sessions/{id}"));
                assert_eq!(told.status, 202, "{told:?}");
            }
            EndKind::Panic => {
                client.wait_type("ready");
                client.send_binary(&[0; POISON]);
            }
            _ => {}
        }
        let (code, reason) = client.until_close();
        let expected = kind.counted().2;
        assert_eq!(Some(code), expected, "{kind:?}: {reason}");
        None
    }
}
