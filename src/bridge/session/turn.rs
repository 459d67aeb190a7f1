//! One turn of a session: look at everything that may have happened, do what
//! follows, hand on what can be, and see which clock runs next.

use super::{Attachment, BridgeSession, Link, PendingAnswer};
use crate::bridge::queue;
use crate::bridge::state::{Exit, Input, Phase};
use crate::bridge::timers::Timer;
use crate::error::SessionError;
use crate::message::{ExitSignal, ServerMessage};
use crate::runtime;
use crate::ssh::SshEvent;
use crate::ws::{MAX_OUTPUT_FRAME, WsEvent};
use std::task::{Context, Poll};
use std::time::{Duration, Instant};

/// Messages read from one client before the others get their turn.
const MESSAGES_PER_TURN: usize = 32;

/// Time for which input may wait while reads are stopped before some credit is given: a key re-exchange or a
/// full window needs the server's reply.
const PROBE_AFTER: Duration = Duration::from_millis(100);

/// What is sent once an interval may leave this part of it early.
const EARLY: u32 = 16;

impl BridgeSession {
    /// `now` is the time of the whole turn, but for what may have taken long.
    pub(super) fn turn(&mut self, cx: &mut Context<'_>, now: Instant) {
        self.hear_control(now);
        self.hear_clock(now);
        self.hear_client(cx, now);
        self.perform();
        // After the client: its `auth` starts the connector.
        self.hear_connector(cx);
        self.feed_ssh(cx);
        // russh logs in the span of its session.
        self.span.in_scope(|| self.ssh_loop.poll());
        self.hear_ssh(now);
        self.perform();
        self.feed_late(cx);
        self.feed_client(cx, now);
        self.perform();
        self.feed_client_texts(cx);
        // Last: what came in this turn may have stopped the reads.
        self.run_probe(now);
        self.close(cx);
        self.arm(cx, now);
    }

    fn hear_control(&mut self, now: Instant) {
        if let Some(drain) = self.control.take_drain() {
            self.state.handle(now, Input::Drain(drain));
        }
        if let Some(reason) = self.control.take_kill() {
            self.state.handle(now, Input::Kill(reason));
        }
    }

    fn hear_clock(&mut self, now: Instant) {
        while let Some(timer) = self.state.timers.expired(now) {
            if timer == Timer::Ping && self.reading_paused {
                self.note_unread();
            }
            match timer {
                Timer::CreditProbe => self.on_probe_due(),
                Timer::SshKeepalive => self.on_keepalive_due(now),
                other => self.state.on_timer(now, other),
            }
            if matches!(timer, Timer::Ping | Timer::SshKeepalive) {
                self.join_periodic(now);
            }
        }
    }

    /// While the client's messages are not read, its pong shows only as bytes that
    /// wait.
    fn note_unread(&mut self) {
        let attachment = self.attachment.as_ref();
        if let Some(bytes) = attachment.and_then(|attachment| attachment.ws.unread_bytes()) {
            self.state.note_unread(bytes);
        }
    }

    /// A ping and a keep-alive that are due at nearly the same time leave
    /// together, so that an idle session wakes once for both.
    fn join_periodic(&mut self, now: Instant) {
        let config = &self.terms.config;
        for (timer, interval) in [
            (Timer::Ping, config.websocket.ping_interval),
            (Timer::SshKeepalive, config.ssh.keepalive_interval),
        ] {
            let timers = &mut self.state.timers;
            timers.bring_forward(timer, now, interval / EARLY);
        }
    }

    fn hear_connector(&mut self, cx: &mut Context<'_>) {
        let Link::Connecting(connecting) = &mut self.link else {
            return;
        };
        // What it logs is the session's.
        let work = || self.span.in_scope(|| connecting.as_mut().poll(cx));
        let polled = self.ssh_loop.adopt(work);
        let Poll::Ready(result) = polled else {
            return;
        };
        self.link = Link::Gone;
        // Stages and banners that came before belong before the outcome.
        self.hear_ssh(crate::clock::now());
        match result {
            Ok(connected) => self.start_relay(connected),
            Err(error) => {
                let now = crate::clock::now();
                self.state.handle(now, Input::StartFailed(error));
            }
        }
    }

