//! Where sessions go. To loopback, unless told otherwise: load is not sent to strangers by accident.

use serde_json::{Value, json};
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::time::Duration;
use tokio::net::{TcpSocket, TcpStream};

/// Sessions from one source address; below the kernel's range of ports (28,232 by default).
const SESSIONS_PER_SOURCE: usize = 20_000;

/// What is spoken.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize, clap::ValueEnum)]
#[serde(rename_all = "lowercase")]
pub enum Dialect {
    /// `sshard.v1`.
    V1,
    /// No subprotocol.
    Compatible,
}

/// Where sessions go, and as whom.
#[derive(Clone)]
pub struct Target {
    /// The bridge.
    pub bridge: SocketAddr,
    /// `/ws/HOST/PORT` or `/ws/NAME`.
    pub path: String,
    /// What is spoken.
    pub dialect: Dialect,
    /// SSH user; of the sink, what its session does.
    pub user: String,
    /// SSH password.
    pub password: String,
    /// The text of a private key without a passphrase, in place of the password; `sshard.v1` only.
    pub private_key: Option<String>,
    /// In place of the login shell; `sshard.v1` only.
    pub command: Option<String>,
    /// Output is acknowledged, with this window; `sshard.v1` only.
    pub flow_window: Option<u64>,
    /// Bytes of SO_RCVBUF; None leaves it to the system.
    pub receive_buffer: Option<u32>,
    /// Output is expected in bulk.
    pub bulk: bool,
    /// The session echoes, so that one of the compatible dialect can ask whether it is ready.
    pub echoes: bool,
    /// From the TCP connection to `ready`.
    pub deadline: Duration,
}

impl Target {
    /// A target at `url` (`ws://ADDRESS:PORT/PATH`) with the sink's echo behind it.
    ///
    /// # Errors
    /// When `url` is of another kind, or not of loopback and `anywhere` is off.
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

    /// The address the session of this number comes from, where one has not ports enough.
    pub(super) fn source(&self, index: usize) -> Option<IpAddr> {
        let number = u8::try_from(index / SESSIONS_PER_SOURCE).unwrap_or(u8::MAX);
        let v4 = self.bridge.ip().is_loopback() && self.bridge.is_ipv4();
        (v4 && number > 0).then(|| IpAddr::from([127, 0, 1, number]))
    }

    pub(super) fn auth(&self) -> Value {
        match self.dialect {
            // Null stands for absent.
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

/// Why a URL is not taken.
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
    /// Load for others needs a word.
    #[error("the URL is not of loopback; --anywhere sends the load there all the same")]
    NotLoopback,
}

/// A connection for the session of this number.
pub(super) async fn connect(target: &Target, index: usize) -> io::Result<TcpStream> {
    let socket = match target.bridge {
        SocketAddr::V4(_) => TcpSocket::new_v4()?,
        SocketAddr::V6(_) => TcpSocket::new_v6()?,
    };
    if let Some(source) = target.source(index) {
        socket.bind(SocketAddr::new(source, 0))?;
    }
    if let Some(bytes) = target.receive_buffer {
        // Before the connection is made: the window's scale is settled then.
        socket.set_recv_buffer_size(bytes)?;
    }
    let stream = socket.connect(target.bridge).await?;
    stream.set_nodelay(true)?;
    Ok(stream)
}
