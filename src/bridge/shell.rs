//! Running shell of a session: its channel, the permits it holds until the SSH side ends, and the
//! state of its keep-alives.
//!
//! Moves input from the uplink into the channel, as far as russh takes it. Output does not pass
//! here: russh's handler puts it into the downlink.

use super::uplink::{ChannelRequest, Packet, Uplink};
use crate::limits::{ClientPermit, TargetPermit};
use crate::ssh::{ChannelGone, SshChannel};
use std::task::{Context, Poll, ready};

pub(super) struct Shell {
    pub(super) channel: SshChannel,
    /// SSH keep-alives in a row without a reply.
    pub(super) missed_keepalives: u32,
    /// Bytes read from the SSH socket when the last one was sent.
    pub(super) read_at_keepalive: u64,
    /// Input, a resize or a signal was passed to russh since the last probe.
    pub(super) sent_since_probe: bool,
    _target: TargetPermit,
    _client: ClientPermit,
}

impl Shell {
    /// Returns a shell that holds the permits of its target and its client.
    pub(super) fn new(channel: SshChannel, target: TargetPermit, client: ClientPermit) -> Self {
        Self {
            channel,
            missed_keepalives: 0,
            read_at_keepalive: 0,
            sent_since_probe: false,
            _target: target,
            _client: client,
        }
    }

    /// Passes input, resizes and signals to russh. Pending while it does not take all of them.
    ///
    /// # Errors
    /// [`ChannelGone`] once russh's loop has ended.
    pub(super) fn poll_flush(
        &mut self,
        cx: &mut Context<'_>,
        uplink: &mut Uplink,
    ) -> Poll<Result<(), ChannelGone>> {
        self.channel.poll_round_trip();
        if self.channel.take_late_refusal() {
            uplink.half_close();
        }
        // In this order: a signal that came after input is sent after it, unless that input must
        // wait.
        let input = self.flush_input(cx, uplink);
        let requests = self.flush_requests(cx, uplink);
        match (input?, requests?) {
            (Poll::Ready(()), Poll::Ready(())) => Poll::Ready(Ok(())),
            _ => Poll::Pending,
        }
    }

    fn flush_requests(
        &mut self,
        cx: &mut Context<'_>,
        uplink: &mut Uplink,
    ) -> Poll<Result<(), ChannelGone>> {
        loop {
            ready!(self.channel.poll_request(cx))?;
            match uplink.next_request() {
                Some(ChannelRequest::Resize(size)) => self.channel.send_resize(size),
                Some(ChannelRequest::Signal(signal)) => self.channel.send_signal(signal),
                None => return Poll::Ready(Ok(())),
            }
            self.sent_since_probe = true;
        }
    }

    fn flush_input(
        &mut self,
        cx: &mut Context<'_>,
        uplink: &mut Uplink,
    ) -> Poll<Result<(), ChannelGone>> {
        loop {
            ready!(self.channel.poll_input(cx))?;
            match uplink.next_packet() {
                Some(Packet::Input(bytes)) => self.channel.send_input(bytes),
                Some(Packet::Eof) => self.channel.send_eof(),
                None => return Poll::Ready(Ok(())),
            }
            self.sent_since_probe = true;
        }
    }
}