    fn hear_ssh(&mut self, now: Instant) {
        while let Some(event) = self.downlink.next_event() {
            let input = match event {
                SshEvent::Stage(stage) => Input::Stage(stage),
                SshEvent::Banner(text) => Input::Banner(text),
                SshEvent::HostKeyQuestion {
                    algorithm,
                    fingerprint,
                    known,
                    answer,
                } => {
                    self.pending_answer = PendingAnswer::HostKey(answer);
                    Input::HostKeyQuestion {
                        algorithm,
                        fingerprint,
                        known,
                    }
                }
                SshEvent::Question {
                    name,
                    instruction,
                    prompts,
                    answer,
                } => {
                    self.pending_answer = PendingAnswer::Prompts(answer);
                    Input::Question {
                        name,
                        instruction,
                        prompts,
                    }
                }
                SshEvent::ExitStatus(status) => Input::Exit(Exit {
                    status: Some(status),
                    ..Exit::default()
                }),
                SshEvent::ExitSignal {
                    signal,
                    core_dumped,
                    message,
                } => Input::Exit(exit_by_signal(signal, core_dumped, message)),
                SshEvent::ChannelClosed => Input::ChannelClosed,
                SshEvent::NoTerminal => Input::NoTerminal,
                SshEvent::StartRefused => Input::StartRefused,
                SshEvent::Disconnected(cause) => {
                    self.ssh_gone = true;
                    Input::Disconnected(cause)
                }
                SshEvent::Misbehaved(fault) => {
                    self.ssh_gone = true;
                    Input::Kill(SessionError::ServerMisbehaved(fault))
                }
            };
            self.state.handle(now, input);
        }
    }

    fn hear_client(&mut self, cx: &mut Context<'_>, now: Instant) {
        for _ in 0..MESSAGES_PER_TURN {
            // What the last message asked for counts for the next.
            self.perform();
            let closing = self.state.phase() == Phase::Closing;
            let wanted = closing || self.wants_message();
            let Some(attachment) = &mut self.attachment else {
                return;
            };
            if attachment.done {
                return;
            }
            self.reading_paused = !wanted;
            if self.reading_paused {
                return;
            }
            let Poll::Ready(event) = attachment.ws.poll_recv(cx) else {
                return;
            };
            let input = match event {
                WsEvent::Frame(_) if closing => continue,
                WsEvent::Ping => continue,
                WsEvent::Frame(frame) => match self.processor.decode(frame) {
                    Ok(incoming) => Input::Message(incoming),
                    Err(bad) => Input::ClientError(bad.into()),
                },
                WsEvent::Pong(number) => Input::Pong(number),
                WsEvent::Violation(violation) => violation.into(),
                WsEvent::Closed => {
                    attachment.done = true;
                    Input::ClientClosed
                }
                WsEvent::Gone => {
                    attachment.done = true;
                    Input::ClientGone
                }
            };
            self.state.handle(now, input);
            self.size.set(self.state.window_size());
        }
        // There may be more; others first.
        if let Some(attachment) = &mut self.attachment
            && attachment.ws.poll_turn(cx).is_ready()
        {
            cx.waker().wake_by_ref();
        }
    }

    /// Returns whether there is room for what the client's next message may bring.
    fn wants_message(&self) -> bool {
        let channel = match &self.link {
            Link::Up { channel, .. } => Some(channel),
            _ => None,
        };
        self.state.wants_message() && channel.is_none_or(|channel| channel.takes_signals())
    }

    pub(super) fn perform(&mut self) {
        while let Some(action) = self.state.next_action() {
            self.act(action);
        }
    }

    fn feed_ssh(&mut self, cx: &mut Context<'_>) {
        let Link::Up { channel, .. } = &mut self.link else {
            return;
        };
        if let Poll::Ready(error) = channel.poll(cx) {
            // russh's loop is gone; its handler tells when it is dropped.
            self.span
                .in_scope(|| tracing::debug!(%error, "no more input is taken"));
        }
        self.state.note_input_passed(channel.passed());
        if self.reading_paused && self.wants_message() {
            // Room again; nobody else would wake us to read.
            cx.waker().wake_by_ref();
        }
    }

    /// Comes back for what russh's loop brought and its channel is to answer.
    fn feed_late(&mut self, cx: &mut Context<'_>) {
        if let Link::Up { channel, .. } = &self.link
            && channel.wants_poll()
        {
            cx.waker().wake_by_ref();
        }
    }

