//! What a session tells the log, at its edges and, where switched on, per
//! message (sizes, never content); and its SSH keep-alive's account.

use super::{BridgeSession, Ending};
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

/// Keep-alives without a sign of life since.
#[derive(Debug, Default)]
pub(super) struct Keepalive {
    /// Bytes read from the SSH socket when the last one was sent.
    pub(super) read_mark: u64,
    pub(super) missed: u32,
}

impl BridgeSession {
    pub(super) fn log_start(&self) {
        self.span.in_scope(|| {
            tracing::debug!(dialect = ?self.dialect, "session created");
        });
    }

    pub(super) fn log_ready(&self) {
        telemetry::note_logged_in(&self.span);
        let took = self.started.elapsed();
        self.span.in_scope(|| {
            tracing::info!(took_ms = millis(took), "session ready");
        });
    }

    pub(super) fn log_end(&self) -> SessionSummary {
        let internal = Ending::Failed {
            error: SessionError::Internal,
            stage: Stage::Relay,
        };
        let ending = self.ending.as_ref().unwrap_or(&internal);
        let (input, output) = self.state.bytes();
        let lasted_ms = millis(self.started.elapsed());
        let summary = ending.summary();
        let error = match ending {
            Ending::Failed { error, .. } => Some(error),
            Ending::Exited(_) | Ending::ClientClosed { .. } => None,
        };
        self.audit.end(summary.reason, summary.stage, error);
        let reason = summary.reason.as_str();
        self.span.in_scope(|| match ending {
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
        });
        summary
    }

    /// One relaxed load while `log.messages` is off.
    pub(super) fn note_message(&self, direction: &str, kind: &str, bytes: usize) {
        if tracing::enabled!(target: MESSAGES_TARGET, tracing::Level::DEBUG) {
            self.span.in_scope(|| {
                tracing::debug!(target: MESSAGES_TARGET, direction, kind, bytes, "message");
            });
        }
    }

    /// Counts an unanswered keep-alive; `true` if there were too many.
    pub(super) fn keepalive_is_overdue(&mut self, now: Instant) -> bool {
        let read = self.credit.bytes_read();
        if self.credit.is_stopped() || read != self.keepalive.read_mark {
            // Replies that come while reads are stopped are unread, not missing.
            self.keepalive.missed = 0;
        } else {
            self.keepalive.missed += 1;
        }
        self.keepalive.read_mark = read;
        self.arm_keepalive(now);
        self.keepalive.missed > self.terms.config.ssh.keepalive_max
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
