//! Rules that hold between any two calls. Debug builds check them after each call, so that a test
//! stops where a rule is broken.

use super::{Lifecycle, Resources, SessionState};
use crate::bridge::timers::Timer;
use crate::message::Dialect;

/// Timers that belong to the attachment.
const OF_CLIENT: [Timer; 4] = [Timer::Ping, Timer::PacerPong, Timer::Stall, Timer::Hold];

/// Timers that run while connecting.
const OF_CONNECTING: [Timer; 3] = [Timer::Stage, Timer::Connection, Timer::Prompt];

/// Timers that run while the session lives.
const OF_LIFE: [Timer; 3] = [Timer::Idle, Timer::Lifetime, Timer::Drain];

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
                client.dialect == Dialect::V1 || client.texts.is_empty(),
                "text for a client of the compatible dialect"
            );
        }
    }

    /// Returns whether the timers are those of the state. CreditProbe and SshKeepalive are the
    /// session's own.
    fn timers_fit_state(&self) -> bool {
        let runs = |timer| self.timers.get(timer).is_some();
        if OF_CLIENT.into_iter().any(runs) {
            return false;
        }
        let is_connecting = OF_CONNECTING.into_iter().any(runs);
        let client = self.attachment.as_ref();
        let is_over = !is_connecting
            && !OF_LIFE.into_iter().any(runs)
            && client.is_none_or(|client| client.timers.next().is_none());
        match &self.lifecycle {
            Lifecycle::Created(_) => runs(Timer::Stage) && !runs(Timer::Connection),
            // Either the stage is timed or the user's answer.
            Lifecycle::Connecting(connecting) => {
                let question_open = connecting.question.is_some();
                runs(Timer::Stage) != question_open
                    && runs(Timer::Connection) != question_open
                    && runs(Timer::Prompt) == question_open
            }
            Lifecycle::Active(_) => !is_connecting && client.is_some(),
            Lifecycle::Detached(_) => !is_connecting && client.is_none(),
            Lifecycle::Closing(_) => runs(Timer::Linger) && is_over,
            Lifecycle::Closed(_) => !runs(Timer::Linger) && is_over,
        }
    }
}
