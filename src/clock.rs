//! The machine's clock. Everything else gets the time as an argument, so that pure code is tested
//! without waiting.

use std::time::{Duration, Instant, SystemTime};

/// Returns the monotonic time.
#[expect(clippy::disallowed_methods, reason = "this is the one place")]
pub fn now() -> Instant {
    Instant::now()
}

/// The time of day now, for people to read; it may jump.
#[expect(clippy::disallowed_methods, reason = "this is the one place")]
pub fn wall() -> SystemTime {
    SystemTime::now()
}

/// CPU time that the calling thread has had.
pub fn thread_cpu() -> Duration {
    let time = rustix::time::clock_gettime(rustix::time::ClockId::ThreadCPUTime);
    Duration::try_from(time).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cpu_time_is_that_of_work_and_not_of_waiting() {
        let (begun, cpu) = (now(), thread_cpu());
        while thread_cpu() < cpu + Duration::from_millis(5) {}
        assert!(now() - begun >= Duration::from_millis(5));
    }
}
