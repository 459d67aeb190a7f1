//! The server: checks the machine, binds the listeners, places the shards on CPUs, starts and stops
//! them. What can be refused is refused before anything runs.

mod check;
mod cpus;
mod error;
mod listeners;
pub mod machine;

pub use check::{Refusals, check, check_addresses};
pub use cpus::{CpuError, pick as pick_cpus};
pub use error::StartError;
pub use machine::MachineError;

use crate::bridge::{ConfigSnapshot, LoginThrottle, SessionContext};
use crate::config::{Config, Loaded};
use crate::control::admin::AdminHandle;
use crate::control::takeover::SocketFiles;
use crate::control::{self, Event, EventSender, ProcessHandles, Reloader, SharedToken};
use crate::limits::{LimitTable, RateTable};
use crate::registry::{Instance, Registry};
use crate::runtime;
use crate::shard::{self, Placement, ProcessLifecycle, ShardSetup, SharedState};
use crate::ssh::known_hosts::Store;
use crate::targets::{OwnListeners, Resolver};
use crate::telemetry::{AuditLog, Counters};
use crate::workers::{Bounds, Workers};
use arc_swap::ArcSwap;
use error::io_error;
use listeners::Listeners;
use std::io;
use std::net::{SocketAddr, TcpListener};
use std::path::Path;
use std::sync::Arc;
use std::sync::mpsc::Receiver;
use std::thread::JoinHandle;
use std::time::Duration;

/// Private keys that may wait to be read. Each is a login in progress, whose own deadline is a few
/// seconds: more could not be served in time.
const WORKER_QUEUE: usize = 1024;

/// Time between two checks whether every shard listens.
const POLL_INTERVAL: Duration = Duration::from_millis(1);

/// Least number of threads for private keys. From there on one per shard, since more threads than
/// CPUs serve none faster.
const MIN_WORKERS: usize = 2;

/// Longest wait of the process's end for the last lines of the audit log.
const AUDIT_FLUSH: Duration = Duration::from_secs(5);

/// A running server.
pub struct Server {
    /// Addresses of the public listeners, ports filled in.
    pub addresses: Vec<SocketAddr>,
    /// Addresses of the admin listener, ports filled in.
    pub admin_addresses: Vec<SocketAddr>,
    _admin: Option<AdminHandle>,
    _takeover: Option<SocketFiles>,
    shards: Vec<JoinHandle<()>>,
    process: ProcessHandles,
    events: Receiver<Event>,
    reloader: Option<Reloader>,
}

impl Server {
    /// Starts all shards. Returns when every one listens. `reloadable`: the configuration may be
    /// read again from its layers.
    ///
    /// # Errors
    /// [`StartError`]; nothing is left running then but idle threads.
    pub fn start(loaded: Loaded, reloadable: bool) -> Result<Self, StartError> {
        let config = Arc::clone(&loaded.config);
        // Before there is a secret.
        machine::limit_core_dumps(&config)?;
        let cpus = cpus::choose(&config.server)?;
        machine::check(&config, cpus.len())?;
        // Before anything is pinned: threads inherit the CPUs of their maker.
        let resolver = Resolver::start(config.targets.resolver_threads as usize)
            .map_err(io_error("cannot start the resolver"))?;
        let bounds = Bounds::fixed(cpus.len().max(MIN_WORKERS), WORKER_QUEUE);
        let workers = Workers::start("crypto", bounds)
            .map_err(io_error("cannot start the threads for private keys"))?;
        let known_hosts = Store::start(&config.ssh.known_hosts)
            .map_err(StartError::setting("ssh.known_hosts"))?;
        let audit = config.audit.file.as_deref();
        let audit = AuditLog::start(audit)
            .map_err(|error| StartError::audit(audit.unwrap_or(Path::new("")), error))?;
        let own = OwnListeners::default();
        let snapshot = ConfigSnapshot::new(loaded, workers.clone(), own.clone())?;
        let counters = Counters::new(cpus.len(), crate::clock::now());
        let context = SessionContext {
            snapshot: Arc::new(ArcSwap::from_pointee(snapshot)),
            resolver,
            known_hosts,
            logins: LoginThrottle::new(rate_slots(&config), crate::clock::now),
            // Each shard gets its own.
            counters: counters.of_shard(0),
            audit,
        };
        let (mut server, token) = Self::start_shards((&context, counters), &own, &config, &cpus)?;
        server.log_start(&config, &cpus, &context.known_hosts);
        let shards = cpus.len();
        server.reloader = reloadable.then(|| Reloader {
            known_hosts: context.known_hosts,
            token,
            workers,
            own,
            machine_check: Box::new(move |config| {
                machine::check_files(config, shards).map_err(|error| error.to_string())
            }),
        });
        Ok(server)
    }

