//! The time from a little input to the output that follows it. What the remote process does with its input is unknown,
//! so this is an estimate of how fast typed text is echoed; pastes and bulk output are left out.

use std::time::{Duration, Instant};

/// Input of one poll that may have been typed, in bytes.
const TYPED: u64 = 64;

/// Output of one poll that may be the answer to it, in bytes: a screen's worth.
const ANSWER: u64 = 4096;

/// The one measurement of a session that is under way.
#[derive(Debug, Default)]
pub(super) struct EchoClock {
    typed_at: Option<Instant>,
}

impl EchoClock {
    /// Takes the bytes that a poll moved either way, and returns a measured time.
    pub(super) fn note(&mut self, now: Instant, input: u64, output: u64) -> Option<Duration> {
        let echo = if output == 0 {
            None
        } else {
            // Output of this poll was there before its input was passed on.
            let typed_at = self.typed_at.take();
            typed_at.filter(|_| output <= ANSWER)
        };
        if input > TYPED {
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
    fn typed_input_is_measured_to_the_next_output() {
        let start = crate::clock::now();
        let after = |ms| start + Duration::from_millis(ms);
        let measured = |ms| Some(Duration::from_millis(ms));
        // Milliseconds, input, output, and what is measured then.
        let steps = [
            (0, 0, 100, None),
            (1, 1, 0, None),
            // A second key before the first one's echo does not start it anew.
            (5, 1, 0, None),
            (11, 0, 1, measured(10)),
            // More of the same output.
            (12, 0, 1, None),
            // Both in one poll: the output is the answer to what was typed before.
            (20, 1, 0, None),
            (25, 1, 1, measured(5)),
            (28, 0, 1, measured(3)),
            // A paste, and bulk output.
            (30, 65, 0, None),
            (31, 0, 65, None),
            (40, 1, 0, None),
            (41, 0, 4097, None),
            (42, 0, 1, None),
            // A paste behind a key: nobody can say what the output answers.
            (50, 1, 0, None),
            (51, 1000, 0, None),
            (52, 0, 9, None),
        ];
        let mut clock = EchoClock::default();
        for (ms, input, output, expected) in steps {
            assert_eq!(clock.note(after(ms), input, output), expected, "at {ms} ms");
        }
    }
}
