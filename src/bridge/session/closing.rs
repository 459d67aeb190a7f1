//! End of a session: the last texts, the close frame, the end of both connections, in that order.
//! Bounded by the linger timer.

use super::BridgeSession;
use crate::bridge::state::Lifecycle;
use std::task::{Context, Poll};

impl BridgeSession {
    /// Closes both sides of a session in Closing. Closed once both are gone.
    pub(super) fn poll_close(&mut self, cx: &mut Context<'_>) {
        let Lifecycle::Closing(closing) = &self.state.lifecycle else {
            return;
        };
        let ending = &closing.ending;
        let (code, reason) = self.state.close_frame(ending);
        self.state.resources.downlink.discard();
        let client_closed = match &mut self.state.attachment {
            Some(attachment) => attachment.poll_close(cx, code, &reason),
            None => Poll::Ready(()),
        };
        let ssh_closed = self.poll_close_ssh(cx);
        if client_closed.is_ready() && ssh_closed.is_ready() {
            if let Some(attachment) = &mut self.state.attachment {
                let _ = attachment.socket.poll_shutdown(cx);
            }
            self.state.set_closed();
        }
    }

    /// Passes on the input that russh takes, then ends the connection in order. The linger timer
    /// bounds the wait.
    fn poll_close_ssh(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        let Some(shell) = self.state.lifecycle.shell_mut() else {
            self.ssh_loop.end();
            return Poll::Ready(());
        };
        let taking = shell.poll_flush(cx, &mut self.state.uplink).is_pending();
        if !(taking && self.state.uplink.has_input()) {
            shell.channel.finish();
        }
        Poll::Pending
    }
}
