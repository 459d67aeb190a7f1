//! One shard on a thread of the test's own process, without listeners: it gets connections by
//! message.

use super::fixture::path_to;
use super::{Client, Options, ScriptedSsh, SshScript};
use arc_swap::ArcSwap;
use socket2::Socket;
use sshard::bridge::{ConfigSnapshot, LoginThrottle, SessionContext};
use sshard::config::{self, Layers};
use sshard::limits::{LimitTable, Limits, RateTable};
use sshard::registry::Registry;
use sshard::runtime;
use sshard::shard::{
    self, Command, CommandReceiver, CommandSender, ConnectionTransfer, Placement, ProcessLifecycle,
    ShardSetup, SharedState, TransferStage,
};
use sshard::ssh::known_hosts::Store;
use sshard::targets::{OwnListeners, Resolver};
use sshard::telemetry::{AuditLog, Counters};
use sshard::workers::{Bounds, Workers};
use std::net::{TcpListener, TcpStream};
use std::path::Path;
use std::sync::Arc;
use std::thread::JoinHandle;

/// The shard, and the server its sessions go to.
pub(crate) struct Shard {
    pub(crate) snapshot: Arc<ArcSwap<ConfigSnapshot>>,
    pub(crate) placement: Arc<Placement>,
    pub(crate) commands: CommandSender,
    received: Option<(CommandReceiver, SessionContext)>,
    thread: Option<JoinHandle<()>>,
    pub(crate) ssh: ScriptedSsh,
}

impl Shard {
    /// Not running yet. `settings` as for `--set`.
    pub(crate) fn new(script: SshScript, settings: &[String]) -> Self {
        let ssh = ScriptedSsh::start(script);
        let mut set = vec![
            format!("targets.allow={}", ssh.addr()),
            "ssh.host_key_policy=off".to_owned(),
        ];
        set.extend_from_slice(settings);
        let layers = Layers {
            set,
            ..Layers::default()
        };
        let loaded = config::load(&layers).unwrap();
        let workers = Workers::start("test", Bounds::fixed(1, 16)).unwrap();
        let snapshot = ConfigSnapshot::new(loaded, workers, OwnListeners::default());
        let snapshot = Arc::new(ArcSwap::from_pointee(snapshot.ok().unwrap()));
        let now = sshard::clock::now();
        let context = SessionContext {
            snapshot: Arc::clone(&snapshot),
            resolver: Resolver::start(1).unwrap(),
            known_hosts: Store::start(Path::new("/dev/null")).unwrap(),
            logins: LoginThrottle::new(1024, sshard::clock::now),
            counters: Counters::new(1, now).of_shard(0),
            audit: AuditLog::default(),
        };
        let (commands, received) = shard::command_channel();
        Self {
            snapshot,
            placement: Placement::new(1, config::Placement::Balanced),
            commands,
            received: Some((received, context)),
            thread: None,
            ssh,
        }
    }

    pub(crate) fn start(&mut self) {
        let (setup, context) = self.setup();
        let run = move || shard::run(setup, context);
        self.thread = Some(on_a_loop(run));
    }

    /// Arguments of [`shard::run`], once.
    pub(crate) fn setup(&mut self) -> (ShardSetup, SessionContext) {
        let (commands, context) = self.received.take().unwrap();
        let limits = Limits {
            max_connections: 9,
            max_per_target: 9,
            max_unauthenticated: 9,
            max_per_client: 0,
        };
        let shared = SharedState {
            peers: [self.commands.clone()].into(),
            placement: Arc::clone(&self.placement),
            limits: LimitTable::new(limits, 9),
            login_pool: Arc::default(),
            rates: Arc::new(RateTable::new(1024, sshard::clock::now())),
            registry: Registry::default(),
            lifecycle: Arc::new(ProcessLifecycle::new(1)),
        };
        let setup = ShardSetup {
            index: 0,
            listeners: Vec::new(),
            commands,
            shared,
        };
        (setup, context)
    }

    pub(crate) fn running(settings: &[String]) -> Self {
        let mut shard = Self::new(SshScript::default(), settings);
        shard.start();
        shard
    }

    pub(crate) fn adopt(&self, socket: TcpStream, stage: TransferStage) {
        let client = socket.peer_addr().unwrap();
        socket.set_nonblocking(true).unwrap();
        let transfer = ConnectionTransfer {
            socket: Socket::from(socket),
            stage,
            client,
            reservation: self.placement.reserve_on(0),
        };
        self.commands
            .try_send(Command::Adopt(transfer))
            .ok()
            .unwrap();
    }

    /// A client of the shard, which goes to its server.
    pub(crate) fn connect(&self) -> Client {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let path = path_to(self.ssh.addr());
        std::thread::scope(|scope| {
            let client = scope.spawn(|| Client::connect(address, &path, &Options::v1()));
            // The request is in the socket's buffer until the shard has it.
            let (socket, _) = listener.accept().unwrap();
            self.adopt(socket, TransferStage::Accepted { proxied: false });
            client.join().unwrap()
        })
    }

    /// Waits for the end of the thread, after a message to stop.
    pub(crate) fn join(&mut self) {
        self.thread.take().unwrap().join().unwrap();
    }

    pub(crate) fn stop(&mut self) {
        self.commands.try_send(Command::Stop).ok().unwrap();
        self.join();
    }
}

impl Drop for Shard {
    fn drop(&mut self) {
        if self.thread.is_some() && !std::thread::panicking() {
            self.stop();
        }
    }
}

/// A thread like a shard's, pinned.
pub(crate) fn on_a_thread<F: Future<Output = ()>>(
    work: impl FnOnce() -> F + Send + 'static,
) -> JoinHandle<()> {
    let cpu = core_affinity::get_core_ids().unwrap()[0].id;
    runtime::spawn_thread("test-shard", cpu, || {}, work).unwrap()
}

/// A thread with a shard's loop.
pub(crate) fn on_a_loop<F: Future<Output = std::io::Result<()>> + 'static>(
    work: impl FnOnce() -> F + Send + 'static,
) -> JoinHandle<()> {
    on_a_thread(|| async { runtime::run(work()).await.flatten().unwrap() })
}
