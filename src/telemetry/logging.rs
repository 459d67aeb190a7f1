//! Logging to stderr through one writer thread, so that a shard never waits for the terminal or the
//! disk behind it. Lines that the writer cannot keep up with are dropped. Every entry is one line,
//! and characters that could deceive a reader are escaped.

use super::anonymous::{self, AnonymousLines};
use super::text_fields::TextFields;
use crate::config::{Log, LogFormat};
use crate::plain_text::{escaped, escaped_json};
use std::io;
use tracing_appender::non_blocking::{NonBlockingBuilder, WorkerGuard};
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::util::SubscriberInitExt;
use tracing_subscriber::{EnvFilter, Layer};

/// Tracing target of per-message events: direction, kind, size; never content.
pub const MESSAGES_TARGET: &str = "sshard::messages";

/// Lines waiting for the writer thread; about 4 MiB at the worst.
const BUFFERED_LINES: usize = 16 * 1024;

/// Writer thread of the log; Drop writes what is left.
#[must_use = "dropping it ends the log"]
pub struct LogGuard {
    _writer: WorkerGuard,
}

impl Drop for LogGuard {
    fn drop(&mut self) {
        anonymous::report_now();
    }
}

/// Installs the log of the process. A second call changes nothing.
pub fn start_logging(log: &Log) -> LogGuard {
    let (writer, guard) = NonBlockingBuilder::default()
        .buffered_lines_limit(BUFFERED_LINES)
        .lossy(true)
        .thread_name("sshard-log")
        .finish(std::io::stderr());
    let format = log.format;
    let lines = tracing_subscriber::fmt::layer().with_writer(move || PlainWriter {
        writer: writer.clone(),
        format,
    });
    let lines = match log.format {
        LogFormat::Text => lines.with_ansi(false).fmt_fields(TextFields).boxed(),
        LogFormat::Json => lines
            .json()
            .with_current_span(true)
            .with_span_list(false)
            .flatten_event(true)
            .boxed(),
    };
    // An error means that a log is installed already, for instance by a test.
    let _ = tracing_subscriber::registry()
        .with(lines)
        .with(AnonymousLines::new(crate::clock::now()))
        .with(filter(log))
        .try_init();
    LogGuard { _writer: guard }
}

/// Makes the filter: sshard's own events at the chosen level, those of libraries from warnings up,
/// and russh's from errors up, since its debug log shows packets. Per-message events have a target
/// of their own that is off by default; each call site then costs one relaxed load.
fn filter(log: &Log) -> EnvFilter {
    let messages = if log.messages { "debug" } else { "off" };
    EnvFilter::new(format!(
        "warn,russh=error,sshard={},{}={messages}",
        log.level.as_str(),
        MESSAGES_TARGET,
    ))
}

/// Writer of escaped lines, one each call.
struct PlainWriter<W> {
    writer: W,
    format: LogFormat,
}

impl<W: io::Write> io::Write for PlainWriter<W> {
    fn write(&mut self, line: &[u8]) -> io::Result<usize> {
        let Ok(text) = std::str::from_utf8(line) else {
            // Never seen, and of no use to a terminal.
            return Err(io::ErrorKind::InvalidData.into());
        };
        let (text, end) = match text.strip_suffix('\n') {
            Some(text) => (text, "\n"),
            None => (text, ""),
        };
        let plain = match self.format {
            LogFormat::Text => escaped(text),
            LogFormat::Json => escaped_json(text),
        };
        self.writer
            .write_all(&[plain.as_bytes(), end.as_bytes()].concat())?;
        Ok(line.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        self.writer.flush()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Write;

    fn written(line: &str, format: LogFormat) -> String {
        let mut writer = PlainWriter {
            writer: Vec::new(),
            format,
        };
        writer.write_all(line.as_bytes()).unwrap();
        String::from_utf8(writer.writer).unwrap()
    }

    #[test]
    fn control_and_reordering_characters_are_escaped() {
        for (line, shown) in [
            ("INFO all is well\n", "INFO all is well\n"),
            ("a\nFAKE line\n", "a\\nFAKE line\n"),
            ("a\r\u{1b}[2K\u{202e}b\n", "a\\r\\u{1b}[2K\\u{202e}b\n"),
        ] {
            assert_eq!(written(line, LogFormat::Text), shown);
        }
        let json = serde_json::json!({ "a": "\u{202e}\u{9b}\n\u{e0041}" });
        let line = written(&format!("{json}\n"), LogFormat::Json);
        assert!(
            line.trim_end().bytes().all(|byte| byte.is_ascii_graphic()),
            "{line}"
        );
        let read: serde_json::Value = serde_json::from_str(&line).unwrap();
        assert_eq!(read, json);
    }
}
