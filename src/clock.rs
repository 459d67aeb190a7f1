//! The only place that asks the machine for the time. Everything else is
//! given an `Instant`, so that pure code can be tested without waiting.

use std::time::Instant;

/// Monotonic time now.
#[expect(clippy::disallowed_methods, reason = "this is the one place")]
pub fn now() -> Instant {
    Instant::now()
}
