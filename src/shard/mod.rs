//! One shard: one pinned thread with its listeners, its connections and its sessions. Shards share
//! only what `placement`, `lifecycle` and the limits hold in atomics, and talk by commands
//! (`command`); everything else here lives on the one thread.

mod accept;
mod command;
mod connection;
mod handshake;
mod lifecycle;
mod listen;
mod manager;
mod placement;
mod pool;
mod proxy_protocol;
mod request;
mod slots;

pub use crate::bridge::Drain;
pub use command::{
    Command, CommandReceiver, CommandSender, ConnectionTransfer, TransferStage, command_channel,
};
pub use lifecycle::ProcessLifecycle;
pub use listen::{Listeners, bind, cannot_listen, distribute, is_listener, try_bind};
pub use placement::{Placement, Reservation};

use crate::bridge::SessionAddress;
use crate::bridge::SessionContext;
use crate::error::SessionError;
use crate::limits::{LimitTable, LoginPool, RateTable};
use crate::registry::Registry;
use crate::runtime::{self, TokioClock};
use crate::ssh::install_loop_spawner;
use crate::telemetry::{ClientLogLimiter, LogLimiter};
use manager::ConnectionManager;
use slots::HandshakeSlots;
use socket2::Socket;
use std::cell::RefCell;
use std::rc::Rc;
use std::sync::Arc;

/// Parts a shard is made of; all of them may cross threads.
pub struct ShardSetup {
    /// Index of the shard, from 0.
    pub index: usize,
    /// Listening sockets, one per address.
    pub listeners: Vec<Socket>,
    /// Commands to this shard.
    pub commands: CommandReceiver,
    /// State of the process.
    pub shared: SharedState,
}

/// State of the process that its shards share.
#[derive(Clone)]
pub struct SharedState {
    /// Command channels of all shards, by index.
    pub peers: Arc<[CommandSender]>,
    /// Placement of new connections.
    pub placement: Arc<Placement>,
    /// Limits of the process.
    pub limits: Arc<LimitTable>,
    /// Connections that have not logged in yet.
    pub login_pool: Arc<LoginPool<SessionAddress>>,
    /// Request rates of clients.
    pub rates: Arc<RateTable>,
    /// Registry of the process's sessions.
    pub registry: Registry,
    /// Lifecycle of the process.
    pub lifecycle: Arc<ProcessLifecycle>,
}

/// State that the shard's tasks share.
pub(crate) struct Shard {
    pub(crate) index: usize,
    pub(crate) shared: SharedState,
    pub(crate) manager: Rc<ConnectionManager>,
    pub(crate) context: Rc<SessionContext>,
    /// Slots of connections before the end of their upgrade.
    pub(crate) handshakes: HandshakeSlots,
    /// Limits the log of connections that were refused for a limit.
    pub(crate) refusals: ClientLogLimiter,
    /// Limits the log of requests that were refused.
    pub(crate) refused_requests: ClientLogLimiter,
    /// Limits the log of peers that may not speak the PROXY protocol.
    pub(crate) untrusted_peers: ClientLogLimiter,
    /// Limits the log of accepts that failed for want of resources.
    pub(crate) exhausted: LogLimiter,
    accepting: RefCell<Vec<runtime::Task>>,
}

/// Runs a shard on the loop of this thread until [`Command::Stop`].
///
/// # Errors
/// If the thread lacks what it needs to start (file descriptors).
pub async fn run(setup: ShardSetup, context: SessionContext) -> std::io::Result<()> {
    let clock = TokioClock::install()?;
    runtime::spawn(clock.run());
    install_loop_spawner();
    let (registry, counters) = (setup.shared.registry.clone(), context.counters.clone());
    let shard = Rc::new(Shard {
        index: setup.index,
        shared: setup.shared,
        manager: Rc::new(ConnectionManager::new(registry, counters.clone())),
        context: Rc::new(context),
        handshakes: HandshakeSlots::default(),
        refusals: ClientLogLimiter::new(crate::clock::now()),
        refused_requests: ClientLogLimiter::new(crate::clock::now()),
        untrusted_peers: ClientLogLimiter::new(crate::clock::now()),
        exhausted: LogLimiter::default(),
        accepting: RefCell::default(),
    });
    counters.note_heartbeat(crate::clock::now(), crate::clock::thread_cpu());
    runtime::on_heartbeat(move |now| counters.note_heartbeat(now, crate::clock::thread_cpu()));
    for listener in setup.listeners {
        let accepts = Rc::clone(&shard);
        let listener = runtime::Listener::new(listener)?;
        let task = runtime::spawn_scoped(async move { accept::run(listener, &accepts).await });
        shard.accepting.borrow_mut().extend(task);
    }
    shard.shared.lifecycle.shard_started();
    let commands = setup.commands;
    while let Ok(command) = commands.recv().await {
        if matches!(command, Command::Stop) {
            break;
        }
        shard.apply(command);
    }
    // Senders outlive the shard; sockets in unread commands must not.
    commands.close();
    while commands.try_recv().is_ok() {}
    shard.manager.abort();
    // Every other task is dropped now, and its guards give back what they hold.
    Ok(())
}

impl Shard {
    fn apply(self: &Rc<Self>, command: Command) {
        // A reply fails only if nobody waits for it any more.
        match command {
            Command::Adopt(transfer) => connection::spawn(self, transfer),
            Command::Sessions { reply } => {
                let _ = reply.try_send(self.manager.open_sessions());
            }
            Command::Session { id, reply } => {
                let _ = reply.try_send(self.manager.session(id));
            }
            Command::Remove { id, reply } => {
                let _ = reply.try_send(self.manager.remove_session(id));
            }
            Command::Displace { id } => self.manager.displace(id),
            Command::StopAccepting { reply } => {
                // Closes the listening sockets. A connection is accepted and placed without an
                // await between, so none is lost.
                drop(self.accepting.take());
                let _ = reply.try_send(());
            }
            Command::Drain(drain) => self.manager.shutdown(drain),
            Command::DrainOver => self.manager.end_all(&SessionError::Draining),
            // Handled by the caller.
            Command::Stop => {}
        }
    }
}
