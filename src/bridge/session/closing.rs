//! The end of a session: the last texts, the close frame, the end of both
//! connections, in that order.

use super::{BridgeSession, Link};
use crate::bridge::state::Phase;
use std::task::Context;

impl BridgeSession {
    /// Closes both sides once the verdict is out; Closed when both are gone.
    pub(super) fn close(&mut self, cx: &mut Context<'_>) {
        let (Phase::Closing, Some(ending)) = (self.state.phase(), &self.ending) else {
            return;
        };
        let client_done = match &mut self.attachment {
            None => true,
            Some(attachment) => {
                if !attachment.close_sent
                    && attachment.texts.is_empty()
                    && attachment.ws.poll_ready(cx).is_ready()
                {
                    let (code, reason) = self.state.close_frame(ending);
                    attachment.ws.send_close(code, &reason);
                    attachment.close_sent = true;
                }
                let flushed = attachment.ws.poll_flush(cx).is_ready();
                if attachment.close_sent && flushed {
                    // A browser reports the end when TCP ends: it is not to wait
                    // for the SSH side, nor for the linger clock.
                    let _ = attachment.ws.poll_shutdown(cx);
                    if !attachment.done {
                        // Wait for the client's close frame, with the next turns.
                        return self.finish_ssh(cx);
                    }
                }
                attachment.done && (flushed || attachment.close_sent)
            }
        };
        self.finish_ssh(cx);
        if client_done && matches!(self.link, Link::Gone) {
            if let Some(attachment) = &mut self.attachment {
                let _ = attachment.ws.poll_shutdown(cx);
            }
            self.state.set_closed();
        }
    }

    /// Input that russh has not taken yet still goes; then the connection
    /// ends in order. The linger clock bounds it.
    fn finish_ssh(&mut self, cx: &mut Context<'_>) {
        match &mut self.link {
            Link::Up { .. } if self.ssh_gone => self.link = Link::Gone,
            Link::Up { channel, .. } => {
                let taking = channel.poll(cx).is_pending();
                if !(taking && channel.has_input()) {
                    channel.finish();
                }
            }
            Link::Connecting(_) | Link::Idle(_) => {
                self.link = Link::Gone;
                self.ssh_loop.end();
            }
            Link::Gone => {}
        }
    }
}
