//! SSH server under `sshard demo`, the load sink and the scripted server of the tests: a listener,
//! threads of its own, a bound on connections, a deadline for the login, a host key.
//!
//! Guarantees that no more than [`Options::max_connections`] are served at a time, and that all of
//! them end with the [`Server`]. Logins and channels are each user's own russh `Handler`, and so is
//! the path of a channel's bytes: the sink replies within russh's callback, as its figures assume;
//! the demo needs a bounded queue to a process; the tests record data and hold it back.

use russh::keys::ssh_key::private::Ed25519Keypair;
use russh::keys::{PrivateKey, PublicKey};
use russh::server::{Config, Handler, run_stream};
use russh::{MethodKind, MethodSet};
use std::io;
use std::net::{Shutdown, SocketAddr, TcpListener};
use std::os::fd::AsFd;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};
use tokio::net::TcpStream;
use tokio::runtime::{Builder, Handle, Runtime};
use tokio::sync::{Notify, Semaphore, oneshot};

/// Pause after a failed accept, usually for lack of descriptors.
const ACCEPT_PAUSE: Duration = Duration::from_millis(50);
/// Longest wait of a [`Server`]'s drop for its thread, and the interval of its checks.
const STOP_TIMEOUT: Duration = Duration::from_secs(3);
const STOP_CHECK: Duration = Duration::from_millis(1);

/// Result of a callback of a `Handler`.
pub type Done = Result<(), russh::Error>;

/// Name, threads and bounds of a server.
#[derive(Debug, Clone)]
pub struct Options {
    /// Name of the server's thread.
    pub name: &'static str,
    /// Worker threads, as of [`runtime`].
    pub threads: usize,
    /// Concurrent connections; further ones wait in the listener's queue.
    pub max_connections: usize,
    /// Time from the connection to the end of the login, see [`Accepted::logged_in`].
    pub login_timeout: Option<Duration>,
}

/// A connection that is about to be served.
#[derive(Debug)]
pub struct Accepted<'a> {
    /// Socket of the connection.
    pub stream: &'a TcpStream,
    /// To be notified by the handler when the login is complete, where there is a deadline for it.
    pub logged_in: Arc<Notify>,
}

#[derive(Debug, Default)]
struct Counts {
    open: AtomicUsize,
    total: AtomicU64,
}

/// A running server. Dropping it ends its connections and its threads.
#[derive(Debug)]
pub struct Server {
    /// Address it listens on, the port filled in.
    pub address: SocketAddr,
    /// Public host key.
    pub host_key: PublicKey,
    /// Runtime of the server's threads.
    pub runtime: Handle,
    counts: Arc<Counts>,
    /// Dropped to stop the thread.
    stop: Option<oneshot::Sender<()>>,
    thread: JoinHandle<()>,
}

impl Server {
    /// Serves the listener's connections, each by a handler that `new_handler` makes.
    ///
    /// # Errors
    /// There is no key in `config`, or no thread or runtime can be started.
    pub fn start<H: Handler<Error = russh::Error> + Send + 'static>(
        listener: TcpListener,
        config: Config,
        options: Options,
        new_handler: impl FnMut(Accepted<'_>) -> H + Send + 'static,
    ) -> io::Result<Self> {
        let key = config.keys.first();
        let host_key = key.ok_or_else(|| io::Error::other("a server needs a host key"))?;
        let host_key = host_key.public_key().clone();
        listener.set_nonblocking(true)?;
        let address = listener.local_addr()?;
        let runtime = runtime(options.threads, options.name)?;
        let counts = Arc::<Counts>::default();
        let (stop, stopped) = oneshot::channel::<()>();
        let handle = runtime.handle().clone();
        let thread = std::thread::Builder::new().name(options.name.to_owned());
        let thread = thread.spawn({
            let counts = Arc::clone(&counts);
            move || {
                runtime.block_on(async {
                    tokio::select! {
                        // Ends only by an error of the listener.
                        _ = serve(listener, config, &options, counts, new_handler) => {}
                        _ = stopped => {}
                    }
                });
                // Drops the connections without waiting.
                runtime.shutdown_background();
            }
        })?;
        Ok(Self {
            address,
            host_key,
            runtime: handle,
            counts,
            stop: Some(stop),
            thread,
        })
    }

    /// Returns the server's line of a known_hosts file.
    ///
    /// # Errors
    /// A key that OpenSSH has no text for.
    pub fn known_hosts(&self) -> io::Result<String> {
        let key = self.host_key.to_openssh().map_err(io::Error::other)?;
        let (ip, port) = (self.address.ip(), self.address.port());
        Ok(format!("[{ip}]:{port} {}", key.trim()))
    }

    /// Open connections.
    #[must_use]
    pub fn open(&self) -> usize {
        self.counts.open.load(Ordering::Relaxed)
    }

