//! SSH server for thousands of sessions in one process. It accepts any password; the user name or
//! the command selects what a session does ([`Mode`]). It runs no shell and starts no process.
//!
//! The memory of a session is bounded: a small window for its input, and output only as fast as the
//! client's window and socket accept it. Sessions are tasks on a few threads.

mod mode;
mod session;

pub use mode::Mode;
pub use session::CTRL_C_MARKER;

use crate::resources;
use russh::server::Config;
use russh::{MethodKind, Preferred, cipher};
use session::Connection;
use sshard_ssh_server::{Options, Server, host_key, listen};
use std::borrow::Cow;
use std::io;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};

/// Receive window of a channel, in bytes; enough for keystrokes and pastes of 64 KiB.
const INPUT_WINDOW: u32 = 64 * 1024;
/// Most bytes of input in one packet.
const MAX_INPUT_PACKET: u32 = 32 * 1024;
/// Chunks of output queued per session.
const QUEUED_CHUNKS: usize = 2;
/// Length of the accept queue: a burst of connections must not run into SYN retries.
const BACKLOG: i32 = 4096;

/// Options of a sink.
#[derive(Debug, Clone)]
pub struct SinkOptions {
    /// Address to listen on; port 0 for any.
    pub listen: SocketAddr,
    /// Worker threads, at least 1.
    pub threads: usize,
    /// Concurrent connections; further ones wait.
    pub max_sessions: usize,
    /// Seed of the host key; a random key without one.
    pub seed: Option<u64>,
    /// Allows an address other than loopback. Any password is accepted there.
    pub anywhere: bool,
}

impl Default for SinkOptions {
    fn default() -> Self {
        Self {
            listen: SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), 0),
            threads: 1,
            max_sessions: 1_000,
            seed: None,
            anywhere: false,
        }
    }
}

/// A running sink. Its threads and sessions end when it is dropped.
#[derive(Debug)]
pub struct Sink {
    server: Server,
    known_hosts: String,
}

impl Sink {
    /// Listens, and serves connections on threads of its own.
    ///
    /// # Errors
    /// When the address cannot be bound or is not loopback, or the limit of open files is too low.
    pub fn start(options: &SinkOptions) -> io::Result<Self> {
        if !options.anywhere && !options.listen.ip().is_loopback() {
            return Err(io::Error::other(format!(
                "{} is not a loopback address, and the sink accepts any password",
                options.listen
            )));
        }
        resources::raise_file_limit(options.max_sessions, 1)?;
        let listener = listen(options.listen, BACKLOG)?;
        let serving = Options {
            name: "sink",
            threads: options.threads,
            max_connections: options.max_sessions,
            login_timeout: None,
        };
        let config = config(options.seed);
        let server = Server::start(listener, config, serving, |_| Connection::default())?;
        let known_hosts = server.known_hosts()?;
        Ok(Self {
            server,
            known_hosts,
        })
    }

    /// Listening address.
    #[must_use]
    pub fn addr(&self) -> SocketAddr {
        self.server.address()
    }

    /// Line of a known_hosts file with the host key.
    #[must_use]
    pub fn known_hosts(&self) -> &str {
        &self.known_hosts
    }

    /// Number of open SSH connections.
    #[must_use]
    pub fn open(&self) -> usize {
        self.server.open()
    }

    /// Number of SSH connections since the start.
    #[must_use]
    pub fn total(&self) -> u64 {
        self.server.total()
    }
}

/// Options of russh's server.
fn config(seed: Option<u64>) -> Config {
    let mut random = seed.map_or_else(fastrand::Rng::new, fastrand::Rng::with_seed);
    let mut bytes = [0; 32];
    random.fill(&mut bytes);
    let methods = [MethodKind::None, MethodKind::Password];
    Config {
        window_size: INPUT_WINDOW,
        maximum_packet_size: MAX_INPUT_PACKET,
        channel_buffer_size: 1,
        event_buffer_size: QUEUED_CHUNKS,
        preferred: Preferred {
            cipher: Cow::Borrowed(&[
                cipher::AES_256_GCM,
                cipher::AES_128_GCM,
                cipher::CHACHA20_POLY1305,
                cipher::AES_256_CTR,
            ]),
            ..Preferred::DEFAULT
        },
        ..sshard_ssh_server::config(host_key(&bytes), &methods)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_same_seed_makes_the_same_host_key() {
        let line = |seed| config(seed).keys[0].public_key().to_openssh().unwrap();
        assert_eq!(line(Some(7)), line(Some(7)));
        assert_ne!(line(Some(7)), line(Some(8)));
        assert_ne!(line(None), line(None));
    }

    #[test]
    fn an_address_beyond_loopback_is_refused_unless_it_is_allowed() {
        let open = SinkOptions {
            listen: "0.0.0.0:0".parse().unwrap(),
            ..SinkOptions::default()
        };
        assert!(Sink::start(&open).is_err());
        assert!(Sink::start(&SinkOptions::default()).is_ok());
    }
}
