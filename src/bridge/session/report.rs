//! Log lines of a session, at its edges and, where switched on, per message (sizes, never content); and the account of its
//! SSH keep-alives.

use super::BridgeSession;
use crate::bridge::state::{Ending, Lifecycle};
use crate::error::{Reason, SessionError, Stage};
use crate::telemetry::{self, MESSAGES_TARGET};
use std::time::{Duration, Instant};

/// How a session went.
#[derive(Debug, Clone, Copy)]
pub struct SessionSummary {
    /// Why it ended.
    pub reason: Reason,
    /// Where it was then.
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
            // Nobody asks before.
            _ => &internal,
        };
        let (input, output) = self.state.bytes();
        // The closing handshake is not part of the session.
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

    /// Does `work`, and logs the input that it adds.
    pub(super) fn log_input(&mut self, work: impl FnOnce(&mut Self)) {
        let before = self.state.bytes().0;
        work(self);
        let input = self.state.bytes().0 - before;
        if let Ok(bytes @ 1..) = usize::try_from(input) {
            self.log_message("in", "input", bytes);
        }
    }

    /// One relaxed load while `log.messages` is off.
    pub(super) fn log_message(&self, direction: &str, kind: &str, bytes: usize) {
        if tracing::enabled!(target: MESSAGES_TARGET, tracing::Level::DEBUG) {
            tracing::debug!(target: MESSAGES_TARGET, direction, kind, bytes, "message");
        }
    }

    /// Counts an unanswered keep-alive, and arms the clock of the next. Returns whether too many have gone unanswered.
    pub(super) fn note_keepalive(&mut self, now: Instant) -> bool {
        self.arm_keepalive(now);
        let Some(shell) = self.state.lifecycle.shell_mut() else {
            return false;
        };
        let (keepalive, read) = (
            &mut shell.keepalive,
            self.state.resources.credit.bytes_read(),
        );
        if self.state.resources.credit.is_stopped() || read != keepalive.read_mark {
            // Replies that come while reads are stopped are unread, not missing.
            keepalive.missed = 0;
        } else {
            keepalive.missed += 1;
        }
        keepalive.read_mark = read;
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

fn millis(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
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
