//! Publication of a session's state and byte counts to the registry and its shard's counters, once
//! per poll.

use super::BridgeSession;
use std::time::Instant;

impl BridgeSession {
    pub(super) fn publish(&mut self, now: Instant) {
        let (record, counters) = (
            &self.state.resources.record,
            &self.state.resources.context.counters,
        );
        let (input, output) = self.state.bytes();
        let (known_input, known_output) = record.traffic();
        // Output sent again to another client counts once.
        let output = output.max(known_output);
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
        let (known, state) = (record.state(), self.state.lifecycle.state());
        if state != known {
            counters.note_state(Some(known), Some(state));
            record.set_state(state);
        }
    }
}
