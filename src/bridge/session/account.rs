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

impl BridgeSession {
    pub(super) fn publish(&mut self, now: Instant) {
        let (record, counters) = (&self.record, &self.context.counters);
        let (input, output) = self.state.bytes();
        let (known_input, known_output) = record.traffic();
        if (input, output) != (known_input, known_output) {
            let (input_more, output_more) = (input - known_input, output - known_output);
            counters.input_bytes.add(input_more);
            counters.output_bytes.add(output_more);
            if let Some(echo) = self.echo.note(now, input_more, output_more) {
                counters.echo.record(echo);
            }
            record.set_traffic(input, output);
            record.touch(now);
        }
        let (known, state) = (record.state(), State::from(self.state.phase()));
        if state != known {
            counters.note_state(Some(known), Some(state));
            record.set_state(state);
        }
    }
}
