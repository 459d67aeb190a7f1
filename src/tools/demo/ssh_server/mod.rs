//! The SSH server inside `sshard demo`: on loopback, with one user whose passwords are made at the
//! start, and a program of the user who started the demo behind each login. Starts no bridge and
//! prints nothing.
//!
//! Runs on a thread with a small tokio runtime of its own; nothing of it touches a shard. No key
//! login, no forwarding, no subsystems.

mod handler;
mod inbox;
mod login;
mod relay;
mod signals;
#[cfg(test)]
mod tests;

pub(crate) use login::{LINK_LIFE, USER};

use super::program::Program;
use handler::Connection;
use login::Login;
use russh::keys::{Algorithm, PrivateKey};
use russh::server::Config;
use russh::{MethodKind, Preferred, SshId, cipher, compression, kex, mac};
use sshard_ssh_server::{Accepted, Options, Server, host_key, listen};
use std::borrow::Cow;
use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::sync::mpsc::sync_channel;
use std::time::Duration;
use thiserror::Error;
use tokio::net::TcpStream;
use tokio::sync::watch;
use tracing::warn;
use zeroize::Zeroizing;

/// Most connections at a time; further ones wait.
const MAX_CONNECTIONS: usize = 64;
/// Connections that wait to be accepted.
const BACKLOG: i32 = 64;
/// Longest time from the connection to the end of the login.
const AUTH_TIMEOUT: Duration = Duration::from_secs(30);
/// Delay of the answer to a wrong password.
const REJECTION_TIME: Duration = Duration::from_millis(300);
/// Window for a client's input, in bytes.
const WINDOW: u32 = 256 * 1024;
/// Longest wait for the programs to end when the server stops; each is killed before.
const STOP_TIMEOUT: Duration = Duration::from_secs(3);

/// Reason why the server did not start.
#[derive(Debug, Error)]
pub(crate) enum EmbeddedServerError {
    /// No port, no runtime or no thread.
    #[error("the embedded SSH server cannot be started: {0}")]
    Io(#[from] io::Error),
    /// No password and no key can be made.
    #[error("the system gives no random bytes: {0}")]
    Randomness(#[from] getrandom::Error),
}

/// State that the connections share.
struct Sessions {
    login: Login,
    program: Program,
    /// Set when all programs are to end; each has a receiver for as long as it runs.
    stop: watch::Sender<bool>,
}

impl Sessions {
    /// A program outlives its connection until SIGHUP or SIGKILL has ended it.
    #[expect(
        clippy::disallowed_methods,
        reason = "no shard comes here: it is a task of the demo's own runtime"
    )]
    fn spawn(&self, program: impl Future<Output = ()> + Send + 'static) {
        tokio::spawn(program);
    }
}

/// Running server; Drop ends its connections, their programs and its thread.
pub(crate) struct EmbeddedServer {
    /// Listens on 127.0.0.1, at a port that was free.
    pub(crate) server: Server,
    sessions: Arc<Sessions>,
}

impl EmbeddedServer {
    /// Starts a server on a free port of 127.0.0.1. Clients can connect as soon as it returns.
    ///
    /// # Errors
    /// See [`EmbeddedServerError`].
    pub(crate) fn start(program: Program) -> Result<Self, EmbeddedServerError> {
        Self::start_with(program, AUTH_TIMEOUT)
    }

