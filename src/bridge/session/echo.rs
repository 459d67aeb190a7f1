//! Estimate of the time from typed input to its echo. The remote process may do anything with its
//! input, so only the next small output after a small input counts; pastes and bulk output are left
//! out.

use std::time::{Duration, Instant};

/// Largest input of one poll that counts as typed, in bytes.
const MAX_TYPED: u64 = 64;

/// Largest output of one poll that counts as an echo, in bytes: a full screen.
const MAX_ECHO: u64 = 4096;

/// Measurement in progress of one session.
#[derive(Debug, Default)]
pub(super) struct EchoEstimator {
    typed_at: Option<Instant>,
}

impl EchoEstimator {
    /// Takes the bytes that a poll moved in each direction, and returns a completed measurement.
    pub(super) fn note(&mut self, now: Instant, input: u64, output: u64) -> Option<Duration> {
        let echo = if output == 0 {
            None
        } else {
            // Output of this poll was there before its input was forwarded.
            let typed_at = self.typed_at.take();
            typed_at.filter(|_| output <= MAX_ECHO)
        };
        if input > MAX_TYPED {
            self.typed_at = None;
        } else if input > 0 {
            self.typed_at.get_or_insert(now);
        }
        echo.map(|at| now.saturating_duration_since(at))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_echo_is_measured_from_typed_input_to_the_next_output() {
        let start = crate::clock::now();
        let after = |ms| start + Duration::from_millis(ms);
        let measured = |ms| Some(Duration::from_millis(ms));
        // Milliseconds, input, output, and the expected measurement.
        let steps = [
            (0, 0, 100, None),
            (1, 1, 0, None),
            // A second key before the first echo does not restart it.
            (5, 1, 0, None),
            (11, 0, 1, measured(10)),
            // More of the same output.
            (12, 0, 1, None),
            // Both in one poll: the output echoes what was typed before.
            (20, 1, 0, None),
            (25, 1, 1, measured(5)),
            (28, 0, 1, measured(3)),
            // A paste, and bulk output.
            (30, 65, 0, None),
            (31, 0, 65, None),
            (40, 1, 0, None),
            (41, 0, 4097, None),
            (42, 0, 1, None),
            // A paste after a key: the output may belong to either.
            (50, 1, 0, None),
            (51, 1000, 0, None),
            (52, 0, 9, None),
        ];
        let mut clock = EchoEstimator::default();
        for (ms, input, output, expected) in steps {
            assert_eq!(clock.note(after(ms), input, output), expected, "at {ms} ms");
        }
    }
}
