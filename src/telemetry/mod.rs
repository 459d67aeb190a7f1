//! What the process tells its operator: the log, and what it counts.

mod counters;
mod handshakes;
mod logging;
mod seldom;

pub use counters::{Counters, HTTP_STATUSES, OwnCounters, SessionStats, ShardCounters, Tally};
pub use handshakes::HandshakeFailure;
pub use logging::{LogGuard, MESSAGES_TARGET, start_logging};
pub use seldom::Seldom;
