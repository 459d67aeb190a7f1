//! The admin listener: health, metrics, statistics, sessions, drain, reload. HTTP/1.1 on
//! a thread of its own, so that it answers while a shard does not; questions to a shard have a
//! deadline.

mod exposition;
mod health;
mod listing;
mod metrics;
mod query;
mod response;
mod routes;
mod sessions;
mod settings;
mod slots;
mod snapshot;
mod stats;

pub use routes::{CSRF_HEADER, CSRF_VALUE};

use super::events::EventSender;
use super::process::ProcessHandles;
use super::token::{SharedToken, Token, TokenError};
use crate::config;
use crate::http::{ListenerInfo, is_health};
use crate::telemetry::LogLimiter;
use arc_swap::ArcSwapOption;
use hyper::Request;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use slots::{AdminSlot, AdminSlots};
use std::convert::Infallible;
use std::io;
use std::net::{SocketAddr, TcpListener};
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;
use tokio::net::TcpStream;
use tokio::sync::oneshot;
use tokio::task::{LocalSet, spawn_local};
use tokio::time::{sleep, timeout};

/// Longest wait for a request's head.
const HEAD_TIMEOUT: Duration = Duration::from_secs(10);
/// Longest life of a connection. A reload may take half of it.
const CONNECTION_TIMEOUT: Duration = Duration::from_secs(60);
/// Request line and headers together.
const MAX_HEAD: usize = 16 * 1024;
/// Pause when nothing can be accepted (no descriptors left).
const EXHAUSTED_PAUSE: Duration = Duration::from_millis(100);

/// Reason why there is no admin listener.
#[derive(Debug, thiserror::Error)]
pub enum AdminError {
    /// The token cannot be used.
    #[error("admin.token_file: {0}")]
    Token(#[from] TokenError),
    /// A listener cannot be created.
    #[error("admin.listen: cannot listen on {address}: {source}; `admin.listen=` turns it off")]
    Listen {
        /// Address asked for.
        address: SocketAddr,
        /// Error of the system.
        source: io::Error,
    },
    /// A passed listener is reachable from other machines.
    #[error(
        "the passed admin listener {0} can be reached from other machines; set admin.token_file, \
         or pass a loopback one"
    )]
    Open(SocketAddr),
    /// No thread, or no descriptors for its runtime.
    #[error("cannot start the admin listener: {0}")]
    Start(#[from] io::Error),
}

/// The bound listeners, not served yet.
pub struct Admin {
    pub(crate) listeners: Vec<TcpListener>,
    /// Token, for a reload to replace.
    pub(crate) token: SharedToken,
}

/// The running listeners; Drop closes them.
#[must_use = "dropping it closes the listener"]
pub struct AdminHandle {
    _stop: oneshot::Sender<()>,
}

/// Sources that requests are answered from.
pub(super) struct AdminContext {
    pub(super) process: ProcessHandles,
    pub(super) events: EventSender,
    token: SharedToken,
}

impl Admin {
    /// Reads the token and binds the listeners. `passed` are already bound and serve in place of
    /// `admin.listen`, unless that is empty.
    ///
    /// # Errors
    /// [`AdminError`].
    pub fn bind(config: &config::Admin, passed: Vec<TcpListener>) -> Result<Self, AdminError> {
        let token = config.token_file.as_deref().map(Token::read).transpose()?;
        let listeners = if config.listen.is_empty() {
            Vec::new()
        } else if passed.is_empty() {
            let bind = |address: &SocketAddr| {
                TcpListener::bind(address).map_err(|source| AdminError::Listen {
                    address: *address,
                    source,
                })
            };
            config.listen.iter().map(bind).collect::<Result<_, _>>()?
        } else {
            passed
        };
        for listener in &listeners {
            listener.set_nonblocking(true)?;
            let address = listener.local_addr()?;
            if token.is_none() && !address.ip().to_canonical().is_loopback() {
                return Err(AdminError::Open(address));
            }
        }
        let token = Arc::new(ArcSwapOption::from_pointee(token));
        Ok(Self { listeners, token })
    }

    /// Serves on a thread of its own until the handle is dropped.
    ///
    /// # Errors
    /// [`AdminError::Start`].
    pub fn start(
        self,
        process: ProcessHandles,
        events: EventSender,
    ) -> Result<AdminHandle, AdminError> {
        let Self { listeners, token } = self;
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_io()
            .enable_time()
            .build()?;
        let (stop, stopped) = oneshot::channel();
        std::thread::Builder::new()
            .name("sshard-admin".to_owned())
            .spawn(move || {
                let context = Rc::new(AdminContext {
                    process,
                    events,
                    token,
                });
                LocalSet::new().block_on(&runtime, serve(listeners, context, stopped));
            })?;
        Ok(AdminHandle { _stop: stop })
    }
}

async fn serve(
    listeners: Vec<TcpListener>,
    context: Rc<AdminContext>,
    stopped: oneshot::Receiver<()>,
) {
    let slots = Rc::<AdminSlots>::default();
    for listener in listeners {
        match tokio::net::TcpListener::from_std(listener) {
            Ok(listener) => {
                spawn_local(accept(listener, Rc::clone(&context), Rc::clone(&slots)));
            }
            Err(error) => tracing::error!(%error, "an admin listener cannot be served"),
        }
    }
    // Never sent, only dropped.
    let _ = stopped.await;
}

async fn accept(
    listener: tokio::net::TcpListener,
    context: Rc<AdminContext>,
    slots: Rc<AdminSlots>,
) {
    let exhausted = LogLimiter::default();
    loop {
        match listener.accept().await {
            Ok((stream, client)) => {
                let context = Rc::clone(&context);
                let (slot, open) = AdminSlot::take(&slots, client.ip());
                // A panic ends this task, and with it this connection alone.
                spawn_local(async move {
                    let served = timeout(
                        CONNECTION_TIMEOUT,
                        connection(stream, client, context, &slot),
                    );
                    tokio::select! {
                        biased;
                        served = served => if served.is_err() {
                            tracing::debug!(%client, "an admin connection took too long");
                        },
                        // Never sent, only dropped.
                        _ = open => tracing::debug!(
                            %client,
                            "a newer connection took the slot of an admin connection"
                        ),
                    }
                });
            }
            Err(error) => {
                if let Some(suppressed) = exhausted.take(crate::clock::now()) {
                    tracing::warn!(
                        %error,
                        suppressed,
                        "cannot accept an admin connection for now"
                    );
                }
                sleep(EXHAUSTED_PAUSE).await;
            }
        }
    }
}

async fn connection(
    stream: TcpStream,
    client: SocketAddr,
    context: Rc<AdminContext>,
    slot: &AdminSlot,
) {
    let Ok(local) = stream.local_addr() else {
        return;
    };
    let listener = ListenerInfo { local, tls: false };
    let service = service_fn(|request: Request<_>| {
        // A health answer is small and immediate.
        if !is_health(request.uri().path()) {
            slot.serve();
        }
        let context = Rc::clone(&context);
        async move {
            let answer = routes::answer(&context, client, listener, &request).await;
            Ok::<_, Infallible>(answer)
        }
    });
    let served = http1::Builder::new()
        .timer(TokioTimer::new())
        // A second request would share the connection's time with the first.
        .keep_alive(false)
        .header_read_timeout(HEAD_TIMEOUT)
        .max_buf_size(MAX_HEAD)
        .serve_connection(TokioIo::new(stream), service)
        .await;
    if let Err(error) = served {
        tracing::debug!(%client, %error, "an admin connection ended early");
    }
}
