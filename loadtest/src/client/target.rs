//! Target of sessions: loopback unless told otherwise, so that no load reaches other machines by
//! accident.

use serde_json::{Value, json};
use std::io;
use std::net::{IpAddr, SocketAddr};
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

/// Bridge, path and credentials of sessions.
#[derive(Clone)]
pub struct Target {
    /// Address of the bridge.
    pub bridge: SocketAddr,
    /// `/ws/HOST/PORT` or `/ws/NAME`.
    pub path: String,
    /// Protocol dialect.
    pub dialect: Dialect,
    /// SSH user; with the sink it selects the mode.
    pub user: String,
    /// SSH password.
    pub password: String,
    /// The text of a private key without a passphrase, in place of the password; `sshard.v1` only.
    pub private_key: Option<String>,
    /// Command in place of the login shell; `sshard.v1` only.
    pub command: Option<String>,
    /// Window of output acknowledgements; `sshard.v1` only.
    pub flow_window: Option<u64>,
    /// SO_RCVBUF in bytes; None keeps the system's default.
    pub receive_buffer: Option<u32>,
    /// Uses the read buffer for bulk output.
    pub bulk: bool,
    /// Tells that the session echoes, so that the compatible dialect can probe for `ready`.
    pub echoes: bool,
    /// Deadline from the TCP connection to `ready`.
    pub deadline: Duration,
}

impl Target {
    /// Target at `url` (`ws://ADDRESS:PORT/PATH`) with the sink's echo behind it.
    ///
    /// # Errors
    /// When `url` has another form, or is not on loopback and `anywhere` is off.
    pub fn new(url: &str, anywhere: bool) -> Result<Self, BadUrl> {
        let rest = url.strip_prefix("ws://").ok_or(BadUrl::Scheme)?;
        let (authority, path) = match rest.find('/') {
            Some(at) => rest.split_at(at),
            None => return Err(BadUrl::Path),
        };
        let authority = authority.replacen("localhost:", "127.0.0.1:", 1);
        let bridge: SocketAddr = authority.parse().map_err(|_| BadUrl::Address)?;
        if !anywhere && !bridge.ip().is_loopback() {
            return Err(BadUrl::NotLoopback);
        }
        Ok(Self {
            bridge,
            path: path.to_owned(),
            dialect: Dialect::V1,
            user: "echo".to_owned(),
            password: "load".to_owned(),
            private_key: None,
            command: None,
            flow_window: None,
            receive_buffer: None,
            bulk: false,
            echoes: true,
            deadline: Duration::from_secs(30),
        })
    }

    /// Source address of session `index`, where one address has too few ports.
    pub(super) fn source(&self, index: usize) -> Option<IpAddr> {
        let number = u8::try_from(index / SESSIONS_PER_SOURCE).unwrap_or(u8::MAX);
        let v4 = self.bridge.ip().is_loopback() && self.bridge.is_ipv4();
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
    let socket = match target.bridge {
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
    let stream = socket.connect(target.bridge).await?;
    stream.set_nodelay(true)?;
    Ok(stream)
}
