//! The SSH server inside `sshard demo`: on loopback, on a thread of its own, with one user whose
//! password is made at the start. It starts no bridge and prints nothing.
//!
//! Its thread runs its own small tokio runtime; nothing of it touches a shard. It is for trying
//! the bridge out, not for serving people: no key login, no forwarding, no subsystems.

mod channel;
mod gate;
mod handler;
mod login;
mod relay;
mod signals;
mod terminal;
#[cfg(test)]
mod tests;

use gate::{Gate, GatedStream};
use handler::Connection;
use login::{Login, USER};
use russh::keys::{Algorithm, PrivateKey, PublicKey};
use russh::server::Config;
use russh::{MethodKind, MethodSet, Preferred, SshId, cipher, compression, kex, mac};
use std::borrow::Cow;
use std::io;
use std::net::{Ipv4Addr, Shutdown, SocketAddr};
use std::os::fd::AsFd;
use std::path::PathBuf;
use std::sync::{Arc, mpsc};
use std::thread::JoinHandle;
use std::time::Duration;
use thiserror::Error;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{Notify, Semaphore, oneshot};
use tokio::task::JoinSet;
use tracing::{debug, warn};

/// Most connections at a time; more are closed at once.
const MAX_CONNECTIONS: usize = 64;
/// From the connection to the end of the login.
const AUTH_TIMEOUT: Duration = Duration::from_secs(30);
/// What a refused password costs.
const REJECTION_TIME: Duration = Duration::from_millis(300);
/// Window for a client's input, in bytes: also what can stand unread before a window adjustment.
const WINDOW: u32 = 256 * 1024;
/// Pause after an accept that failed (no descriptors left): it would fail again at once.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);
/// How long dropping the server waits for its thread.
const STOP_TIMEOUT: Duration = Duration::from_secs(3);

/// What the server offers.
#[derive(Debug, Clone, Default)]
pub(crate) struct ServerOptions {
    /// Path of a shell to run as the present user; `None`: the built-in one, which touches
    /// nothing.
    pub(crate) shell: Option<PathBuf>,
}