    /// Number of connections since the start.
    #[must_use]
    pub fn total(&self) -> u64 {
        self.counts.total.load(Ordering::Relaxed)
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.stop.take();
        let until = Instant::now() + STOP_TIMEOUT;
        // After the timeout the thread is left running.
        while !self.thread.is_finished() && Instant::now() < until {
            std::thread::sleep(STOP_CHECK);
        }
    }
}

/// Listens with a queue for `backlog` connections, so that a burst does not wait for SYN retries.
///
/// # Errors
/// The address cannot be bound.
pub fn listen(address: SocketAddr, backlog: i32) -> io::Result<TcpListener> {
    use socket2::{Domain, Protocol, Socket, Type};
    let domain = Domain::for_address(address);
    let socket = Socket::new(domain, Type::STREAM, Some(Protocol::TCP))?;
    socket.set_reuse_address(true)?;
    socket.bind(&address.into())?;
    socket.listen(backlog)?;
    Ok(socket.into())
}

/// Makes the Ed25519 host key of a seed.
#[must_use]
pub fn host_key(seed: &[u8; 32]) -> PrivateKey {
    PrivateKey::from(Ed25519Keypair::from_seed(seed))
}

/// Common configuration of russh: no pause after a refused login, no idle timeout, no Nagle.
#[must_use]
pub fn config(key: PrivateKey, methods: &[MethodKind]) -> Config {
    Config {
        methods: MethodSet::from(methods),
        auth_rejection_time: Duration::ZERO,
        keys: vec![key],
        inactivity_timeout: None,
        nodelay: true,
        ..Config::default()
    }
}

/// Makes a runtime of so many threads. One is the caller's own, so that it can be pinned and pays
/// nothing for others.
///
/// # Errors
/// There are no threads, or no descriptors, to be had.
pub fn runtime(threads: usize, name: &str) -> io::Result<Runtime> {
    if threads <= 1 {
        return Builder::new_current_thread().enable_all().build();
    }
    Builder::new_multi_thread()
        .worker_threads(threads)
        .thread_name(name)
        .enable_all()
        .build()
}

async fn serve<H: Handler<Error = russh::Error> + Send + 'static>(
    listener: TcpListener,
    config: Config,
    options: &Options,
    counts: Arc<Counts>,
    mut new_handler: impl FnMut(Accepted<'_>) -> H,
) -> io::Result<()> {
    let listener = tokio::net::TcpListener::from_std(listener)?;
    let config = Arc::new(config);
    let slots = Arc::new(Semaphore::new(options.max_connections));
    let login_timeout = options.login_timeout;
    loop {
        // Acquired before the accept, so that an accepted connection is served.
        let slot = Arc::clone(&slots).acquire_owned().await;
        let slot = slot.map_err(io::Error::other)?;
        let Ok((stream, _)) = listener.accept().await else {
            tokio::time::sleep(ACCEPT_PAUSE).await;
            continue;
        };
        let logged_in = Arc::<Notify>::default();
        let handler = new_handler(Accepted {
            stream: &stream,
            logged_in: logged_in.clone(),
        });
        let (config, counts) = (Arc::clone(&config), Arc::clone(&counts));
        counts.total.fetch_add(1, Ordering::Relaxed);
        counts.open.fetch_add(1, Ordering::Relaxed);
        tokio::spawn(async move {
            let _slot = slot;
            // The peer sees how it ended.
            let _ = match login_timeout {
                None => connection(config, stream, handler).await,
                Some(limit) => with_login_deadline(config, stream, handler, limit, logged_in).await,
            };
            counts.open.fetch_sub(1, Ordering::Relaxed);
        });
    }
}

async fn connection(
    config: Arc<Config>,
    stream: TcpStream,
    handler: impl Handler<Error = russh::Error> + Send + 'static,
) -> Done {
    stream.set_nodelay(config.nodelay)?;
    run_stream(config, stream, handler).await?.await
}

/// Serves as [`connection`], and closes a connection that has not logged in within `limit`.
async fn with_login_deadline(
    config: Arc<Config>,
    stream: TcpStream,
    handler: impl Handler<Error = russh::Error> + Send + 'static,
    limit: Duration,
    logged_in: Arc<Notify>,
) -> Done {
    // Ends russh's own task: it has no other way that works during the key exchange.
    let socket = std::net::TcpStream::from(stream.as_fd().try_clone_to_owned()?);
    let mut session = std::pin::pin!(connection(config, stream, handler));
    tokio::select! {
        ended = &mut session => return ended,
        login = tokio::time::timeout(limit, logged_in.notified()) => if login.is_err() {
            socket.shutdown(Shutdown::Both)?;
        },
    }
    session.await
}

#[cfg(test)]
mod tests;
