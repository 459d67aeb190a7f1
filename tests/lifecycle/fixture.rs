//! Helpers: a bridge with a configuration file that a test can change, and the servers it may
//! reach.

use crate::common::fixture::path_to;
use crate::common::{Admin, Bridge, Client, Options, ScriptedSsh, SshScript, wait_until};
use rustix::process::Signal;
use serde_json::json;
use std::fs;
use std::sync::Mutex;

/// Lock of tests that need the machine for themselves: many logins, and a promise in seconds.
pub(crate) static MACHINE: Mutex<()> = Mutex::new(());

pub(crate) struct ConfigFixture {
    pub(crate) bridge: Bridge,
    pub(crate) admin: Admin,
    pub(crate) ssh: ScriptedSsh,
    directory: tempfile::TempDir,
}

/// Trigger of a reload.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum ReloadTrigger {
    Signal,
    Request,
}

impl ConfigFixture {
    /// Starts a bridge. `settings` is TOML; `ALLOW` in it stands for the address of the SSH server.
    pub(crate) fn new(settings: &str) -> Self {
        let ssh = ScriptedSsh::start(SshScript::default());
        let directory = tempfile::tempdir().unwrap();
        let file = directory.path().join("sshard.toml");
        fs::write(&file, with_address(settings, &ssh)).unwrap();
        let file = file.display().to_string();
        let bridge = Bridge::start(&["--shards", "2", "--config", &file], &[]);
        Self {
            admin: Admin::of(&bridge),
            bridge,
            ssh,
            directory,
        }
    }

    pub(crate) fn write(&self, settings: &str) {
        let text = with_address(settings, &self.ssh);
        fs::write(self.directory.path().join("sshard.toml"), text).unwrap();
    }

    /// Reloads with these settings; returns when they are in force.
    pub(crate) fn reload(&self, settings: &str, trigger: ReloadTrigger) {
        let before = self.reloads("applied");
        self.write(settings);
        match trigger {
            ReloadTrigger::Request => {
                let answer = self.admin.post("/api/v1/reload");
                assert_eq!(answer.status, 200, "{answer:?}");
            }
            ReloadTrigger::Signal => {
                self.bridge.signal(Signal::HUP);
                wait_until("not reloaded", || self.reloads("applied") > before);
            }
        }
    }

    /// Returns the number of reloads with this outcome.
    pub(crate) fn reloads(&self, outcome: &str) -> u64 {
        let label = format!("outcome=\"{outcome}\"");
        self.admin.metric("sshard_reloads_total", &label)
    }

    /// Connects a client that sends nothing yet.
    pub(crate) fn connect(&self) -> Client {
        let path = path_to(self.ssh.addr());
        Client::connect(self.bridge.addr(), &path, &Options::v1())
    }

    /// Connects a client and sends `auth`.
    pub(crate) fn auth(&self) -> Client {
        let mut client = self.connect();
        client.auth_v1(&json!({ "username": "u" }));
        client
    }

    pub(crate) fn ready(&self) -> Client {
        let mut client = self.auth();
        client.wait_type("ready");
        client
    }

    /// Checks that a new session is refused with this code.
    pub(crate) fn refuses(&self, code: &str, close: u16) {
        let mut client = self.auth();
        assert_eq!(client.wait_type("error")["code"], code);
        assert_eq!(client.until_close().0, close);
    }

    /// Checks that input of the client reaches the server.
    pub(crate) fn works(&self, client: &mut Client) {
        let before = self.ssh.input().len();
        client.send_binary(b"typed");
        self.ssh.wait_input(before + 5);
    }
}

fn with_address(settings: &str, ssh: &ScriptedSsh) -> String {
    settings.replace("ALLOW", &ssh.addr().to_string())
}
