//! Logging to stderr through one writer thread: a shard never waits for the
//! terminal or the disk behind it. Lines that the writer can't keep up with
//! are counted and dropped, never awaited.

use crate::config::{Log, LogFormat};
use tracing_appender::non_blocking::{NonBlockingBuilder, WorkerGuard};
use tracing_subscriber::EnvFilter;

/// Tracing target of per-message events: direction, kind, size; never content.
pub const MESSAGES_TARGET: &str = "sshard::messages";

/// Lines waiting for the writer thread; about 4 MiB at the worst.
const BUFFERED_LINES: usize = 16 * 1024;

/// Keeps the writer thread; dropping it writes what is left.
#[must_use = "dropping it ends the log"]
pub struct LogGuard {
    _writer: WorkerGuard,
}

/// Installs the process's log. Once; a second call changes nothing.
pub fn start_logging(log: &Log) -> LogGuard {
    let (writer, guard) = NonBlockingBuilder::default()
        .buffered_lines_limit(BUFFERED_LINES)
        .lossy(true)
        .thread_name("sshard-log")
        .finish(std::io::stderr());
    let builder = tracing_subscriber::fmt()
        .with_env_filter(filter(log))
        .with_writer(writer);
    // An error means that a log is installed already, for instance by a test.
    let _ = match log.format {
        LogFormat::Text => builder.with_ansi(false).try_init(),
        LogFormat::Json => builder
            .json()
            .with_current_span(true)
            .with_span_list(false)
            .flatten_event(true)
            .try_init(),
    };
    LogGuard { _writer: guard }
}

/// sshard's own events at the chosen level; the libraries' only from warnings
/// up, and russh's not at all below errors: its debug log shows packets.
/// Per-message events have a target of their own, off unless asked for: then
/// their callsites cost one relaxed load.
fn filter(log: &Log) -> EnvFilter {
    let messages = if log.messages { "debug" } else { "off" };
    EnvFilter::new(format!(
        "warn,russh=error,sshard={},{}={messages}",
        log.level.as_str(),
        MESSAGES_TARGET,
    ))
}
