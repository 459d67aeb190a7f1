//! Running shell of a session: its channel, the permits it holds until the SSH side ends, and the clocks that are its own.

use super::uplink::{Control, Packet, Uplink};
use crate::limits::{ClientPermit, TargetPermit};
use crate::ssh::{ChannelGone, SshChannel};
use std::task::{Context, Poll, ready};

/// See the module's description.
pub(super) struct Shell {
    pub(super) channel: SshChannel,
    pub(super) keepalive: Keepalive,
    /// Input, a size or a signal was handed to russh since credit was last given.
    pub(super) unprobed: bool,
    _target: TargetPermit,
    _client: ClientPermit,
}

/// Keep-alives without a sign of life since.
#[derive(Debug, Default)]
pub(super) struct Keepalive {
    /// Bytes read from the SSH socket when the last one was sent.
    pub(super) read_mark: u64,
    pub(super) missed: u32,
}

impl Shell {
    /// A shell that holds the places of its target and its client.
    pub(super) fn new(channel: SshChannel, target: TargetPermit, client: ClientPermit) -> Self {
        Self {
            channel,
            keepalive: Keepalive::default(),
            unprobed: false,
            _target: target,
            _client: client,
        }
    }

    /// Hands on to russh what it takes of the uplink. Pending while it does not take all.
    ///
    /// # Errors
    /// Once russh takes nothing any more.
    pub(super) fn poll_flush(
        &mut self,
        cx: &mut Context<'_>,
        uplink: &mut Uplink,
    ) -> Poll<Result<(), ChannelGone>> {
        self.channel.poll_round_trip();
        if self.channel.take_late_refusal() {
            uplink.half_close();
        }
        // In this order: a signal that came behind input leaves behind it, unless that waits.
        let input = self.poll_input(cx, uplink);
        let control = self.poll_control(cx, uplink);
        match (input?, control?) {
            (Poll::Ready(()), Poll::Ready(())) => Poll::Ready(Ok(())),
            _ => Poll::Pending,
        }
    }

    fn poll_control(
        &mut self,
        cx: &mut Context<'_>,
        uplink: &mut Uplink,
    ) -> Poll<Result<(), ChannelGone>> {
        loop {
            ready!(self.channel.poll_control(cx))?;
            match uplink.next_control() {
                Some(Control::Resize(size)) => self.channel.send_resize(size),
                Some(Control::Signal(signal)) => self.channel.send_signal(signal),
                None => return Poll::Ready(Ok(())),
            }
            self.unprobed = true;
        }
    }

    fn poll_input(
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
            self.unprobed = true;
        }
    }
}
