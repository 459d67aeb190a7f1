//! When to acknowledge at once what was received, instead of leaving it to the kernel, which waits
//! 40 ms for something to send along.
//!
//! A peer with Nagle's algorithm on (RFC 9293 section 3.7.4) keeps what fills no segment until all
//! before it is acknowledged. Where segments are large (65,483 bytes on loopback) that is most of
//! an SSH window, and bulk output stands still for 40 ms per window. No message shows that the peer
//! waits. So each pause in bulk data is acknowledged, unless something was sent since, which
//! carries the acknowledgement. Keys and their echo are no bulk data: they cost no system call.

/// Bytes received between two pauses or sends, from which on they are bulk data.
const BULK: usize = 2 * 1024;

/// Further pauses that are acknowledged after bulk data, even after few bytes: the end of a large
/// write, or a packet length written by itself, may be all that arrived, and the data behind it
/// waits for the acknowledgement.
const SMALL_PIECES: u8 = 4;

/// Data that one connection has received and that nothing sent has acknowledged yet.
#[derive(Debug, Default, Clone, Copy)]
pub(super) struct DelayedAck {
    received: usize,
    small_pieces: u8,
}

impl DelayedAck {
    /// Bytes were received.
    pub(super) fn note_received(&mut self, bytes: usize) {
        self.received = self.received.saturating_add(bytes);
        if self.received >= BULK {
            self.small_pieces = SMALL_PIECES;
        }
    }

    /// Bytes were sent, and an acknowledgement with them.
    pub(super) fn note_sent(&mut self) {
        self.received = 0;
    }

    /// Called once per pause, when nothing is left to receive. Returns whether to acknowledge now.
    pub(super) fn is_due(&mut self) -> bool {
        let bulk = self.received >= BULK;
        let due = bulk || (self.received > 0 && self.small_pieces > 0);
        self.small_pieces -= u8::from(due && !bulk);
        self.received = 0;
        due
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_and_echo_are_left_to_the_kernel() {
        let mut ack = DelayedAck::default();
        for _ in 0..1000 {
            ack.note_received(100);
            assert!(!ack.is_due());
            ack.note_sent();
        }
    }

    #[test]
    fn a_pause_in_bulk_data_is_acknowledged_once_and_so_are_its_small_ends() {
        let mut ack = DelayedAck::default();
        ack.note_received(BULK - 1);
        ack.note_received(1);
        assert!(ack.is_due());
        assert!(!ack.is_due());
        for _ in 0..SMALL_PIECES {
            ack.note_received(1);
            assert!(ack.is_due());
        }
        ack.note_received(1);
        assert!(!ack.is_due());
    }

    #[test]
    fn what_is_sent_carries_the_acknowledgement() {
        let mut ack = DelayedAck::default();
        ack.note_received(10 * BULK);
        ack.note_sent();
        assert!(!ack.is_due());
        // Not that of the next packet's length.
        ack.note_received(4);
        assert!(ack.is_due());
    }
}
