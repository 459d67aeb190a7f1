//! The only place that asks the machine for the time. Everything else is
//! given the time, so that pure code can be tested without waiting.

use std::time::{Instant, SystemTime};

/// Monotonic time now.
#[expect(clippy::disallowed_methods, reason = "this is the one place")]
pub fn now() -> Instant {
    Instant::now()
}

/// The time of day now, for people to read; it may jump.
#[expect(clippy::disallowed_methods, reason = "this is the one place")]
pub fn wall() -> SystemTime {
    SystemTime::now()
}
