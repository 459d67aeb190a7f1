//! Rules that hold between any two calls. Checked after each of them in debug
//! builds, so that a test or a run that breaks a rule stops where it did.

use super::{Lifecycle, Resources, SessionState};
use crate::bridge::timers::Timer;
use crate::message::Dialect;

/// Clocks of a client, which its attachment keeps.
const OF_CLIENT: [Timer; 4] = [Timer::Ping, Timer::PacerPong, Timer::Stall, Timer::Hold];

impl<R: Resources> SessionState<R> {
    /// No cost in release builds.
    pub(super) fn check_invariants(&self) {
        debug_assert!(self.uplink.is_consistent(), "uplink: {:?}", self.uplink);
        debug_assert!(
            self.clocks_fit_state(),
            "{:?}: {:?}",
            self.lifecycle.state(),
            self.timers
        );
        if let Some(client) = &self.attachment {
            debug_assert!(
                client.flow.is_consistent(self.sent),
                "output: {:?}",
                client.flow
            );
            debug_assert!(
                client.dialect() == Dialect::V1 || client.texts.is_empty(),
                "text for a client of the compatible dialect"
            );
        }
    }

    /// The clocks the session keeps for itself are its own affair.
    fn clocks_fit_state(&self) -> bool {
        let runs = |timer| self.timers.get(timer).is_some();
        if OF_CLIENT.into_iter().any(runs) {
            return false;
        }
        match &self.lifecycle {
            Lifecycle::Created(_) => runs(Timer::Stage) && !runs(Timer::Connection),
            // Either the machines are timed or the human is.
            Lifecycle::Connecting(connecting) => {
                let asked = connecting.question.is_some();
                runs(Timer::Stage) != asked
                    && runs(Timer::Connection) != asked
                    && runs(Timer::Prompt) == asked
            }
            Lifecycle::Active(_) => !self.runs_on_the_way() && self.attachment.is_some(),
            Lifecycle::Detached(_) => !self.runs_on_the_way() && self.attachment.is_none(),
            Lifecycle::Closing(_) => runs(Timer::Linger) && self.is_quiet(),
            Lifecycle::Closed(_) => !runs(Timer::Linger) && self.is_quiet(),
        }
    }

    fn runs_on_the_way(&self) -> bool {
        [Timer::Stage, Timer::Connection, Timer::Prompt]
            .into_iter()
            .any(|timer| self.timers.get(timer).is_some())
    }

    /// No clock of the session's life runs any more.
    fn is_quiet(&self) -> bool {
        let of_life = [Timer::Idle, Timer::Lifetime, Timer::Drain];
        let client = self.attachment.as_ref();
        let runs = |timer: &Timer| self.timers.get(*timer).is_some();
        !self.runs_on_the_way()
            && !of_life.iter().any(runs)
            && client.is_none_or(|client| client.timers.next().is_none())
    }
}
