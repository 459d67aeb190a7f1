//! What the process tells its operator: the log, and what it counts.

mod counters;
mod logging;

pub use counters::{Counters, HTTP_STATUSES, OwnCounters, SessionStats, ShardCounters, Tally};
pub use logging::{LogGuard, MESSAGES_TARGET, start_logging};
