//! An SSH server for thousands of sessions in one process: any login is good, and the user's name
//! or the command says what the session does ([`Mode`]). It is no shell and starts no process.
//!
//! Memory of a session is bounded: a small window for its input, output only as the client's
//! window and socket take it. Every session is tasks on a few threads, none has a thread.

mod mode;
mod session;

pub use mode::Mode;
pub use session::CTRL_C_MARK;

use crate::resources;
use russh::server::Config;
use russh::{MethodKind, Preferred, cipher};
use session::Connection;
use sshard_ssh_server::{Options, Server, host_key, listen};
use std::borrow::Cow;
use std::io;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};

/// Input a client may send ahead, bytes. Keystrokes and pastes of 64 KiB need no more.
const INPUT_WINDOW: u32 = 64 * 1024;
const MAX_PACKET: u32 = 32 * 1024;
/// Chunks of output that wait for the session's turn.
const QUEUED_CHUNKS: usize = 2;
/// A burst of a storm waits in the listener's queue, not in SYN retries a second later.
const BACKLOG: i32 = 4096;

/// How a sink is started.
#[derive(Debug, Clone)]
pub struct SinkOptions {
    /// Where it listens; port 0 for any.
    pub listen: SocketAddr,
    /// Worker threads, at least 1.
    pub threads: usize,
    /// Connections at a time; one more waits.
    pub max_sessions: usize,
    /// The host key is made from this; None for one by chance.
    pub seed: Option<u64>,
    /// Listens elsewhere than on loopback. Any password is good here.
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
    /// Listens. Connections are served on the sink's own threads.
    ///
    /// # Errors
    /// When the address cannot be had or is not loopback, or the files do not suffice.
    pub fn start(options: &SinkOptions) -> io::Result<Self> {
        if !options.anywhere && !options.listen.ip().is_loopback() {
            return Err(io::Error::other(format!(
                "{} is not a loopback address, and the sink lets everyone in",
                options.listen
            )));
        }
        resources::want_files(options.max_sessions, 1)?;
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

    /// Where it listens.
    #[must_use]
    pub fn addr(&self) -> SocketAddr {
        self.server.address()
    }

    /// Its line of a known_hosts file.
    #[must_use]
    pub fn known_hosts(&self) -> &str {
        &self.known_hosts
    }

    /// SSH connections now.
    #[must_use]
    pub fn open(&self) -> usize {
        self.server.open()
    }

    /// SSH connections since the start.
    #[must_use]
    pub fn total(&self) -> u64 {
        self.server.total()
    }
}

/// Options of russh's server that matter here.
fn config(seed: Option<u64>) -> Config {
    let mut random = seed.map_or_else(fastrand::Rng::new, fastrand::Rng::with_seed);
    let mut bytes = [0; 32];
    random.fill(&mut bytes);
    let methods = [MethodKind::None, MethodKind::Password];
    Config {
        window_size: INPUT_WINDOW,
        maximum_packet_size: MAX_PACKET,
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
    fn a_seed_makes_the_same_key_and_none_another() {
        let line = |seed| config(seed).keys[0].public_key().to_openssh().unwrap();
        assert_eq!(line(Some(7)), line(Some(7)));
        assert_ne!(line(Some(7)), line(Some(8)));
        assert_ne!(line(None), line(None));
    }

    #[test]
    fn strangers_are_not_served_by_accident() {
        let open = SinkOptions {
            listen: "0.0.0.0:0".parse().unwrap(),
            ..SinkOptions::default()
        };
        assert!(Sink::start(&open).is_err());
        assert!(Sink::start(&SinkOptions::default()).is_ok());
    }
}
