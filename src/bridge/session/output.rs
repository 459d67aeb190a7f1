//! Output and texts from the session to the client's socket.

use super::BridgeSession;
use crate::bridge::state::SessionEvent;
use crate::runtime;
use crate::ws::MAX_OUTPUT_FRAME;
use std::task::Context;
use std::time::Instant;

impl BridgeSession {
    /// Sends what the client's socket takes: texts, then replies, then output. Then ends the tick
    /// of the state machine.
    pub(super) fn flush_client(&mut self, cx: &mut Context<'_>, now: Instant) {
        self.flush_texts(cx);
        let sent = self.flush_output(cx, now);
        if sent > 0 {
            self.log_message("out", "output", sent);
        }
        let Some(attachment) = &mut self.state.attachment else {
            return;
        };
        let _ = attachment.socket.poll_flush(cx);
        if attachment.reading_paused && attachment.socket.is_broken() && !attachment.read_closed {
            // Unread input must not keep a session whose client is gone.
            attachment.read_closed = true;
            return self.state.handle(now, SessionEvent::ClientGone);
        }
        let socket = attachment.socket_state();
        let pending = self.state.resources.downlink.len();
        self.state.end_of_tick(now, pending, socket);
        let is_limited = self.state.is_client_limited();
        self.state.resources.downlink.set_read_ahead(!is_limited);
        // The last texts, if the session has just ended.
        self.flush_texts(cx);
    }

    fn flush_texts(&mut self, cx: &mut Context<'_>) {
        if let Some(attachment) = &mut self.state.attachment {
            attachment.flush_texts(cx);
        }
    }

    /// Returns the bytes of output passed to the socket.
    fn flush_output(&mut self, cx: &mut Context<'_>, now: Instant) -> usize {
        let mut sent = 0;
        while let Some(attachment) = &mut self.state.attachment
            && attachment.texts.is_empty()
            && attachment.socket.poll_ready(cx).is_ready()
        {
            if let Some(reply) = self.next_reply() {
                if let Some(attachment) = &mut self.state.attachment {
                    attachment.send_text(cx, &reply);
                }
                continue;
            }
            let ping = self.state.next_pacer_ping(now);
            let budget = self.state.output_budget().min(MAX_OUTPUT_FRAME);
            let Some(attachment) = &mut self.state.attachment else {
                break;
            };
            if let Some(number) = ping {
                attachment.socket.send_ping(Some(number));
                continue;
            }
            let downlink = &self.state.resources.downlink;
            let count = downlink.send(budget, |bytes| attachment.socket.send_output(cx, bytes));
            if count == 0 {
                break;
            }
            let offset = downlink.sent();
            self.state.note_output(now, offset);
            sent += count;
            if runtime::should_yield() {
                cx.waker().wake_by_ref();
                break;
            }
        }
        sent
    }

    fn next_reply(&mut self) -> Option<crate::message::ServerMessage> {
        let client = self.state.attachment.as_ref();
        let is_pong_due = client.is_some_and(|client| client.due_pong.is_some());
        let shell = self.state.lifecycle.shell_mut().filter(|_| is_pong_due);
        let round_trip = shell.and_then(|shell| shell.channel.round_trip());
        self.state.next_reply(round_trip)
    }
}
