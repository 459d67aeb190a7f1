//! A bridge that speaks TLS to its clients, and one scripted SSH server behind it.

use crate::common::fixture::{bridge_to, path_to};
use crate::common::tls::{self, Files, Pair};
use crate::common::{Bridge, Client, Options, ScriptedSsh, SshScript};
use futures_rustls::rustls::ClientConfig;
use std::process::{Command, Output, Stdio};
use std::sync::Arc;

pub(crate) struct TlsFixture {
    pub(crate) bridge: Bridge,
    pub(crate) ssh: ScriptedSsh,
    pub(crate) files: Files,
    /// Pair that it started with.
    pub(crate) pair: Pair,
    /// Client configuration that trusts that pair.
    pub(crate) trust: Arc<ClientConfig>,
}

impl TlsFixture {
    /// `settings` as for `--set`.
    pub(crate) fn new(settings: &[&str]) -> Self {
        Self::with(Pair::new(), settings)
    }

    pub(crate) fn with(pair: Pair, settings: &[&str]) -> Self {
        let ssh = ScriptedSsh::start(SshScript::default());
        let files = Files::new(&pair);
        let [cert, key] = files.settings();
        let mut all = vec![cert.as_str(), key.as_str()];
        all.push("limits.max_connections_per_host=1000");
        all.extend(settings);
        Self {
            bridge: bridge_to(&[ssh.addr()], &all),
            trust: tls::trusting(&[&pair]),
            ssh,
            files,
            pair,
        }
    }

    pub(crate) fn path(&self) -> String {
        path_to(self.ssh.addr())
    }

    pub(crate) fn options(&self) -> Options {
        Options::v1().tls(&self.trust)
    }

    pub(crate) fn connect(&self, options: &Options) -> Client {
        Client::connect(self.bridge.addr(), &self.path(), options)
    }

    /// A client with a running shell.
    pub(crate) fn ready(&self, options: &Options) -> Client {
        let mut client = self.connect(options);
        client.login_v1("u", "p");
        client
    }

    /// `openssl s_client` to the bridge, whose standard input is empty.
    pub(crate) fn openssl(&self, args: &[&str]) -> Output {
        let addr = self.bridge.addr().to_string();
        Command::new("openssl")
            .args(["s_client", "-connect", &addr])
            .args(args)
            .stdin(Stdio::null())
            .output()
            .expect("openssl starts; run tests/setup.sh first")
    }
}
