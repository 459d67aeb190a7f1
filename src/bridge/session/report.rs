//! Log lines of a session: start, ready, end and, where switched on, one per message (sizes, never
//! content).

use super::BridgeSession;
use crate::bridge::state::{Ending, Lifecycle};
use crate::bridge::timers::millis;
use crate::error::{Reason, SessionError, Stage};
use crate::telemetry::{self, MESSAGES_TARGET};

/// Outcome of a session.
#[derive(Debug, Clone, Copy)]
pub struct SessionSummary {
    /// Reason of the end.
    pub reason: Reason,
    /// Stage at the end.
    pub stage: Stage,
}

impl BridgeSession {
    pub(super) fn log_start(&self) {
        if let Some(client) = &self.state.attachment {
            let dialect = client.dialect().as_str();
            tracing::debug!(dialect, "session created");
        }
    }

    pub(super) fn log_ready(&self) {
        telemetry::note_logged_in(&self.span);
        let took_ms = millis(self.started.elapsed());
        tracing::info!(took_ms, "session ready");
    }

    pub(super) fn log_end(&self) -> SessionSummary {
        let internal = Ending::Failed {
            error: SessionError::Internal,
            stage: Stage::Relay,
        };
        let ending = match self.state.lifecycle() {
            Lifecycle::Closed(ending) => ending,
            // Not reached: the future ends with Closed.
            _ => &internal,
        };
        let (input, output) = self.state.bytes();
        // Without the closing handshake.
        let ended = self.ended.unwrap_or_else(crate::clock::now);
        let lasted_ms = millis(ended.saturating_duration_since(self.started));
        let summary = ending.summary();
        let error = match ending {
            Ending::Failed { error, .. } => Some(error),
            Ending::Exited(_) | Ending::ClientClosed { .. } => None,
        };
        self.state
            .resources
            .audit
            .end(ended, (summary.reason, summary.stage), error);
        let reason = summary.reason.as_str();
        match ending {
            Ending::Exited(exit) => tracing::info!(
                reason,
                status = exit.status,
                signal = exit.signal.map(|s| s.as_str()),
                input,
                output,
                lasted_ms,
                "session ended"
            ),
            Ending::ClientClosed { .. } => {
                tracing::info!(reason, input, output, lasted_ms, "session ended");
            }
            Ending::Failed { error, stage } => {
                log_failure(error, *stage, reason, input, output, lasted_ms);
            }
        }
        summary
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
        let (keepalive, read) = (
            &mut shell.keepalive,
            self.state.resources.credit.bytes_read(),
        );
        if self.state.resources.credit.is_stopped() || read != keepalive.bytes_read_before {
            // Replies are not missing but unread while reads are stopped.
            keepalive.missed = 0;
        } else {
            keepalive.missed += 1;
        }
        keepalive.bytes_read_before = read;
        keepalive.missed > self.state.resources.snapshot.config.ssh.keepalive_max
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
    match error.verdict().level {
        tracing::Level::ERROR => event!(error),
        tracing::Level::WARN => event!(warn),
        _ => event!(info),
    }
}

impl Ending {
    fn summary(&self) -> SessionSummary {
        let (reason, stage) = match self {
            Self::Exited(_) => (Reason::Exit, Stage::Relay),
            Self::ClientClosed { stage } => (Reason::ClientClosed, *stage),
            Self::Failed { error, stage } => (error.verdict().reason, *stage),
        };
        SessionSummary { reason, stage }
    }
}