    fn start_shards(
        (context, counters): (&SessionContext, Counters),
        own: &OwnListeners,
        config: &Config,
        cpus: &[usize],
    ) -> Result<(Self, SharedToken), StartError> {
        let mut listeners = listeners::open(config, cpus.len())?;
        let handover = listeners
            .handover_offer(config)
            .map_err(io_error("cannot duplicate a listening socket"))?;
        let Listeners {
            addresses,
            by_shard,
            admin,
            ..
        } = listeners;
        let admin_addresses = admin.listeners.iter().map(TcpListener::local_addr);
        let admin_addresses: Result<Vec<_>, _> = admin_addresses.collect();
        let admin_addresses = admin_addresses.map_err(io_error("admin.listen"))?;
        own.set([&addresses[..], &admin_addresses].concat());
        let (senders, receivers): (Vec<_>, Vec<_>) =
            cpus.iter().map(|_| shard::command_channel()).unzip();
        let (event_sender, events) = control::events();
        control::watch_signals(event_sender.clone()).map_err(io_error("cannot watch signals"))?;
        let process = ProcessHandles {
            commands: senders.into(),
            placement: Placement::new(cpus.len(), config.server.placement),
            lifecycle: Arc::new(ProcessLifecycle::new(cpus.len())),
            snapshot: Arc::clone(&context.snapshot),
            limits: limit_table(config),
            registry: Registry::new(instance(config)?),
            counters,
            audit: context.audit.clone(),
        };
        let shared = shared_state(config, &process);
        let token = Arc::clone(&admin.token);
        let admin = admin.start(process.clone(), event_sender.clone())?;
        let mut shards = Vec::new();
        let parts = cpus.iter().zip(by_shard).zip(receivers);
        for (index, ((cpu, listeners), commands)) in parts.enumerate() {
            let setup = ShardSetup {
                index,
                listeners,
                commands,
                shared: shared.clone(),
            };
            let mut context = context.clone();
            context.counters = process.counters.of_shard(index);
            let thread = start_shard(*cpu, setup, context, event_sender.clone());
            shards.push(thread.map_err(io_error("cannot start the thread of a shard"))?);
        }
        wait_until_ready(&process.lifecycle, &events)?;
        // A takeover passes the admin port on, too.
        let (admin, takeover) = match handover {
            Some(handover) => (None, handover.start(admin, &process, event_sender)?),
            None => (Some(admin), None),
        };
        let server = Self {
            addresses,
            admin_addresses,
            _admin: admin,
            _takeover: takeover,
            shards,
            process,
            events,
            reloader: None,
        };
        Ok((server, token))
    }

    /// Logs the one line that says what serves, where, and by which rules.
    fn log_start(&self, config: &Config, cpus: &[usize], known_hosts: &Store) {
        let Instance { node, id } = self.process.registry.instance();
        tracing::info!(
            version = env!("SSHARD_VERSION"),
            node,
            instance = %id,
            shards = cpus.len(),
            cpus = list(cpus),
            listen = list(&self.addresses),
            admin = list(&self.admin_addresses),
            tls = config.tls.cert_file.is_some(),
            rules = config.targets.allow.len(),
            named_targets = config.targets.named.len(),
            known_hosts = known_hosts.current().names(),
            "serving"
        );
    }

    /// Serves until a signal and the drain that follows.
    ///
    /// # Errors
    /// The number of a shard that died: the process must not go on.
    pub fn run(self) -> Result<(), usize> {
        let audit = self.process.audit.clone();
        let ended = self.serve();
        audit.flush(AUDIT_FLUSH);
        ended
    }

