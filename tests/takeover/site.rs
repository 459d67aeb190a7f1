//! Helpers: generations of a bridge that hand their listeners over, and the SSH server they reach.

use crate::common::fixture::path_to;
use crate::common::{Bridge, Client, Options, ScriptedSsh, SshScript};
use serde_json::json;
use std::fs;
use std::net::SocketAddr;
use std::path::PathBuf;

pub(crate) struct Site {
    pub(crate) ssh: ScriptedSsh,
    directory: tempfile::TempDir,
}

impl Site {
    pub(crate) fn new() -> Self {
        Self {
            ssh: ScriptedSsh::start(SshScript::default()),
            directory: tempfile::tempdir().unwrap(),
        }
    }

    /// Path of `server.takeover`.
    pub(crate) fn socket(&self) -> PathBuf {
        self.directory.path().join("takeover")
    }

    /// Returns the sockets beside the path, one per generation.
    pub(crate) fn own_sockets(&self) -> Vec<PathBuf> {
        let files = fs::read_dir(self.directory.path()).unwrap();
        let paths = files.map(|file| file.unwrap().path());
        paths.filter(|path| *path != self.socket()).collect()
    }

    /// Makes the arguments of `serve` for every generation, with these.
    pub(crate) fn args(&self, more: &[&str]) -> Vec<String> {
        let target = self.ssh.addr().to_string();
        let socket = self.socket().display().to_string();
        let mut args = vec!["serve", "--listen", "127.0.0.1:0", "--allow", &target];
        args.extend(["--takeover", &socket]);
        for setting in [
            "ssh.host_key_policy=off",
            "limits.max_connections_per_host=1000",
        ] {
            args.extend(["--set", setting]);
        }
        args.extend(more);
        args.into_iter().map(str::to_owned).collect()
    }

    /// Starts the next generation; it has taken over when this returns.
    pub(crate) fn generation(&self, more: &[&str]) -> Bridge {
        let args = self.args(more);
        let args: Vec<&str> = args.iter().map(String::as_str).collect();
        Bridge::command(&args, &[])
    }

    /// Connects an `sshard.v1` client and waits for its shell.
    pub(crate) fn ready(&self, bridge: SocketAddr) -> Client {
        let mut client = Client::connect(bridge, &path_to(self.ssh.addr()), &Options::v1());
        client.auth_v1(&json!({ "username": "u" }));
        client.wait_type("ready");
        client
    }

    /// Checks that input of the client reaches the server.
    pub(crate) fn works(&self, client: &mut Client) {
        let before = self.ssh.input().len();
        client.send_binary(b"typed");
        self.ssh.wait_input(before + 5);
    }
}
