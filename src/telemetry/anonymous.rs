//! Rate limit of log lines that clients cause before they have logged in: one per client network
//! and one for all of them, so that none pushes out another's, or those of sessions that have
//! logged in. Suppressed lines are counted, and the count is logged.
//!
//! A line is a client's if it is of its session (the span `session`), or names it in the field
//! `client` or `peer`. Lines of `debug` and below are not limited, since an operator who asks for
//! them wants all; nor are those of the admin listener.

use crate::limits::{ClientKey, Rate, RateTable};
use std::fmt::Debug;
use std::net::{IpAddr, SocketAddr};
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};
use tracing::field::{Field, Visit};
use tracing::span::{Attributes, Id};
use tracing::{Event, Level, Span, Subscriber};
use tracing_subscriber::layer::{Context, Layer};
use tracing_subscriber::registry::{LookupSpan, Registry};

/// Lines of one client at once, and one more every [`CLIENT_INTERVAL`].
const CLIENT_BURST: u32 = 64;
const CLIENT_INTERVAL: Duration = Duration::from_millis(500);

/// Lines of all clients at once, and one more every [`ALL_INTERVAL`]. What waits for the writer has
/// room for several times as many.
const ALL_BURST: u32 = 2048;
const ALL_INTERVAL: Duration = Duration::from_millis(5);

/// Clients that are remembered, 8 bytes each. More clients share entries.
const CLIENTS: usize = 8192;

/// Delay between the first suppressed line and the line that counts them.
const REPORT_AFTER: Duration = Duration::from_secs(10);

/// Name of the span of a session.
const SESSION: &str = "session";

/// Suppressed lines that no line has counted yet.
static SUPPRESSED: AtomicU64 = AtomicU64::new(0);

/// Client of a session; in the extensions of its span until the client has logged in.
struct Anonymous(ClientKey);

/// Marks the session as one whose client has logged in: its lines are not limited from now on.
pub fn note_logged_in(session: &Span) {
    session.with_subscriber(|(id, subscriber)| {
        let registry = subscriber.downcast_ref::<Registry>();
        if let Some(span) = registry.and_then(|registry| registry.span(id)) {
            span.extensions_mut().remove::<Anonymous>();
        }
    });
}

/// Layer that suppresses lines.
pub(super) struct AnonymousLines {
    clients: RateTable,
    all: RateTable,
    /// None if there was no thread: lines are suppressed all the same, and not counted in the log.
    reporter: Option<JoinHandle<()>>,
}

impl AnonymousLines {
    /// Makes the layer and starts its reporter. `epoch` is any time before its first use.
    pub(super) fn new(epoch: Instant) -> Self {
        let reporter = std::thread::Builder::new().name("sshard-log-limit".to_owned());
        Self {
            clients: RateTable::new(CLIENTS, epoch),
            all: RateTable::new(1, epoch),
            reporter: reporter.spawn(report).ok(),
        }
    }

    fn allows_line(&self, client: ClientKey, now: Instant) -> bool {
        let rate = Rate::new(CLIENT_BURST, CLIENT_INTERVAL);
        let all = Rate::new(ALL_BURST, ALL_INTERVAL);
        let allowed =
            self.clients.take(client, rate, now).is_ok() && self.all.take((), all, now).is_ok();
        if !allowed
            && SUPPRESSED.fetch_add(1, Ordering::Relaxed) == 0
            && let Some(reporter) = &self.reporter
        {
            reporter.thread().unpark();
        }
        allowed
    }
}

/// Logs the number of suppressed lines, [`REPORT_AFTER`] the first.
fn report() {
    loop {
        while SUPPRESSED.load(Ordering::Relaxed) == 0 {
            std::thread::park();
        }
        let due = crate::clock::now() + REPORT_AFTER;
        while let Some(left) = due.checked_duration_since(crate::clock::now()) {
            std::thread::park_timeout(left);
        }
        report_now();
    }
}

/// Logs the number of suppressed lines since the last report, if any.
pub(super) fn report_now() {
    let lines = SUPPRESSED.swap(0, Ordering::Relaxed);
    if lines > 0 {
        tracing::warn!(
            lines,
            "log lines of clients that have not logged in were suppressed; rate_limit.enabled \
             bounds how often a client may come"
        );
    }
}

impl<S: Subscriber + for<'a> LookupSpan<'a>> Layer<S> for AnonymousLines {
    fn on_new_span(&self, attributes: &Attributes<'_>, id: &Id, context: Context<'_, S>) {
        if attributes.metadata().name() != SESSION {
            return;
        }
        let mut client = ClientField(None);
        attributes.record(&mut client);
        if let (Some(client), Some(span)) = (client.0, context.span(id)) {
            span.extensions_mut().insert(Anonymous(client));
        }
    }

