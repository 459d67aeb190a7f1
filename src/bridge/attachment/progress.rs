//! Stages of a connection attempt, as they are sent to a client that requests them: each once, in
//! order. Does not decide which stages a client may know.

use crate::error::Stage;

/// Stages that are sent, in order.
const ORDER: [Stage; 6] = [
    Stage::Resolve,
    Stage::Connect,
    Stage::Handshake,
    Stage::HostKey,
    Stage::Login,
    Stage::Shell,
];

/// Progress of a connection attempt, as the client knows it.
#[derive(Debug, Default)]
pub(in crate::bridge) struct Progress {
    requested: bool,
    /// Least index in [`ORDER`] of the next stage.
    next: usize,
}

impl Progress {
    /// Sets whether the client requests the stages.
    pub(super) fn set_requested(&mut self, requested: bool) {
        self.requested = requested;
    }

    /// Returns whether the client requests the stages.
    pub(in crate::bridge) fn is_requested(&self) -> bool {
        self.requested
    }

    /// Takes the start of a stage. Returns whether it must be sent to the client.
    ///
    /// A private key is read in the login stage too, but before the name is resolved: that is not
    /// sent, as the login itself is still to come.
    pub(in crate::bridge) fn note(&mut self, stage: Stage) -> bool {
        let index = ORDER.iter().position(|known| *known == stage);
        let Some(index) = index.filter(|index| self.requested && *index >= self.next) else {
            return false;
        };
        if stage == Stage::Login && self.next == 0 {
            return false;
        }
        self.next = index + 1;
        true
    }
}