/// The server could not be started.
#[derive(Debug, Error)]
pub(crate) enum DemoError {
    /// No port, no runtime or no thread.
    #[error("the embedded SSH server can't be started: {0}")]
    Io(#[from] io::Error),
    /// No password and no key can be made.
    #[error("the system gives no random bytes: {0}")]
    Randomness(#[from] getrandom::Error),
}

/// A running server. Dropping it ends its connections and its thread.
pub(crate) struct EmbeddedServer {
    address: SocketAddr,
    login: Arc<Login>,
    host_key: PublicKey,
    /// Dropped to stop the thread.
    stop: Option<oneshot::Sender<()>>,
    /// Disconnects when the thread is done.
    done: mpsc::Receiver<()>,
    thread: Option<JoinHandle<()>>,
}

impl EmbeddedServer {
    /// Starts a server on a free port of 127.0.0.1. Clients can connect as soon as it returns.
    ///
    /// # Errors
    /// See [`DemoError`].
    pub(crate) fn start(options: ServerOptions) -> Result<Self, DemoError> {
        Self::start_with(options, AUTH_TIMEOUT)
    }

    fn start_with(options: ServerOptions, auth_timeout: Duration) -> Result<Self, DemoError> {
        let login = Arc::new(Login::random()?);
        let key = login::host_key()?;
        let host_key = key.public_key().clone();
        let listener = std::net::TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?;
        listener.set_nonblocking(true)?;
        let address = listener.local_addr()?;
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_io()
            .enable_time()
            .build()?;
        let server = Server {
            config: Arc::new(config(key)),
            login: login.clone(),
            options,
            auth_timeout,
            places: Arc::new(Semaphore::new(MAX_CONNECTIONS)),
        };
        let (stop, stopped) = oneshot::channel();
        let (running, done) = mpsc::sync_channel(1);
        let thread = std::thread::Builder::new().name("sshard-demo-ssh".to_owned());
        let thread = thread.spawn(move || {
            let _running = running;
            runtime.block_on(async {
                tokio::select! {
                    () = server.serve(listener) => {}
                    _ = stopped => {}
                }
            });
            // Drops what is left, shells included; nothing there needs to be waited for.
            runtime.shutdown_background();
        })?;
        Ok(Self {
            address,
            login,
            host_key,
            stop: Some(stop),
            done,
            thread: Some(thread),
        })
    }

    /// Where it listens: 127.0.0.1 and a port that was free.
    pub(crate) fn address(&self) -> SocketAddr {
        self.address
    }

    /// The one user's name.
    pub(crate) fn user(&self) -> &str {
        USER
    }

    /// The one user's password, made at the start.
    pub(crate) fn password(&self) -> &str {
        self.login.password()
    }

    /// The key the server proves itself with, for the bridge to pin.
    pub(crate) fn host_key(&self) -> &PublicKey {
        &self.host_key
    }
}

impl Drop for EmbeddedServer {
    fn drop(&mut self) {
        self.stop.take();
        let timed_out = mpsc::RecvTimeoutError::Timeout;
        if self.done.recv_timeout(STOP_TIMEOUT) == Err(timed_out) {
            warn!("the thread of the embedded SSH server does not end; it is left behind");
        } else if let Some(thread) = self.thread.take()
            && thread.join().is_err()
        {
            warn!("the thread of the embedded SSH server ended in a panic");
        }
    }
}

struct Server {
    config: Arc<Config>,
    login: Arc<Login>,
    options: ServerOptions,
    auth_timeout: Duration,
    places: Arc<Semaphore>,
}

impl Server {
    async fn serve(&self, listener: std::net::TcpListener) {
        let listener = match TcpListener::from_std(listener) {
            Ok(listener) => listener,
            Err(error) => return warn!(%error, "the embedded SSH server can't listen"),
        };
        let mut connections = JoinSet::new();
        loop {
            let stream = match listener.accept().await {
                Ok((stream, _)) => stream,
                Err(error) => {
                    debug!(%error, "the embedded SSH server can't accept");
                    tokio::time::sleep(ACCEPT_PAUSE).await;
                    continue;
                }
            };
            while connections.try_join_next().is_some() {}
            let Ok(place) = self.places.clone().try_acquire_owned() else {
                debug!("the embedded SSH server is full");
                continue;
            };
            let connection = self.connection(stream);
            connections.spawn(async move {
                if let Err(error) = connection.await {
                    debug!(%error, "a connection of the embedded SSH server ended");
                }
                drop(place);
            });
        }
    }

    /// One connection from its first byte to its end.
    fn connection(
        &self,
        stream: TcpStream,
    ) -> impl Future<Output = Result<(), russh::Error>> + Send + use<> {
        let gate = Gate::new();
        let logged_in = Arc::new(Notify::new());
        let shell = self.options.shell.clone();
        let handler = Connection::new(self.login.clone(), shell, gate.clone(), logged_in.clone());
        let (config, auth_timeout) = (self.config.clone(), self.auth_timeout);
        async move {
            // The way to end russh's own task: it has no other that works during key exchange.
            let socket = std::net::TcpStream::from(stream.as_fd().try_clone_to_owned()?);
            let mut session = std::pin::pin!(async move {
                let stream = GatedStream::new(stream, gate);
                russh::server::run_stream(config, stream, handler)
                    .await?
                    .await
            });
            let login = tokio::time::timeout(auth_timeout, logged_in.notified());
            tokio::select! {
                ended = &mut session => return ended,
                login = login => if login.is_err() {
                    socket.shutdown(Shutdown::Both)?;
                },
            }
            session.await
        }
    }
}

/// Every option of russh, so that none is left to its defaults.
fn config(key: PrivateKey) -> Config {
    Config {
        server_id: SshId::Standard(Cow::Borrowed("SSH-2.0-sshard_demo")),
        methods: MethodSet::from([MethodKind::Password].as_slice()),
        auth_rejection_time: REJECTION_TIME,
        auth_rejection_time_initial: Some(Duration::ZERO),
        keys: vec![key],
        certificates: Vec::new(),
        limits: russh::Limits::new(1 << 30, 1 << 30, Duration::from_secs(3600)),
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
        inactivity_timeout: None,
        keepalive_interval: None,
        keepalive_max: 0,
        nodelay: true,
    }
}
