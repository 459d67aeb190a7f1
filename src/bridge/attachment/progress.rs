//! Stages of the way to the shell, as they are announced to a client that asks for it: each once, in
//! their order. Decides nothing about who may know of a stage.

use crate::error::Stage;

/// The stages that are announced, in their order.
const ORDER: [Stage; 6] = [
    Stage::Resolve,
    Stage::Connect,
    Stage::Handshake,
    Stage::HostKey,
    Stage::Login,
    Stage::Shell,
];

/// How far the way has come.
#[derive(Debug, Default)]
pub(super) struct Progress {
    wanted: bool,
    /// Place of the next stage in [`ORDER`], at the least.
    next: usize,
}

impl Progress {
    /// Sets whether the client is to be told.
    pub(super) fn set_wanted(&mut self, wanted: bool) {
        self.wanted = wanted;
    }

    /// Returns whether the client is to be told.
    pub(super) fn is_wanted(&self) -> bool {
        self.wanted
    }

    /// A stage begins. Returns whether that is news for the client.
    ///
    /// A private key is read in the stage of the login too, but before the target is looked up: that
    /// is not announced, for the log-in itself is still to come.
    pub(super) fn note(&mut self, stage: Stage) -> bool {
        let place = ORDER.iter().position(|known| *known == stage);
        let Some(place) = place.filter(|place| self.wanted && *place >= self.next) else {
            return false;
        };
        if stage == Stage::Login && self.next == 0 {
            return false;
        }
        self.next = place + 1;
        true
    }
}
