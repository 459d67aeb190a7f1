//! Rules that hold between any two calls. Debug builds check them after each call, so that a test
//! stops where a rule is broken.

use super::{Lifecycle, Resources, SessionState};
use crate::bridge::timers::Timer;
use crate::message::Dialect;

/// Timers that belong to the attachment.
const CLIENT_TIMERS: [Timer; 4] = [Timer::Ping, Timer::PacerPong, Timer::Stall, Timer::Hold];

impl<R: Resources> SessionState<R> {
    /// Costs nothing in release builds.
    pub(super) fn check_invariants(&self) {
        debug_assert!(self.uplink.is_consistent(), "uplink: {:?}", self.uplink);
        debug_assert!(
            self.timers_fit_state(),
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

    /// Returns whether the timers are those of the state. CreditProbe and SshKeepalive are the
    /// session's own.
    fn timers_fit_state(&self) -> bool {
        let runs = |timer| self.timers.get(timer).is_some();
        if CLIENT_TIMERS.into_iter().any(runs) {
            return false;
        }
        match &self.lifecycle {
            Lifecycle::Created(_) => runs(Timer::Stage) && !runs(Timer::Connection),
            // Either the stage is timed or the user's answer.
            Lifecycle::Connecting(connecting) => {
                let question_open = connecting.question.is_some();
                runs(Timer::Stage) != question_open
                    && runs(Timer::Connection) != question_open
                    && runs(Timer::Prompt) == question_open
            }
            Lifecycle::Active(_) => !self.has_connecting_timer() && self.attachment.is_some(),
            Lifecycle::Detached(_) => !self.has_connecting_timer() && self.attachment.is_none(),
            Lifecycle::Closing(_) => runs(Timer::Linger) && self.no_session_timer_runs(),
            Lifecycle::Closed(_) => !runs(Timer::Linger) && self.no_session_timer_runs(),
        }
    }

    fn has_connecting_timer(&self) -> bool {
        [Timer::Stage, Timer::Connection, Timer::Prompt]
            .into_iter()
            .any(|timer| self.timers.get(timer).is_some())
    }

    /// Returns whether only the linger timer may still run.
    fn no_session_timer_runs(&self) -> bool {
        let of_life = [Timer::Idle, Timer::Lifetime, Timer::Drain];
        let client = self.attachment.as_ref();
        let runs = |timer: &Timer| self.timers.get(*timer).is_some();
        !self.has_connecting_timer()
            && !of_life.iter().any(runs)
            && client.is_none_or(|client| client.timers.next().is_none())
    }
}
