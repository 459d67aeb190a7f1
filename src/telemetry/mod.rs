//! The operator's view of the process: the log, the audit log, and the shards' counters. Decides
//! nothing; never waits for a disk or a terminal on a shard.

mod anonymous;
mod audit;
mod counters;
mod handshakes;
mod histogram;
mod log_limiter;
mod logging;
mod single_writer;
mod text_fields;

pub use anonymous::note_logged_in;
pub use audit::{AuditEnd, AuditEvent, AuditLine, AuditLog};
pub use counters::{Counters, OwnCounters, SessionStats, ShardCounters};
pub use handshakes::HandshakeFailure;
pub use histogram::{Histogram, HistogramCounts};
pub use log_limiter::{ClientLogLimiter, LogLimiter};
pub use logging::{LogGuard, MESSAGES_TARGET, start_logging};
pub use single_writer::SingleWriterCounter;
