//! Helpers: generations of a bridge that hand their listeners over, and the SSH server they reach.

use crate::common::fixture::ready_at;
use crate::common::{Bridge, Client, ScriptedSsh, SshScript, words};
use std::fs;
use std::net::SocketAddr;
use std::path::PathBuf;

pub(crate) struct TakeoverFixture {
    pub(crate) ssh: ScriptedSsh,
    directory: tempfile::TempDir,
}

impl TakeoverFixture {
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

    /// Makes the command line of `serve` for every generation, with these arguments.
    pub(crate) fn line(&self, more: &str) -> String {
        let (target, socket) = (self.ssh.addr(), self.socket());
        format!(
            "serve --listen 127.0.0.1:0 --allow {target} --takeover {} \
             --set ssh.host_key_policy=off --set limits.max_connections_per_host=1000 {more}",
            socket.display()
        )
    }

    /// Starts the next generation; it has taken over when this returns.
    pub(crate) fn generation(&self, more: &str) -> Bridge {
        Bridge::command(&words(&self.line(more)), &[])
    }

    /// Connects an `sshard.v1` client and waits for its shell.
    pub(crate) fn ready(&self, bridge: SocketAddr) -> Client {
        ready_at(bridge, self.ssh.addr())
    }

    /// Checks that input of the client reaches the server.
    pub(crate) fn works(&self, client: &mut Client) {
        let before = self.ssh.input().len();
        client.send_binary(b"typed");
        self.ssh.wait_input(before + 5);
    }
}
