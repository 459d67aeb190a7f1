//! SSH server for thousands of sessions in one process. It accepts any password; the user name or
//! the command selects what a session does ([`Mode`]). It runs no shell and starts no process.
//!
//! The memory of a session is bounded: a small window for its input, and output only as fast as the
//! client's window and socket accept it. Sessions are tasks on a few threads.

mod mode;
mod session;

pub use mode::Mode;
pub use session::CTRL_C_MARKER;
pub(crate) use session::now;

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

/// Options of a sink, also its flags on the command line.
#[derive(Debug, Clone, clap::Args)]
pub struct SinkOptions {
    /// Address to listen on; port 0 for any
    #[arg(long, default_value = "127.0.0.1:0")]
    pub listen: SocketAddr,
    /// Threads that serve connections
    #[arg(long, default_value_t = 1)]
    pub threads: usize,
    /// Concurrent connections; further ones wait
    #[arg(long, default_value_t = 9_900)]
    pub max_sessions: usize,
    /// Seed of the host key; the same seed makes the same key
    #[arg(long)]
    pub seed: Option<u64>,
    /// Allow an address other than loopback; any password is accepted
    #[arg(long)]
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

/// Starts a sink: listens, and serves connections on threads of its own, which end with the server.
///
/// # Errors
/// When the address cannot be bound or is not loopback, or the limit of open files is too low.
pub fn start(options: &SinkOptions) -> io::Result<Server> {
    if !options.anywhere && !options.listen.ip().is_loopback() {
        return Err(io::Error::other(format!(
            "{} is not a loopback address, and the sink accepts any password",
            options.listen
        )));
    }
    resources::raise_file_limit(options.max_sessions)?;
    let listener = listen(options.listen, BACKLOG)?;
    let serving = Options {
        name: "sink",
        threads: options.threads,
        max_connections: options.max_sessions,
        login_timeout: None,
    };
    let config = config(options.seed);
    Server::start(listener, config, serving, |_| Connection::default())
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
        assert!(start(&open).is_err());
        assert!(start(&SinkOptions::default()).is_ok());
    }
}
