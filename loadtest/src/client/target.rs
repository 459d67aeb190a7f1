//! Target of sessions: loopback unless told otherwise, so that no load reaches other machines by
//! accident.

use serde_json::{Value, json};
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::str::FromStr;
use std::time::Duration;
use tokio::net::{TcpSocket, TcpStream};

/// Sessions per source address; below the kernel's range of ports (28,232 by default).
const SESSIONS_PER_SOURCE: usize = 20_000;

/// Protocol dialect.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize, clap::ValueEnum)]
#[serde(rename_all = "lowercase")]
pub enum Dialect {
    /// `sshard.v1`.
    V1,
    /// No subprotocol.
    Compatible,
}

/// Address of a bridge and a path, from `ws://ADDRESS:PORT/PATH`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Url {
    /// Address of the bridge.
    pub bridge: SocketAddr,
    /// `/ws/HOST/PORT` or `/ws/NAME`.
    pub path: String,
}

impl FromStr for Url {
    type Err = BadUrl;

    fn from_str(url: &str) -> Result<Self, BadUrl> {
        let rest = url.strip_prefix("ws://").ok_or(BadUrl::Scheme)?;
        let (authority, path) = rest.split_at(rest.find('/').ok_or(BadUrl::Path)?);
        let authority = authority.replacen("localhost:", "127.0.0.1:", 1);
        Ok(Self {
            bridge: authority.parse().map_err(|_| BadUrl::Address)?,
            path: path.to_owned(),
        })
    }
}

/// Bridge and credentials of sessions, also flags on the command line.
#[derive(Clone, clap::Args)]
pub struct Target {
    /// The bridge: ws://ADDRESS:PORT/ws/HOST/PORT or .../ws/NAME
    #[arg(long)]
    pub url: Url,
    /// Allow a bridge that is not on loopback
    #[arg(long)]
    pub anywhere: bool,
    /// Protocol dialect
    #[arg(long, value_enum, default_value = "v1")]
    pub dialect: Dialect,
    /// SSH user; by default the sink's that fits the scenario
    #[arg(long)]
    pub user: Option<String>,
    /// SSH password. Others on this machine can see it
    #[arg(long, default_value = "load")]
    pub password: String,
    /// SSH private key, a file without a passphrase, in place of the password (dialect v1)
    #[arg(long, value_parser = |file: &str| std::fs::read_to_string(file))]
    pub private_key: Option<String>,
    /// Command in place of the login shell (dialect v1)
    #[arg(long)]
    pub command: Option<String>,
    /// Acknowledge output, with this window in bytes (dialect v1)
    #[arg(long)]
    pub flow_window: Option<u64>,
    /// SO_RCVBUF of each session, bytes
    #[arg(long)]
    pub receive_buffer: Option<u32>,
    /// Uses the read buffer for bulk output.
    #[arg(skip)]
    pub bulk: bool,
    /// Deadline of a connection, from TCP to ready
    #[arg(long, default_value = "30s", value_parser = humantime::parse_duration)]
    pub deadline: Duration,
}

impl Target {
    /// Target at `url` with the sink behind it.
    #[must_use]
    pub fn new(url: Url) -> Self {
        Self {
            url,
            anywhere: false,
            dialect: Dialect::V1,
            user: None,
            password: "load".to_owned(),
            private_key: None,
            command: None,
            flow_window: None,
            receive_buffer: None,
            bulk: false,
            deadline: Duration::from_secs(30),
        }
    }

    /// Checks that the bridge is on loopback, unless any address is allowed.
    ///
    /// # Errors
    /// When it is not.
    pub fn check(&self) -> Result<(), BadUrl> {
        match self.anywhere || self.url.bridge.ip().is_loopback() {
            true => Ok(()),
            false => Err(BadUrl::NotLoopback),
        }
    }

    /// Source address of session `index`, where one address has too few ports.
    pub(super) fn source(&self, index: usize) -> Option<IpAddr> {
        let number = u8::try_from(index / SESSIONS_PER_SOURCE).unwrap_or(u8::MAX);
        let v4 = self.url.bridge.ip().is_loopback() && self.url.bridge.is_ipv4();
        (v4 && number > 0).then(|| IpAddr::from([127, 0, 1, number]))
    }

    pub(super) fn auth(&self) -> Value {
        match self.dialect {
            // Null counts as absent.
            Dialect::V1 => json!({
                "type": "auth",
                "username": self.user,
                "password": self.private_key.is_none().then_some(&self.password),
                "private_key": self.private_key,
                "command": self.command,
                "flow_window": self.flow_window,
            }),
            Dialect::Compatible => json!({ "username": self.user, "password": self.password }),
        }
    }
}

/// Reason for refusing a URL.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum BadUrl {
    /// Not `ws://`.
    #[error("the URL has to start with ws://")]
    Scheme,
    /// No path.
    #[error("the URL has to name a target: ws://ADDRESS:PORT/ws/HOST/PORT")]
    Path,
    /// A name, or no port.
    #[error("the URL needs an IP address and a port: names are not looked up")]
    Address,
    /// Not a loopback address, and `anywhere` is off.
    #[error("the URL is not a loopback address; --anywhere allows it")]
    NotLoopback,
}

/// Connects session `index`.
pub(super) async fn connect(target: &Target, index: usize) -> io::Result<TcpStream> {
    let socket = match target.url.bridge {
        SocketAddr::V4(_) => TcpSocket::new_v4()?,
        SocketAddr::V6(_) => TcpSocket::new_v6()?,
    };
    if let Some(source) = target.source(index) {
        socket.bind(SocketAddr::new(source, 0))?;
    }
    if let Some(bytes) = target.receive_buffer {
        // Before connecting, which negotiates the window scale.
        socket.set_recv_buffer_size(bytes)?;
    }
    let stream = socket.connect(target.url.bridge).await?;
    stream.set_nodelay(true)?;
    Ok(stream)
}
