//! What the process tells its operator: the log.

mod logging;

pub use logging::{LogGuard, MESSAGES_TARGET, start_logging};
