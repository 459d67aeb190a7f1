//! The only place that asks the machine for the time. Everything else is
//! given the time, so that pure code can be tested without waiting.

use std::sync::LazyLock;
use std::time::{Duration, Instant, SystemTime};

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

/// CPU time that the calling thread has had.
pub fn thread_cpu() -> Duration {
    let time = rustix::time::clock_gettime(rustix::time::ClockId::ThreadCPUTime);
    Duration::try_from(time).unwrap_or_default()
}

/// The next of the times that lie `step` apart, the same for all who ask with the
/// same `step`; `at` itself if it is one, or lies before the first call.
pub fn round_up(at: Instant, step: Duration) -> Instant {
    static START: LazyLock<Instant> = LazyLock::new(now);
    let (since, step) = (at.saturating_duration_since(*START), step.as_nanos());
    let over = since.as_nanos().checked_rem(step).unwrap_or(0);
    let missing = if over == 0 { 0 } else { step - over };
    at + Duration::from_nanos(u64::try_from(missing).unwrap_or(0))
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

    #[test]
    fn times_are_rounded_up_to_common_ones() {
        let step = Duration::from_millis(100);
        round_up(now(), step);
        let start = now();
        let first = round_up(start, step);
        assert!(first >= start && first - start < step);
        assert_eq!(round_up(first, step), first);
        for later in [1, 50, 100] {
            let at = first + Duration::from_millis(later);
            assert_eq!(round_up(at, step), first + step);
        }
        assert_eq!(round_up(start, Duration::ZERO), start);
    }
}