    fn feed_client(&mut self, cx: &mut Context<'_>, now: Instant) {
        self.feed_client_texts(cx);
        if self.state.owes_pong()
            && let Link::Up { channel, .. } = &mut self.link
        {
            self.state.note_round_trip(channel.round_trip());
        }
        let Some(attachment) = &mut self.attachment else {
            return;
        };
        let mut sent = 0;
        while attachment.texts.is_empty() && attachment.ws.poll_ready(cx).is_ready() {
            if let Some(reply) = self.state.next_reply() {
                send_text(cx, &self.processor, attachment, &reply);
                continue;
            }
            if let Some(number) = self.state.next_pace_ping(now) {
                attachment.ws.send_ping(Some(number));
                continue;
            }
            let budget = self.state.output_budget().min(MAX_OUTPUT_FRAME);
            let count = self
                .downlink
                .send(budget, |bytes| attachment.ws.send_output(cx, bytes));
            if count == 0 {
                break;
            }
            self.state.note_output(now, count);
            sent += count;
            if runtime::should_yield() {
                cx.waker().wake_by_ref();
                break;
            }
        }
        let _ = attachment.ws.poll_flush(cx);
        if self.reading_paused && attachment.ws.is_broken() && !attachment.done {
            // Input that nobody takes must not keep a session whose client
            // is gone.
            attachment.done = true;
            return self.state.handle(now, Input::ClientGone);
        }
        let (blocked, written) = (attachment.ws.is_blocked(), attachment.ws.bytes_written());
        if sent > 0 {
            self.note_message("out", "output", sent);
        }
        let waiting = self.downlink.len();
        self.state.settle(now, waiting, blocked, written);
        self.downlink.throttle(self.state.is_held_back());
    }

    /// Control text goes before output.
    fn feed_client_texts(&mut self, cx: &mut Context<'_>) {
        let Some(attachment) = &mut self.attachment else {
            return;
        };
        while !attachment.texts.is_empty() && attachment.ws.poll_ready(cx).is_ready() {
            if let Some(message) = queue::next(&mut attachment.texts) {
                send_text(cx, &self.processor, attachment, &message);
            }
        }
        if let Some(number) = attachment.ping
            && attachment.texts.is_empty()
            && attachment.ws.poll_ready(cx).is_ready()
        {
            attachment.ping = None;
            attachment.ws.send_ping(number);
        }
        let _ = attachment.ws.poll_flush(cx);
    }

    fn arm(&mut self, cx: &mut Context<'_>, now: Instant) {
        if self
            .sleeper
            .poll(cx, self.state.timers.next(), now)
            .is_ready()
        {
            cx.waker().wake_by_ref();
        }
    }

    /// What was handed to russh may wait there for the server's reply (a key
    /// re-exchange), and input that was not, for the remote window. Neither
    /// comes while reads are stopped; whether russh is stuck, it does not tell.
    fn run_probe(&mut self, now: Instant) {
        let is_up = matches!(self.link, Link::Up { .. });
        let waits = is_up && (self.unprobed || self.state.input_waits());
        if self.credit.is_stopped() && waits && self.downlink.may_probe() {
            self.state
                .timers
                .set_if_idle(Timer::CreditProbe, now + PROBE_AFTER);
        } else {
            self.state.timers.clear(Timer::CreditProbe);
        }
    }

    /// Lets some of the server's bytes through; its reply may be among them.
    /// Once is enough for what russh has: while it waits for new keys, the
    /// server sends nothing else. For the window, again and again.
    fn on_probe_due(&mut self) {
        self.unprobed = false;
        self.downlink.probe();
    }

    fn on_keepalive_due(&mut self, now: Instant) {
        if self.keepalive_is_overdue(now) {
            return self
                .state
                .handle(now, Input::Kill(SessionError::ConnectionLost));
        }
        self.with_channel(|channel| channel.send_keepalive(now));
    }
}

fn exit_by_signal(signal: ExitSignal, core_dumped: bool, message: String) -> Exit {
    Exit {
        status: None,
        signal: Some(signal),
        core_dumped,
        message,
    }
}

fn send_text(
    cx: &mut Context<'_>,
    processor: &crate::message::MessageProcessor,
    attachment: &mut Attachment,
    message: &ServerMessage,
) {
    if let Some(text) = processor.encode(message) {
        attachment.ws.send_text(cx, &text);
    }
}
