//! Bridge inside the test's own process, for faults that no client can cause: a subscriber of the
//! log panics on one message. One at a time, because panics, descriptors and threads are of the
//! whole process.

use super::Admin;
use sshard::config::{self, Layers};
use sshard::server::Server;
use std::fs;
use std::net::SocketAddr;
use std::sync::{Mutex, MutexGuard, Once, PoisonError};
use std::thread::JoinHandle;
use tracing::field::{Field, Visit};
use tracing::{Event, Metadata, Subscriber};
use tracing_subscriber::layer::{Context, Layer, SubscriberExt};
use tracing_subscriber::registry;

/// Input of this length makes its session panic, in the middle of a poll.
pub(crate) const POISON: usize = 1313;

static ALONE: Mutex<()> = Mutex::new(());
static FAULTS: Once = Once::new();

pub(crate) struct InProcess {
    pub(crate) addr: SocketAddr,
    pub(crate) admin: Admin,
    server: Option<JoinHandle<Result<(), usize>>>,
    _alone: MutexGuard<'static, ()>,
}

impl InProcess {
    /// A bridge with these settings, as for `--set`.
    pub(crate) fn start(settings: &[&str]) -> Self {
        // A failed test leaves no state that the next depends on.
        let alone = ALONE.lock().unwrap_or_else(PoisonError::into_inner);
        let faults = || tracing::subscriber::set_global_default(registry().with(Faults)).unwrap();
        FAULTS.call_once(faults);
        let ports = [
            "server.listen=127.0.0.1:0",
            "admin.listen=127.0.0.1:0",
            "rate_limit.login_failures=0",
        ];
        let layers = Layers {
            set: ports
                .iter()
                .chain(settings)
                .map(|setting| (*setting).to_owned())
                .collect(),
            ..Layers::default()
        };
        let loaded = config::load(&layers).unwrap_or_else(|errors| panic!("{errors}"));
        let server = Server::start(loaded, true).unwrap();
        Self {
            addr: server.addresses[0],
            admin: Admin::at(server.admin_addresses[0]),
            server: Some(std::thread::spawn(move || server.run())),
            _alone: alone,
        }
    }

    /// Waits for its end, after a drain.
    pub(crate) fn join(mut self) {
        self.ended();
    }

    fn ended(&mut self) {
        let ended = self.server.take().unwrap().join().unwrap();
        assert_eq!(ended, Ok(()), "no shard has died");
    }
}

impl Drop for InProcess {
    fn drop(&mut self) {
        if self.server.is_some() && !std::thread::panicking() {
            self.admin.post("/api/v1/drain");
            self.ended();
        }
    }
}

/// Open file descriptors and threads of this process.
pub(crate) fn footprint() -> (usize, usize) {
    let count = |directory: &str| fs::read_dir(directory).unwrap().count();
    (count("/proc/self/fd"), count("/proc/self/task"))
}

struct Faults;

#[derive(Default)]
struct Message {
    is_input: bool,
    bytes: u64,
}

impl Visit for Message {
    fn record_debug(&mut self, _: &Field, _: &dyn std::fmt::Debug) {}

    fn record_str(&mut self, field: &Field, value: &str) {
        self.is_input |= field.name() == "kind" && value == "input";
    }

    fn record_u64(&mut self, field: &Field, value: u64) {
        if field.name() == "bytes" {
            self.bytes = value;
        }
    }
}

impl<S: Subscriber> Layer<S> for Faults {
    fn enabled(&self, metadata: &Metadata<'_>, _: Context<'_, S>) -> bool {
        metadata.target() == "sshard::messages"
    }

    fn on_event(&self, event: &Event<'_>, _: Context<'_, S>) {
        let mut message = Message::default();
        event.record(&mut message);
        assert!(
            !(message.is_input && message.bytes == POISON as u64),
            "planted: input of {POISON} bytes"
        );
    }
}
