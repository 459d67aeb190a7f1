//! `sshard demo`: the bridge and an SSH server of its own, on loopback, so
//! that a new user has a terminal with one command.

mod line_editor;
mod pty;
mod shell;
mod ssh_server;

use super::{ToolError, announce, say};
use crate::config::{Config, HostKeyPolicy, Loaded, NamedTarget};
use crate::server::Server;
use crate::telemetry;
use base64ct::{Base64UrlUnpadded, Encoding as _};
use ssh_server::{EmbeddedServer, ServerOptions};
use std::io::Write;
use std::net::SocketAddr;

/// The target's name in the demo's URLs.
const TARGET: &str = "demo";

/// Why the demo could not start.
#[derive(Debug, thiserror::Error)]
pub enum DemoError {
    /// The demo's password is on the screen; nobody else may try it.
    #[error("{0} is not a loopback address; the demo is for this machine only")]
    NotLoopback(SocketAddr),
    /// Its printed lines would not work.
    #[error(
        "the demo speaks plain WebSocket to whoever connects: no tls, no server.proxy_protocol"
    )]
    NotPlain,
    /// The embedded SSH server.
    #[error("the embedded SSH server: {0}")]
    Server(String),
    /// Its host key could not be written down.
    #[error("cannot write the host key to a temporary file: {0}")]
    KnownHosts(#[from] std::io::Error),
}

impl DemoError {
    /// Returns whether to change the configuration would help.
    pub fn is_configuration(&self) -> bool {
        matches!(self, Self::NotLoopback(_) | Self::NotPlain)
    }
}

/// Runs both servers until a signal. With `own_shell` the terminal is the
/// user's login shell instead of the built-in one.
///
/// # Errors
/// [`ToolError`].
pub fn run(loaded: &Loaded, own_shell: bool) -> Result<(), ToolError> {
    let listen = &loaded.config.server.listen;
    if let Some(open) = listen.iter().find(|a| !a.ip().to_canonical().is_loopback()) {
        return Err(DemoError::NotLoopback(*open).into());
    }
    let Config { server, tls, .. } = &*loaded.config;
    if tls.cert_file.is_some() || !server.proxy_protocol.is_empty() {
        return Err(DemoError::NotPlain.into());
    }
    let _log = telemetry::start_logging(&loaded.config.log);
    let shell = own_shell.then(crate::config::login_shell);
    let ssh = EmbeddedServer::start(ServerOptions { shell })
        .map_err(|error| DemoError::Server(error.to_string()))?;
    let known_hosts = known_hosts_file(&ssh)?;
    let config = Config {
        targets: crate::config::Targets {
            allow: vec![ssh.address().to_string()],
            named: [NamedTarget::short(&format!("{TARGET}={}", ssh.address()))]
                .into_iter()
                .collect(),
            ..loaded.config.targets.clone()
        },
        ssh: crate::config::Ssh {
            host_key_policy: HostKeyPolicy::Strict,
            known_hosts: known_hosts.path().to_path_buf(),
            ..loaded.config.ssh.clone()
        },
        ..Config::clone(&loaded.config)
    };
    let server = Server::start(loaded.with(config), false)?;
    announce(&server)?;
    if let Some(address) = server.addresses().first() {
        say(how_to_connect(*address, loaded, &ssh))?;
    }
    server.run().map_err(ToolError::ShardDied)
}

/// The demo checks its host key like any other: by a known_hosts file.
fn known_hosts_file(ssh: &EmbeddedServer) -> Result<tempfile::NamedTempFile, DemoError> {
    let key = ssh
        .host_key()
        .to_openssh()
        .map_err(|error| DemoError::Server(error.to_string()))?;
    let address = ssh.address();
    let line = format!("[{}]:{} {key}\n", address.ip(), address.port());
    let mut file = tempfile::NamedTempFile::new()?;
    file.write_all(line.as_bytes())?;
    Ok(file)
}

fn how_to_connect(address: SocketAddr, loaded: &Loaded, ssh: &EmbeddedServer) -> String {
    let prefix = loaded.config.server.path_prefix.as_str();
    let url = format!("ws://{address}{prefix}/ws/{TARGET}");
    let (user, password) = (ssh.user(), ssh.password());
    let credentials = format!(r#"{{"username":"{user}","password":"{password}"}}"#);
    // A fragment is not sent to the server, and the page takes it out of the address bar.
    let login = serde_json::json!({ "target": TARGET, "username": user, "password": password });
    let login = Base64UrlUnpadded::encode_string(login.to_string().as_bytes());
    let page = format!("http://{address}{prefix}/#login={login}");
    format!(
        "\n\
         In a browser       {page}\n\
         A terminal is at   {url}\n\
         user               {user}\n\
         password           {password}\n\
         \n\
         With websocat, in another terminal (`exit` and one more key end it):\n\
         \n\
         stty raw -echo; (printf '%s' '{credentials}'; cat) | websocat -bE {url}; stty sane\n\
         \n\
         Ctrl-C here stops the demo.\n"
    )
}
