//! One shard: one pinned thread, its listeners, its sessions. Everything here
//! but `placement`, `lifecycle` and `command channel` lives on that one thread and is
//! shared with no other.

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
mod slots;

pub use crate::bridge::Drain;
pub use command::{
    Command, CommandReceiver, CommandSender, ConnectionTransfer, TransferStage, command_channel,
};
pub use lifecycle::Lifecycle;
pub use listen::{Listeners, bind, cannot_listen, distribute, is_listener, try_bind};
pub use manager::ConnectionManager;
pub use placement::{Placement, Reservation};

use crate::bridge::SessionContext;
use crate::bridge::Unauthenticated;
use crate::error::SessionError;
use crate::limits::{LimitTable, LoginPool, RateTable};
use crate::registry::Registry;
use crate::runtime::{self, TokioClock};
use crate::ssh::run_loops_here;
use crate::telemetry::{ClientLogLimiter, LogLimiter, OwnCounters};
use slots::HandshakeSlots;
use socket2::Socket;
use std::cell::RefCell;
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

/// What a shard is made from; everything in it may cross threads.
pub struct ShardSetup {
    /// Its number, from 0.
    pub index: usize,
    /// Its listening sockets, one per address.
    pub listeners: Vec<Socket>,
    /// Its commands.
    pub commands: CommandReceiver,
    /// The command channel of every shard, by number.
    pub peers: Arc<[CommandSender]>,
    /// Where connections go.
    pub placement: Arc<Placement>,
    /// The limits of the process.
    pub limits: Arc<LimitTable>,
    /// Connections that have not logged in yet.
    pub login_pool: Arc<LoginPool<Unauthenticated>>,
    /// How often clients have come lately.
    pub rates: Arc<RateTable>,
    /// The sessions of the process.
    pub registry: Registry,
    /// How the process is.
    pub lifecycle: Arc<Lifecycle>,
}

/// What the shard's tasks share.
pub(crate) struct Shard {
    pub(crate) index: usize,
    pub(crate) peers: Arc<[CommandSender]>,
    pub(crate) placement: Arc<Placement>,
    pub(crate) limits: Arc<LimitTable>,
    pub(crate) login_pool: Arc<LoginPool<Unauthenticated>>,
    pub(crate) rates: Arc<RateTable>,
    pub(crate) lifecycle: Arc<Lifecycle>,
    pub(crate) manager: Rc<ConnectionManager>,
    pub(crate) context: Rc<SessionContext>,
    /// Connections before the end of their upgrade.
    pub(crate) handshakes: HandshakeSlots,
    /// Connections for which there was no place.
    pub(crate) refusals: ClientLogLimiter,
    /// Peers that may not speak the PROXY protocol.
    pub(crate) untrusted_peers: ClientLogLimiter,
    /// Accepts that failed for want of something.
    pub(crate) exhausted: LogLimiter,
    accepting: RefCell<Vec<runtime::Task>>,
}

/// How often a shard shows that its loop turns.
const HEARTBEAT: Duration = Duration::from_millis(500);

/// Runs a shard on the loop of this thread until it is told to stop.
///
/// # Errors
/// If the thread lacks what it needs to start (file descriptors).
pub async fn run(setup: ShardSetup, context: SessionContext) -> std::io::Result<()> {
    let clock = TokioClock::install()?;
    runtime::spawn(clock.run());
    run_loops_here();
    let ShardSetup {
        index,
        listeners,
        commands,
        peers,
        placement,
        limits,
        login_pool,
        rates,
        registry,
        lifecycle,
    } = setup;
    let counters = context.counters.clone();
    let shard = Rc::new(Shard {
        index,
        peers,
        placement,
        manager: Rc::new(ConnectionManager::new(
            registry,
            Arc::clone(&limits),
            counters.clone(),
        )),
        limits,
        login_pool,
        rates,
        lifecycle,
        context: Rc::new(context),
        handshakes: HandshakeSlots::default(),
        refusals: ClientLogLimiter::new(crate::clock::now()),
        untrusted_peers: ClientLogLimiter::new(crate::clock::now()),
        exhausted: LogLimiter::default(),
        accepting: RefCell::default(),
    });
    counters.beat(crate::clock::now(), crate::clock::thread_cpu());
    runtime::spawn(async move { beat(&counters).await });
    for listener in listeners {
        let accepts = Rc::clone(&shard);
        let listener = runtime::Listener::new(listener)?;
        let task = runtime::spawn_scoped(async move { accept::run(listener, &accepts).await });
        shard.accepting.borrow_mut().extend(task);
    }
    shard.lifecycle.shard_started();
    while let Ok(message) = commands.recv().await {
        if matches!(message, Command::Stop) {
            break;
        }
        shard.read(message);
    }
    // Senders outlive the shard; what they have sent must not.
    commands.close();
    while commands.try_recv().is_ok() {}
    shard.manager.abort();
    // Every other task is dropped now, and gives back what it holds.
    Ok(())
}

async fn beat(counters: &OwnCounters) {
    loop {
        runtime::sleep(HEARTBEAT).await;
        counters.beat(crate::clock::now(), crate::clock::thread_cpu());
    }
}

impl Shard {
    fn read(self: &Rc<Self>, message: Command) {
        // An answer is refused only by an asker that has left.
        match message {
            Command::Adopt(transfer) => connection::spawn(self, transfer),
            Command::Sessions { reply } => {
                let _ = reply.try_send(self.manager.active_sessions());
            }
            Command::Session { id, reply } => {
                let _ = reply.try_send(self.manager.session(id));
            }
            Command::Remove { id, reply } => {
                let _ = reply.try_send(self.manager.remove_session(id));
            }
            Command::Displace { id } => self.manager.displace(id),
            Command::StopAccepting { reply } => {
                self.stop_accepting();
                let _ = reply.try_send(());
            }
            Command::Drain(drain) => self.manager.shutdown(drain),
            Command::DrainOver => self.manager.end_all(&SessionError::Draining),
            // Read by the caller.
            Command::Stop => {}
        }
    }

    /// Closes the shard's listening sockets. A connection is accepted and
    /// placed in one step, so that none is lost between.
    fn stop_accepting(&self) {
        drop(self.accepting.take());
    }
}
