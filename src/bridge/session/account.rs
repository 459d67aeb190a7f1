//! What a session tells the registry and its shard's counters, once a turn.

use super::BridgeSession;
use crate::bridge::state::Phase;
use crate::registry::State;
use std::time::Instant;

impl From<Phase> for State {
    fn from(phase: Phase) -> Self {
        match phase {
            Phase::Created => Self::Created,
            Phase::Connecting(_) => Self::Connecting,
            Phase::Active => Self::Active,
            Phase::Closing => Self::Closing,
            Phase::Closed => Self::Closed,
        }
    }
}

/// What was told last. The record has the same, but reading it would fetch it
/// into the cache of this core, which storing does not wait for.
#[derive(Debug, Clone, Copy)]
pub(super) struct Published {
    input: u64,
    output: u64,
    state: State,
}

impl Published {
    /// Of a session that is just entered.
    pub(super) const NOTHING: Self = Self {
        input: 0,
        output: 0,
        state: State::Created,
    };
}

impl BridgeSession {
    pub(super) fn publish(&mut self, now: Instant) {
        let (record, counters) = (&self.record, &self.context.counters);
        let (input, output) = self.state.bytes();
        let known = self.published;
        if (input, output) != (known.input, known.output) {
            counters.input_bytes.add(input - known.input);
            counters.output_bytes.add(output - known.output);
            record.set_traffic(input, output);
            record.set_last_activity(now.saturating_duration_since(self.started));
        }
        let state = State::from(self.state.phase());
        if state != known.state {
            counters.note_state(Some(known.state), Some(state));
            record.set_state(state);
        }
        self.published = Published {
            input,
            output,
            state,
        };
    }
}