    fn serve(self) -> Result<(), usize> {
        control::supervise(&self.process, self.reloader, &self.events)
            .inspect_err(|shard| tracing::error!(shard, "a shard has died"))?;
        control::stop(&self.process.commands, self.shards);
        Ok(())
    }
}

/// Returns when every shard listens.
fn wait_until_ready(
    lifecycle: &ProcessLifecycle,
    events: &Receiver<Event>,
) -> Result<(), StartError> {
    while lifecycle.is_starting() {
        match events.recv_timeout(POLL_INTERVAL) {
            Ok(Event::ShardEnded(shard)) => return Err(StartError::Shard(shard)),
            Ok(Event::Terminate | Event::Drain) => return Err(StartError::Interrupted),
            Ok(Event::Reload { reply }) => {
                let refusal = "the server is starting; try again in a moment";
                let _ = reply.try_send(Err(refusal.to_owned()));
            }
            Ok(Event::Hangup) => {
                tracing::warn!("SIGHUP while starting: the configuration is not read again");
            }
            Ok(Event::TakenOver) | Err(_) => {}
        }
    }
    Ok(())
}

fn limit_table(config: &Config) -> Arc<LimitTable> {
    // One slot per connection: the table never fills first.
    let target_slots = config.limits.max_connections as usize;
    LimitTable::new(control::limits_of(config), target_slots)
}

/// State that all shards share, beside that which the admin listener reads, too.
fn shared_state(config: &Config, process: &ProcessHandles) -> SharedState {
    let rates = RateTable::new(rate_slots(config), crate::clock::now());
    SharedState {
        peers: Arc::clone(&process.commands),
        placement: Arc::clone(&process.placement),
        limits: Arc::clone(&process.limits),
        login_pool: Arc::default(),
        rates: Arc::new(rates),
        registry: process.registry.clone(),
        lifecycle: Arc::clone(&process.lifecycle),
    }
}

/// Names this run of the process, on the node of `server.node`; by default that is the host,
/// without a name if it cannot be read.
fn instance(config: &Config) -> Result<Instance, StartError> {
    let node = match config.server.node.as_str() {
        Some(node) => node.to_owned(),
        None => {
            let name = std::fs::read_to_string("/proc/sys/kernel/hostname");
            name.unwrap_or_default().trim_end().to_owned()
        }
    };
    Instance::random(node).map_err(io_error("no randomness for an instance id"))
}

fn list(items: &[impl ToString]) -> String {
    let items: Vec<String> = items.iter().map(ToString::to_string).collect();
    items.join(", ")
}

fn rate_slots(config: &Config) -> usize {
    config.rate_limit.table_size as usize
}

fn start_shard(
    cpu: usize,
    setup: ShardSetup,
    context: SessionContext,
    events: EventSender,
) -> io::Result<JoinHandle<()>> {
    let index = setup.index;
    // Waits for room in the channel, so that the event is never lost. Fails only if the control
    // thread is gone, and then the process is at its end.
    let on_end = move || drop(events.send(Event::ShardEnded(index)));
    let name = format!("sshard-{index}");
    runtime::spawn_thread(&name, cpu, on_end, move || async move {
        let ended = runtime::run(shard::run(setup, context)).await;
        if let Err(error) = ended.flatten() {
            tracing::error!(shard = index, %error, "the event loop of a shard ended with an error");
        }
    })
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a failed assertion is a failed test")]
mod tests {
    use super::*;

    #[test]
    fn a_reload_while_starting_is_refused_and_not_forgotten() {
        let (sender, receiver) = control::events();
        let (reply, answer) = async_channel::bounded(1);
        for event in [Event::Hangup, Event::Reload { reply }, Event::Terminate] {
            sender.send(event).unwrap();
        }
        let ended = wait_until_ready(&ProcessLifecycle::new(1), &receiver);
        assert!(matches!(ended, Err(StartError::Interrupted)), "{ended:?}");
        assert!(answer.try_recv().unwrap().unwrap_err().contains("starting"));
    }
}
