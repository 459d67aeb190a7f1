//! End of a session: the last texts, the close frame, the end of both connections, in that order.
//! Bounded by the linger timer.

use super::BridgeSession;
use crate::bridge::state::{Ending, Lifecycle};
use std::task::{Context, Poll};

impl BridgeSession {
    /// Closes both sides of a session in Closing. Closed once both are gone.
    pub(super) fn poll_close(&mut self, cx: &mut Context<'_>) {
        let Lifecycle::Closing(closing) = &self.state.lifecycle else {
            return;
        };
        let has_exited = matches!(closing.ending, Ending::Exited(_));
        let (code, reason) = self.state.close_frame(&closing.ending);
        self.state.resources.downlink.discard();
        let client_closed = match &mut self.state.attachment {
            Some(attachment) => {
                if attachment.reading_paused && !attachment.read_closed {
                    // The next poll reads again, up to the client's end of the connection.
                    cx.waker().wake_by_ref();
                }
                attachment.poll_close(cx, code, &reason)
            }
            None => Poll::Ready(()),
        };
        let ssh_closed = self.poll_close_ssh(cx, has_exited);
        if client_closed.is_ready() && ssh_closed.is_ready() {
            if let Some(attachment) = &mut self.state.attachment {
                let _ = attachment.socket.poll_shutdown(cx);
            }
            self.state.set_closed();
        }
    }

    /// Passes on all input, unless the process has ended, then ends the connection in order. The
    /// linger timer bounds the wait.
    fn poll_close_ssh(&mut self, cx: &mut Context<'_>, has_exited: bool) -> Poll<()> {
        let Some(shell) = self.state.lifecycle.shell_mut() else {
            self.ssh_loop.end();
            return Poll::Ready(());
        };
        let is_passed_on = shell.poll_flush(cx, &mut self.state.uplink).is_ready();
        if has_exited || is_passed_on {
            shell.channel.finish();
        }
        Poll::Pending
    }
}
