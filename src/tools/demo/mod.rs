//! `sshard demo`: the bridge and an SSH server of its own, on loopback, so that a new user has a
//! terminal in the browser with one command: their own shell, as themselves.
//!
//! No other machine can reach it: it listens on loopback, answers to no other name whatever the
//! settings are, and accepts the passwords that it prints alone. When it ends, no process of its
//! sessions is left.

mod browser;
mod leftovers;
mod program;
mod pty;
mod ssh_server;
mod text;

use super::{ToolError, announce, print_text};
use crate::cli::Demo;
use crate::config::{self, Config, HostKeyPolicy, Layers, Loaded, NamedTarget, Source};
use crate::server::Server;
use crate::telemetry;
use crate::web::has_page;
use base64ct::{Base64UrlUnpadded, Encoding as _};
use browser::BrowserError;
use program::{Program, ProgramError};
use rustix::process::{Signal, getpid, kill_process};
use ssh_server::{EmbeddedServer, USER};
use std::ffi::OsStr;
use std::io::Write;
use std::net::SocketAddr;
use std::time::Duration;
use tempfile::NamedTempFile;

/// The target's name in the demo's URLs.
const TARGET: &str = "demo";
/// Time that sessions have to end after Ctrl-C, unless it is set.
const DRAIN_TIME: Duration = Duration::from_secs(5);
/// Notice that sessions get of the end that `--for` sets, unless it is set.
const NOTICE_TIME: Duration = Duration::from_secs(30);

