//! What a session tells the audit log: its start, what became of the login,
//! its end, each once.

use crate::error::{Reason, SessionError, Stage};
use crate::registry::{Entry, State};
use crate::telemetry::{AuditEnd, AuditEvent, AuditLine, AuditLog};
use std::cell::{Cell, RefCell};
use std::rc::Rc;
use std::time::Instant;

/// A session's lines. Dropping it writes the end, if nobody has.
pub(super) struct SessionAudit {
    log: AuditLog,
    record: Rc<Entry>,
    user: RefCell<Option<String>>,
    method: RefCell<Option<String>>,
    ended: Cell<bool>,
}

impl SessionAudit {
    /// The session has started.
    pub(super) fn start(log: AuditLog, record: Rc<Entry>) -> Self {
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

    /// The client has named a user.
    pub(super) fn set_user(&self, user: &str) {
        if self.log.is_on() {
            *self.user.borrow_mut() = Some(user.to_owned());
        }
    }

    /// The login is over: the methods that were accepted, or why none was.
    /// Nothing is said of a connection that broke before the server's word.
    pub(super) fn note_login(&self, outcome: Result<&[&'static str], &SessionError>) {
        let result = match outcome {
            Ok(methods) => {
                *self.method.borrow_mut() = Some(methods.join(","));
                "ok"
            }
            Err(
                SessionError::LoginFailed
                | SessionError::LoginCutOff(_)
                | SessionError::UnusableKey(_),
            ) => "refused",
            Err(_) => return,
        };
        self.write(AuditEvent::Auth, Some(result), None);
    }

    /// Notes the end of the session; `error` is its cause, if it is a failure.
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
            duration_ms: u64::try_from(duration.as_millis()).unwrap_or(u64::MAX),
            input_bytes,
            output_bytes,
            reason: reason.as_str(),
            stage: stage.as_str(),
            message: error.map(ToString::to_string),
        };
        self.write(AuditEvent::End, None, Some(end));
    }

    /// The session is over without a last poll: about where it was.
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
