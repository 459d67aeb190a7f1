//! Log lines of a session: start, ready, end and, where switched on, one per message (sizes, never
//! content).

use super::BridgeSession;
use crate::bridge::state::{Ending, Lifecycle};
use crate::bridge::timers::millis;
use crate::error::{Reason, SessionError, Stage};
use crate::telemetry::{self, MESSAGES_TARGET};

impl BridgeSession {
    pub(super) fn log_start(&self) {
        if let Some(client) = &self.state.attachment {
            let dialect = client.dialect.as_str();
            tracing::debug!(dialect, "session created");
        }
    }

    pub(super) fn log_ready(&self) {
        telemetry::note_logged_in(&self.span);
        let took_ms = millis(self.started.elapsed());
        tracing::info!(took_ms, "session ready");
    }

    /// Returns the stage and the reason of the end.
    pub(super) fn log_end(&self) -> (Stage, Reason) {
        let internal = Ending::Failed {
            error: SessionError::Internal,
            stage: Stage::Relay,
        };
        let ending = match &self.state.lifecycle {
            Lifecycle::Closed(ending) => ending,
            // Not reached: the future ends with Closed.
            _ => &internal,
        };
        let (input, output) = self.state.bytes();
        // Without the closing handshake.
        let ended = self.ended.unwrap_or_else(crate::clock::now);
        let lasted_ms = millis(ended.saturating_duration_since(self.started));
        let (stage, reason, error) = match ending {
            Ending::Exited(_) => (Stage::Relay, Reason::Exit, None),
            Ending::ClientClosed { stage } => (*stage, Reason::ClientClosed, None),
            Ending::Failed { error, stage } => (*stage, error.class().reason, Some(error)),
        };
        let audit = &self.state.resources.audit;
        audit.end(ended, (reason, stage), error);
        let text = reason.as_str();
        match ending {
            Ending::Exited(exit) => tracing::info!(
                reason = text,
                status = exit.status,
                signal = exit.signal.map(|s| s.as_str()),
                input,
                output,
                lasted_ms,
                "session ended"
            ),
            Ending::ClientClosed { .. } => {
                tracing::info!(reason = text, input, output, lasted_ms, "session ended");
            }
            Ending::Failed { error, stage } => {
                log_failure(error, *stage, text, input, output, lasted_ms);
            }
        }
        (stage, reason)
    }

    /// Runs `work`, and logs the input it adds.
    pub(super) fn log_input(&mut self, work: impl FnOnce(&mut Self)) {
        let before = self.state.bytes().0;
        work(self);
        let input = self.state.bytes().0 - before;
        if let Ok(bytes @ 1..) = usize::try_from(input) {
            self.log_message("in", "input", bytes);
        }
    }

    /// Costs one relaxed load while `log.messages` is off.
    pub(super) fn log_message(&self, direction: &str, kind: &str, bytes: usize) {
        if tracing::enabled!(target: MESSAGES_TARGET, tracing::Level::DEBUG) {
            tracing::debug!(target: MESSAGES_TARGET, direction, kind, bytes, "message");
        }
    }

    /// Counts another keep-alive without a reply. Returns whether there are too many in a row.
    pub(super) fn count_missed_keepalive(&mut self) -> bool {
        let Some(shell) = self.state.lifecycle.shell_mut() else {
            return false;
        };
        let credit = &self.state.resources.credit;
        let read = credit.bytes_read();
        if credit.is_stopped() || read != shell.read_at_keepalive {
            // Replies are not missing but unread while reads are stopped.
            shell.missed_keepalives = 0;
        } else {
            shell.missed_keepalives += 1;
        }
        shell.read_at_keepalive = read;
        shell.missed_keepalives > self.state.resources.snapshot.config.ssh.keepalive_max
    }
}

fn log_failure(
    error: &SessionError,
    stage: Stage,
    reason: &str,
    input: u64,
    output: u64,
    lasted_ms: u64,
) {
    let stage = stage.as_str();
    macro_rules! event {
        ($level:ident) => {
            tracing::$level!(reason, stage, %error, input, output, lasted_ms, "session ended")
        };
    }
    match error.class().level {
        tracing::Level::ERROR => event!(error),
        tracing::Level::WARN => event!(warn),
        _ => event!(info),
    }
}