/// Reason why the demo could not start.
#[derive(Debug, thiserror::Error)]
pub enum DemoError {
    /// A listener could be reached from other machines.
    #[error(
        "{0} is not a loopback address, and the demo serves this machine alone; \
         use 127.0.0.1 or [::1], or `sshard serve` for other machines"
    )]
    NotLoopback(SocketAddr),
    /// The printed lines would not work.
    #[error(
        "the demo speaks plain WebSocket to whoever connects: no tls, no server.proxy_protocol"
    )]
    NotPlain,
    /// There is no shell for the sessions.
    #[error("{0}")]
    Program(#[from] ProgramError),
    /// The embedded SSH server did not start.
    #[error("the embedded SSH server: {0}")]
    Server(String),
    /// The host key could not be written to a file.
    #[error("cannot write the host key to a temporary file: {0}")]
    KnownHosts(#[from] std::io::Error),
}

impl DemoError {
    /// Returns whether to change the configuration would help.
    pub fn is_configuration(&self) -> bool {
        matches!(self, Self::NotLoopback(_) | Self::NotPlain)
    }
}

/// Runs both servers until a signal, or as long as `--for` says.
///
/// # Errors
/// [`ToolError`].
pub fn run(layers: &Layers, flags: &Demo) -> Result<(), ToolError> {
    let parsed = config::parse(layers)?;
    // First: what makes such an address consistent, TLS or plain text for everyone, is of no use
    // here.
    let Config { server, admin, .. } = &*parsed.loaded.config;
    let mut listen = server.listen.iter().chain(&admin.listen);
    if let Some(open) = listen.find(|a| !a.ip().to_canonical().is_loopback()) {
        return Err(DemoError::NotLoopback(*open).into());
    }
    let loaded = &parsed.consistent()?;
    let Config { server, tls, .. } = &*loaded.config;
    if tls.cert_file.is_some() || !server.proxy_protocol.is_empty() {
        return Err(DemoError::NotPlain.into());
    }
    let mut program = Program::choose(flags.shell.as_deref(), config::whole_environment())
        .map_err(DemoError::from)?;
    let id = random_id()?;
    program.env.insert(leftovers::MARK.into(), (&id).into());
    let _log = telemetry::start_logging(&loaded.config.log);
    let ended = serve(loaded, flags, program);
    leftovers::end(&id);
    ended
}

/// Serves until the end; when it returns, the shells have got SIGHUP.
fn serve(loaded: &Loaded, flags: &Demo, program: Program) -> Result<(), ToolError> {
    let ssh = EmbeddedServer::start(program.clone())
        .map_err(|error| DemoError::Server(error.to_string()))?;
    let known_hosts = known_hosts_file(&ssh)?;
    let config = config_for(loaded, flags.lifetime, &ssh, &known_hosts);
    let notice = config.server.drain_timeout;
    let server = Server::start(loaded.with(config), false)?;
    announce(&server)?;
    let Some(address) = server.addresses.first() else {
        return server.run().map_err(ToolError::ShardDied);
    };
    let access = Access::of(*address, loaded, &ssh);
    print_text(text::how_to_connect(&access, &program, flags.lifetime))?;
    if let Some(lifetime) = flags.lifetime {
        ssh.spawn(async move {
            tokio::time::sleep(lifetime.saturating_sub(notice)).await;
            // As if it were stopped by hand: a second one, or Ctrl-C before it, ends at once.
            if let Err(error) = kill_process(getpid(), Signal::TERM) {
                tracing::error!(%error, "the demo's time is over, and it cannot end by itself; press Ctrl-C");
            }
        });
    }
    if flags.open {
        open_link(&access, &program, &ssh);
    }
    server.run().map_err(ToolError::ShardDied)
}

/// Address and login of the demo.
struct Access {
    /// Address and path prefix of the bridge.
    address: SocketAddr,
    prefix: String,
    password: String,
    /// Link that logs in once; `None` where there is no page.
    link: Option<String>,
}

impl Access {
    fn of(address: SocketAddr, loaded: &Loaded, ssh: &EmbeddedServer) -> Self {
        let prefix = loaded.config.server.path_prefix.as_str().to_owned();
        let once = ssh.link_password();
        // A fragment is not sent to the server, and the page takes it out of the address bar.
        let login = serde_json::json!({ "target": TARGET, "username": USER, "password": once });
        let login = Base64UrlUnpadded::encode_string(login.to_string().as_bytes());
        let page = loaded.config.web.enabled && has_page();
        Self {
            link: page.then(|| format!("http://{address}{prefix}/#login={login}")),
            password: ssh.password().to_owned(),
            address,
            prefix,
        }
    }
}

/// Opens the link, or logs why not: the demo goes on either way, and does not wait.
fn open_link(access: &Access, program: &Program, ssh: &EmbeddedServer) {
    let Some(link) = &access.link else {
        tracing::warn!("--open: there is no page in the browser to open");
        return;
    };
    let browser = config::whole_environment()
        .find(|(name, value)| name == OsStr::new("BROWSER") && !value.is_empty())
        .map(|(_, value)| value);
    let opened = browser::lead_to(link, &program.home).and_then(|file| {
        let path = file.path().to_owned();
        // The file is removed when the link is of no more use.
        let over = ssh.link_over();
        ssh.spawn(async move {
            over.await;
            drop(file);
        });
        // On some desktops xdg-open runs as long as the browser.
        let open = move || log_failure(browser::open(&path, browser.as_deref()));
        let thread = std::thread::Builder::new().name("sshard-browser".to_owned());
        thread.spawn(open).map(drop).map_err(BrowserError::Thread)
    });
    log_failure(opened);
}

fn log_failure(opened: Result<(), BrowserError>) {
    if let Err(error) = opened {
        tracing::warn!(%error, "--open: no browser could be opened; open the printed link yourself");
    }
}

/// Returns the settings of the operator, changed for the demo.
fn config_for(
    loaded: &Loaded,
    lifetime: Option<Duration>,
    ssh: &EmbeddedServer,
    known_hosts: &NamedTempFile,
) -> Config {
    let mut config = Config::clone(&loaded.config);
    let address = ssh.server.address;
    config.targets.allow = vec![address.to_string()];
    config.targets.named = vec![NamedTarget::short(&format!("{TARGET}={address}"))];
    config.ssh.host_key_policy = HostKeyPolicy::Strict;
    config.ssh.known_hosts = known_hosts.path().to_path_buf();
    // A page that resolves a name of its own to loopback is untrusted, and so is every other page.
    config.server.public_hosts.clear();
    config.server.allowed_origins.clear();
    config.web.embed_origins.clear();
    config.admin.allowed_hosts.clear();
    config.web.show_targets = true;
    if matches!(loaded.source("server.drain_timeout"), Source::Default) {
        // An end that is due comes when it is due: the notice is part of the time.
        let notice = lifetime.map(|lifetime| NOTICE_TIME.min(lifetime / 2));
        config.server.drain_timeout = notice.unwrap_or(DRAIN_TIME);
    }
    config
}

/// Writes the host key to a known_hosts file: the demo checks it like any other.
fn known_hosts_file(ssh: &EmbeddedServer) -> Result<NamedTempFile, DemoError> {
    let line = ssh.known_hosts();
    let line = line.map_err(|error| DemoError::Server(error.to_string()))?;
    let mut file = NamedTempFile::new()?;
    writeln!(file, "{line}")?;
    Ok(file)
}

/// Returns a name for this demo that no other has.
fn random_id() -> Result<String, DemoError> {
    let mut bytes = [0; 8];
    getrandom::fill(&mut bytes).map_err(|error| DemoError::Server(error.to_string()))?;
    Ok(format!("{:016x}", u64::from_be_bytes(bytes)))
}
