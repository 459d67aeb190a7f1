//! What the process tells its operator: the log, the audit log, and what it
//! counts.

mod audit;
mod counters;
mod handshakes;
mod logging;
mod seldom;

pub use audit::{AuditEnd, AuditEvent, AuditLine, AuditLog};
pub use counters::{Counters, HTTP_STATUSES, OwnCounters, SessionStats, ShardCounters, Tally};
pub use handshakes::HandshakeFailure;
pub use logging::{LogGuard, MESSAGES_TARGET, start_logging};
pub use seldom::Seldom;
