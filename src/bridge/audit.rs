//! Lines of the audit log for one session: start, outcome of the login, end.
//!
//! Guarantees that each is written at most once, and the end always: dropping the value writes it.

use super::timers::millis;
use crate::error::{Reason, SessionError, Stage};
use crate::registry::{OwnedRecord, State};
use crate::telemetry::{AuditEnd, AuditEvent, AuditLine, AuditLog};
use std::cell::{Cell, RefCell};
use std::rc::Rc;
use std::time::Instant;

/// Audit lines of one session. Dropping it writes the end, if it is not written yet.
pub(super) struct SessionAudit {
    log: AuditLog,
    record: Rc<OwnedRecord>,
    user: RefCell<Option<String>>,
    method: RefCell<Option<String>>,
    ended: Cell<bool>,
}

impl SessionAudit {
    /// Writes the start of the session.
    pub(super) fn start(log: AuditLog, record: Rc<OwnedRecord>) -> Self {
        let audit = Self {
            log,
            record,
            user: RefCell::default(),
            method: RefCell::default(),
            ended: Cell::new(false),
        };
        audit.write(AuditEvent::Start, None, None);
        audit
    }

    /// Sets the user that the client named.
    pub(super) fn set_user(&self, user: &str) {
        if self.log.is_on() {
            *self.user.borrow_mut() = Some(user.to_owned());
        }
    }

    /// Writes the outcome of the login: the methods that were accepted, or a refusal. Writes
    /// nothing for a connection that was lost before the server's answer.
    pub(super) fn note_login(&self, outcome: Result<&[&'static str], &SessionError>) {
        let result = match outcome {
            Ok(methods) => {
                *self.method.borrow_mut() = Some(methods.join(","));
                "ok"
            }
            Err(
                SessionError::LoginFailed
                | SessionError::LoginDisconnected(_)
                | SessionError::UnusableKey(_),
            ) => "refused",
            Err(_) => return,
        };
        self.write(AuditEvent::Auth, Some(result), None);
    }

    /// Writes the end of the session, with the error if it failed.
    pub(super) fn end(
        &self,
        at: Instant,
        (reason, stage): (Reason, Stage),
        error: Option<&SessionError>,
    ) {
        if self.ended.replace(true) {
            return;
        }
        let (input_bytes, output_bytes) = self.record.traffic();
        let duration = self.record.duration(at);
        let end = AuditEnd {
            duration_ms: millis(duration),
            input_bytes,
            output_bytes,
            reason: reason.as_str(),
            stage: stage.as_str(),
            message: error.map(ToString::to_string),
        };
        self.write(AuditEvent::End, None, Some(end));
    }

    /// Writes the end of a session that is not polled any more, with the stage its state implies.
    pub(super) fn abort(&self, reason: Reason) {
        let stage = match self.record.state() {
            State::Created => Stage::Auth,
            State::Connecting => Stage::Connect,
            State::Active | State::Detached | State::Closing | State::Closed => Stage::Relay,
        };
        self.end(crate::clock::now(), (reason, stage), None);
    }

    fn write(&self, event: AuditEvent, result: Option<&'static str>, end: Option<AuditEnd>) {
        if !self.log.is_on() {
            return;
        }
        self.log.record(&AuditLine {
            event,
            session: self.record.id().to_string(),
            shard: self.record.shard(),
            client: self.record.client_ip(),
            target: self.record.target(),
            address: self.record.target_address(),
            user: self.user.borrow().as_deref(),
            result,
            method: self.method.borrow().as_deref(),
            end,
        });
    }
}

impl Drop for SessionAudit {
    fn drop(&mut self) {
        self.abort(Reason::Internal);
    }
}
