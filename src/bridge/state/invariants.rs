//! What holds between any two calls. Checked after each of them in debug
//! builds, so that a test or a run that breaks a rule stops where it did.

use super::{Action, Phase, SessionState};
use crate::bridge::timers::Timer;
use crate::message::Dialect;

impl SessionState {
    /// No cost in release builds.
    pub(super) fn check_invariants(&self) {
        debug_assert!(self.output.is_consistent(), "output: {:?}", self.output);
        debug_assert!(self.input.is_consistent(), "input: {:?}", self.input);
        debug_assert!(
            self.clocks_fit_phase(),
            "{:?}: {:?}",
            self.phase,
            self.timers
        );
        debug_assert!(
            self.question.is_none() || matches!(self.phase, Phase::Connecting(_)),
            "a question is open in {:?}",
            self.phase
        );
        debug_assert!(
            self.dialect == Dialect::V1
                || !self.actions.iter().any(|a| matches!(a, Action::Send(_))),
            "text for a client of the compatible dialect"
        );
    }

    /// The clocks the shell keeps for itself are its own affair.
    fn clocks_fit_phase(&self) -> bool {
        let runs = |timer| self.timers.get(timer).is_some();
        let asked = self.question.is_some();
        match self.phase {
            Phase::Created => runs(Timer::Stage) && !runs(Timer::Connection),
            // Either the machines are timed or the human is.
            Phase::Connecting(_) => {
                runs(Timer::Stage) != asked
                    && runs(Timer::Connection) != asked
                    && runs(Timer::Prompt) == asked
            }
            Phase::Active => ![Timer::Stage, Timer::Connection, Timer::Prompt]
                .into_iter()
                .any(runs),
            Phase::Closing => runs(Timer::Linger) && self.is_quiet(),
            Phase::Closed => !runs(Timer::Linger) && self.is_quiet(),
        }
    }

    /// No clock of the session's life runs any more.
    fn is_quiet(&self) -> bool {
        [
            Timer::Stage,
            Timer::Connection,
            Timer::Prompt,
            Timer::Ping,
            Timer::Pace,
            Timer::Stall,
            Timer::Hold,
            Timer::Idle,
            Timer::Lifetime,
            Timer::Drain,
        ]
        .into_iter()
        .all(|timer| self.timers.get(timer).is_none())
    }
}