    fn event_enabled(&self, event: &Event<'_>, context: Context<'_, S>) -> bool {
        let metadata = event.metadata();
        if *metadata.level() > Level::INFO || metadata.target().starts_with("sshard::control") {
            return true;
        }
        let scope = context.event_scope(event);
        let session = scope.and_then(|mut scope| scope.find(|span| span.name() == SESSION));
        let client = match session {
            Some(session) => session
                .extensions()
                .get::<Anonymous>()
                .map(|anonymous| anonymous.0),
            None => {
                let mut client = ClientField(None);
                event.record(&mut client);
                client.0
            }
        };
        client.is_none_or(|client| self.allows_line(client, crate::clock::now()))
    }
}

/// Client that a field names, by its address or that of its socket.
struct ClientField(Option<ClientKey>);

impl Visit for ClientField {
    fn record_debug(&mut self, field: &Field, value: &dyn Debug) {
        if !matches!(field.name(), "client" | "peer") {
            return;
        }
        let text = format!("{value:?}");
        let ip = text.parse::<IpAddr>().ok();
        let ip = ip.or_else(|| Some(text.parse::<SocketAddr>().ok()?.ip()));
        self.0 = ip.map(ClientKey::from).or(self.0);
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a failed assertion is a failed test")]
mod tests {
    use super::*;
    use std::sync::Arc;
    use tracing_subscriber::layer::SubscriberExt;

    /// Counts the lines that pass.
    struct Passed(Arc<AtomicU64>);

    impl<S: Subscriber> Layer<S> for Passed {
        fn on_event(&self, _: &Event<'_>, _: Context<'_, S>) {
            self.0.fetch_add(1, Ordering::Relaxed);
        }
    }

    /// Returns the number of lines that `work` causes and that pass.
    fn passed(work: impl FnOnce()) -> u64 {
        let count = Arc::<AtomicU64>::default();
        let lines = AnonymousLines::new(crate::clock::now());
        let subscriber = Registry::default()
            .with(lines)
            .with(Passed(Arc::clone(&count)));
        tracing::subscriber::with_default(subscriber, work);
        count.load(Ordering::Relaxed)
    }

    fn client(last: u8) -> IpAddr {
        IpAddr::from([192, 0, 2, last])
    }

    /// A slow machine lets more pass, for the limit refills with time.
    fn is_limited(count: u64) {
        let burst = u64::from(CLIENT_BURST);
        assert!((burst..burst + 40).contains(&count), "{count}");
    }

    #[test]
    fn a_client_has_a_limit_and_hides_no_other() {
        is_limited(passed(|| {
            for _ in 0..1000 {
                tracing::info!(client = %client(1), "refused");
            }
        }));
        is_limited(passed(|| {
            for port in 0..1000 {
                tracing::warn!(peer = %SocketAddr::from((client(1), port)), "refused");
            }
        }));
        let others = passed(|| {
            for _ in 0..1000 {
                tracing::info!(client = %client(1), "refused");
            }
            for last in 2..100 {
                tracing::error!(client = %client(last), "refused");
            }
        });
        is_limited(others - 98);
    }

    #[test]
    fn a_session_is_limited_until_its_client_has_logged_in() {
        let session = || tracing::info_span!("session", client = %client(1));
        is_limited(passed(|| {
            for _ in 0..500 {
                session().in_scope(|| tracing::info!("not reachable"));
                session()
                    .in_scope(|| tracing::info_span!("inner").in_scope(|| tracing::warn!("x")));
            }
        }));
        let logged_in = passed(|| {
            let session = session();
            note_logged_in(&session);
            for _ in 0..500 {
                session.in_scope(|| tracing::info!("ready"));
            }
        });
        assert_eq!(logged_in, 500);
    }

    #[test]
    fn lines_without_a_client_and_debug_lines_are_not_limited() {
        let count = passed(|| {
            for _ in 0..500 {
                tracing::info!("reloaded");
                tracing::info!(client = "nobody", "x");
                tracing::debug!(client = %client(1), "refused");
                tracing::info!(target: "sshard::control::admin", client = %client(1), "drains");
            }
        });
        assert_eq!(count, 2000);
    }

    #[test]
    fn all_clients_together_have_a_limit() {
        let count = passed(|| {
            for n in 0..20_000_u32 {
                tracing::info!(client = %std::net::Ipv4Addr::from(0x0a00_0000 + n), "refused");
            }
        });
        assert!((u64::from(ALL_BURST)..10_000).contains(&count), "{count}");
    }
}