    fn start_with(program: Program, auth_timeout: Duration) -> Result<Self, EmbeddedServerError> {
        let mut seed = Zeroizing::new([0; 32]);
        getrandom::fill(seed.as_mut())?;
        let config = config(host_key(&seed));
        let sessions = Arc::new(Sessions {
            login: Login::random(crate::clock::now())?,
            program,
            stop: watch::Sender::new(false),
        });
        let options = Options {
            name: "sshard-demo-ssh",
            threads: 1,
            max_connections: MAX_CONNECTIONS,
            login_timeout: Some(auth_timeout),
        };
        let listener = listen((Ipv4Addr::LOCALHOST, 0).into(), BACKLOG)?;
        let server = Server::start(listener, config, options, {
            let sessions = Arc::clone(&sessions);
            move |Accepted { stream, logged_in }: Accepted<'_>| Connection {
                sessions: Arc::clone(&sessions),
                logged_in,
                peers: peers(stream),
                channel: None,
            }
        })?;
        Ok(Self { server, sessions })
    }

    /// Returns the line of a known_hosts file, for the bridge.
    ///
    /// # Errors
    /// See [`EmbeddedServerError`].
    pub(crate) fn known_hosts(&self) -> Result<String, EmbeddedServerError> {
        Ok(self.server.known_hosts()?)
    }

    /// The one user's password, made at the start.
    pub(crate) fn password(&self) -> &str {
        &self.sessions.login.password
    }

    /// The password that logs in once, within [`LINK_LIFE`] from the start.
    pub(crate) fn link_password(&self) -> &str {
        &self.sessions.login.link_password
    }

    /// Runs a task beside the server, which ends with it.
    pub(crate) fn spawn(&self, task: impl Future<Output = ()> + Send + 'static) {
        self.server.runtime.spawn(task);
    }

    /// Waits until the link has been used or is too old.
    pub(crate) fn link_over(&self) -> impl Future<Output = ()> + Send + use<> {
        let sessions = Arc::clone(&self.sessions);
        async move {
            // Either is its end.
            let _ = tokio::time::timeout(LINK_LIFE, sessions.login.link_used.notified()).await;
        }
    }
}

impl Drop for EmbeddedServer {
    fn drop(&mut self) {
        self.sessions.stop.send_replace(true);
        let sessions = Arc::clone(&self.sessions);
        let (ended, wait) = sync_channel(1);
        self.spawn(async move {
            sessions.stop.closed().await;
            // Fails if the caller no longer waits.
            let _ = ended.send(());
        });
        if wait.recv_timeout(STOP_TIMEOUT).is_err() {
            warn!("programs of the demo do not end; they are left behind");
        }
    }
}

/// Address and port of the client, then of the server, as SSH_CONNECTION has them.
fn peers(stream: &TcpStream) -> String {
    let text = |address: io::Result<SocketAddr>| match address {
        Ok(address) => format!("{} {}", address.ip(), address.port()),
        // Gone already.
        Err(_) => "127.0.0.1 0".to_owned(),
    };
    format!("{} {}", text(stream.peer_addr()), text(stream.local_addr()))
}

/// Options of russh that are not those of every server here.
fn config(key: PrivateKey) -> Config {
    Config {
        server_id: SshId::Standard(Cow::Borrowed("SSH-2.0-sshard_demo")),
        auth_rejection_time: REJECTION_TIME,
        auth_rejection_time_initial: Some(Duration::ZERO),
        window_size: WINDOW,
        maximum_packet_size: 32 * 1024,
        // Of a queue that is not used: see `handler.rs`.
        channel_buffer_size: 1,
        event_buffer_size: 10,
        preferred: Preferred {
            kex: Cow::Borrowed(&[
                kex::MLKEM768X25519_SHA256,
                kex::CURVE25519,
                kex::CURVE25519_PRE_RFC_8731,
                kex::EXTENSION_SUPPORT_AS_SERVER,
                kex::EXTENSION_OPENSSH_STRICT_KEX_AS_SERVER,
            ]),
            key: Cow::Borrowed(&[Algorithm::Ed25519]),
            host_key_certificates: Cow::Borrowed(&[]),
            cipher: Cow::Borrowed(&[cipher::AES_256_GCM, cipher::CHACHA20_POLY1305]),
            mac: Cow::Borrowed(&[mac::HMAC_SHA256_ETM, mac::HMAC_SHA512_ETM]),
            compression: Cow::Borrowed(&[compression::NONE]),
        },
        max_auth_attempts: 6,
        ..sshard_ssh_server::config(key, &[MethodKind::Password])
    }
}
