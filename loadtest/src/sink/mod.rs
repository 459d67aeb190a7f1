//! An SSH server for thousands of sessions in one process: any login is good, and the user's name
//! or the command says what the session does ([`Mode`]). It is no shell and starts no process.
//!
//! Memory of a session is bounded: a small window for its input, output only as the client's
//! window and socket take it. Every session is tasks on a few threads, none has a thread.

mod mode;
mod session;

pub use mode::Mode;
pub use session::CTRL_C_MARK;

use crate::host;
use russh::keys::PrivateKey;
use russh::keys::ssh_key::private::Ed25519Keypair;
use russh::server::{Config, run_stream};
use russh::{MethodKind, MethodSet, Preferred, cipher};
use session::Connection;
use std::borrow::Cow;
use std::io;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::time::Duration;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{Semaphore, oneshot};

/// Input a client may send ahead, bytes. Keystrokes and pastes of 64 KiB need no more.
const INPUT_WINDOW: u32 = 64 * 1024;
const MAX_PACKET: u32 = 32 * 1024;
/// Chunks of output that wait for the session's turn.
const QUEUED_CHUNKS: usize = 2;
/// A wait after accept() failed, for the usual reason to pass: no descriptors.
const ACCEPT_PAUSE: Duration = Duration::from_millis(50);

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

#[derive(Debug, Default)]
pub(crate) struct Counts {
    open: AtomicUsize,
    total: AtomicU64,
}

/// A running sink. Its threads and sessions end when it is dropped.
#[derive(Debug)]
pub struct Sink {
    addr: SocketAddr,
    known_hosts: String,
    counts: Arc<Counts>,
    /// Ends the threads when dropped.
    _stop: oneshot::Sender<()>,
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
        host::want_files(options.max_sessions, 1)?;
        let runtime = host::runtime(options.threads, "sink")?;
        let key = host_key(options.seed);
        let public = key.public_key().to_openssh().map_err(io::Error::other)?;
        // A burst of a storm waits here, not in SYN retries a second later.
        let listener = {
            let _entered = runtime.enter();
            listen(options.listen)?
        };
        let addr = listener.local_addr()?;
        let counts = Arc::<Counts>::default();
        let room = Arc::new(Semaphore::new(options.max_sessions));
        let serving = serve(listener, Arc::new(config(key)), Arc::clone(&counts), room);
        let (stop, stopped) = oneshot::channel::<()>();
        std::thread::Builder::new()
            .name("sink".to_owned())
            .spawn(move || {
                runtime.block_on(async {
                    tokio::select! {
                        () = serving => {}
                        _ = stopped => {}
                    }
                });
                runtime.shutdown_background();
            })?;
        Ok(Self {
            addr,
            known_hosts: format!("[{}]:{} {}", addr.ip(), addr.port(), public.trim()),
            counts,
            _stop: stop,
        })
    }

    /// Where it listens.
    #[must_use]
    pub fn addr(&self) -> SocketAddr {
        self.addr
    }

    /// Its line of a known_hosts file.
    #[must_use]
    pub fn known_hosts(&self) -> &str {
        &self.known_hosts
    }

    /// SSH connections now.
    #[must_use]
    pub fn open(&self) -> usize {
        self.counts.open.load(Ordering::Relaxed)
    }

    /// SSH connections since the start.
    #[must_use]
    pub fn total(&self) -> u64 {
        self.counts.total.load(Ordering::Relaxed)
    }
}

fn listen(addr: SocketAddr) -> io::Result<TcpListener> {
    let socket = match addr {
        SocketAddr::V4(_) => tokio::net::TcpSocket::new_v4()?,
        SocketAddr::V6(_) => tokio::net::TcpSocket::new_v6()?,
    };
    socket.set_reuseaddr(true)?;
    socket.bind(addr)?;
    socket.listen(4096)
}

fn host_key(seed: Option<u64>) -> PrivateKey {
    let mut random = seed.map_or_else(fastrand::Rng::new, fastrand::Rng::with_seed);
    let mut bytes = [0; 32];
    random.fill(&mut bytes);
    PrivateKey::from(Ed25519Keypair::from_seed(&bytes))
}

/// Every option of russh's server that matters here.
fn config(key: PrivateKey) -> Config {
    let methods: &[MethodKind] = &[MethodKind::None, MethodKind::Password];
    Config {
        methods: MethodSet::from(methods),
        auth_rejection_time: Duration::ZERO,
        keys: vec![key],
        window_size: INPUT_WINDOW,
        maximum_packet_size: MAX_PACKET,
        channel_buffer_size: 1,
        event_buffer_size: QUEUED_CHUNKS,
        inactivity_timeout: None,
        nodelay: true,
        preferred: Preferred {
            cipher: Cow::Borrowed(&[
                cipher::AES_256_GCM,
                cipher::AES_128_GCM,
                cipher::CHACHA20_POLY1305,
                cipher::AES_256_CTR,
            ]),
            ..Preferred::DEFAULT
        },
        ..Config::default()
    }
}

async fn serve(
    listener: TcpListener,
    config: Arc<Config>,
    counts: Arc<Counts>,
    room: Arc<Semaphore>,
) {
    loop {
        // The place first: what is accepted is served.
        let Ok(place) = Arc::clone(&room).acquire_owned().await else {
            return;
        };
        let stream = match listener.accept().await {
            Ok((stream, _)) => stream,
            Err(_) => {
                tokio::time::sleep(ACCEPT_PAUSE).await;
                continue;
            }
        };
        let (config, counts) = (Arc::clone(&config), Arc::clone(&counts));
        tokio::spawn(async move {
            let _place = place;
            counts.total.fetch_add(1, Ordering::Relaxed);
            counts.open.fetch_add(1, Ordering::Relaxed);
            connection(config, stream).await;
            counts.open.fetch_sub(1, Ordering::Relaxed);
        });
    }
}

async fn connection(config: Arc<Config>, stream: TcpStream) {
    // The generator judges from its end how a connection went.
    let _ = stream.set_nodelay(true);
    if let Ok(session) = run_stream(config, stream, Connection::default()).await {
        let _ = session.await;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_seed_makes_the_same_key_and_none_another() {
        let line = |seed| host_key(seed).public_key().to_openssh().unwrap();
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

    #[test]
    fn the_known_hosts_line_names_the_port() {
        let sink = Sink::start(&SinkOptions::default()).unwrap();
        let start = format!("[127.0.0.1]:{} ssh-ed25519 AAAA", sink.addr().port());
        assert!(sink.known_hosts().starts_with(&start));
    }
}
