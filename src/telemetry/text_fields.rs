//! Fields of text log lines as `name=value`, quoted wherever the end of the value could not be seen
//! otherwise. The message stands without a name and without quotes.

use std::fmt::{self, Debug};
use tracing::field::{Field, Visit};
use tracing_subscriber::field::RecordFields;
use tracing_subscriber::fmt::FormatFields;
use tracing_subscriber::fmt::format::Writer;

/// Format of the fields of events and spans.
pub(super) struct TextFields;

impl<'w> FormatFields<'w> for TextFields {
    fn format_fields<R: RecordFields>(&self, writer: Writer<'w>, fields: R) -> fmt::Result {
        let mut line = Line {
            writer,
            separator: "",
            outcome: Ok(()),
        };
        fields.record(&mut line);
        line.outcome
    }
}

struct Line<'w> {
    writer: Writer<'w>,
    separator: &'static str,
    outcome: fmt::Result,
}

impl Line<'_> {
    fn write(&mut self, text: fmt::Arguments<'_>) {
        if self.outcome.is_ok() {
            self.outcome = write!(self.writer, "{}{text}", self.separator);
            self.separator = " ";
        }
    }
}

impl Visit for Line<'_> {
    fn record_str(&mut self, field: &Field, value: &str) {
        if field.name() == "message" {
            self.write(format_args!("{value}"));
        } else {
            self.write(format_args!("{}={value:?}", field.name()));
        }
    }

    fn record_debug(&mut self, field: &Field, value: &dyn Debug) {
        let text = format!("{value:?}");
        match field.name() {
            "message" => self.write(format_args!("{text}")),
            _ if needs_quotes(&text) => self.record_str(field, &text),
            name => self.write(format_args!("{name}={text}")),
        }
    }
}

fn needs_quotes(text: &str) -> bool {
    text.is_empty()
        || text.contains(|c: char| c.is_whitespace() || c.is_control() || matches!(c, '"' | '='))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io;
    use std::net::Ipv4Addr;
    use std::sync::mpsc::{SyncSender, sync_channel};

    struct Lines(SyncSender<Vec<u8>>);

    impl io::Write for Lines {
        fn write(&mut self, text: &[u8]) -> io::Result<usize> {
            self.0.send(text.to_owned()).unwrap();
            Ok(text.len())
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    fn logged(work: impl FnOnce()) -> String {
        let (sender, lines) = sync_channel(16);
        let subscriber = tracing_subscriber::fmt()
            .with_ansi(false)
            .without_time()
            .fmt_fields(TextFields)
            .with_writer(move || Lines(sender.clone()))
            .finish();
        tracing::subscriber::with_default(subscriber, work);
        String::from_utf8(lines.try_iter().flatten().collect()).unwrap()
    }

    #[test]
    fn values_with_blanks_quotes_or_control_characters_are_quoted_and_the_message_is_not() {
        let client = Ipv4Addr::LOCALHOST;
        let error = io::Error::other("the SSH login \"failed\"");
        let line = logged(|| {
            let session = tracing::info_span!("session", id = 7, %client);
            session.in_scope(|| {
                let (none, equals) = (format_args!(""), format_args!("a=b"));
                let clear = format_args!("\x1b[2J");
                tracing::info!(reason = "exit", %error, bytes = 3, %none, %equals, %clear, "it ended");
            });
        });
        let expected = "it ended reason=\"exit\" error=\"the SSH login \\\"failed\\\"\" bytes=3 \
                        none=\"\" equals=\"a=b\" clear=\"\\u{1b}[2J\"\n";
        assert!(line.ends_with(expected), "{line}");
        assert!(line.contains("session{id=7 client=127.0.0.1}: "), "{line}");
    }
}
