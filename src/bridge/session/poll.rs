//! One poll of a session: takes in everything that may have happened, sends what can be sent, and
//! schedules the next wake-up.
//!
//! The order is that of a keystroke and its echo (client in, russh, client out), so that each takes
//! one poll.

use super::BridgeSession;
use crate::bridge::state::{Lifecycle, SessionEvent};
use crate::bridge::timers::Timer;
use crate::error::SessionError;
use crate::ws::WsEvent;
use std::task::{Context, Poll};
use std::time::{Duration, Instant};

/// Messages read from one client per poll.
const MESSAGES_PER_POLL: usize = 32;

/// Time for which input waits while reads are stopped before some read credit is granted: a key
/// re-exchange or a full window needs the server's reply.
const PROBE_AFTER: Duration = Duration::from_millis(100);

/// A ping or a keep-alive may be sent early by this fraction of its interval.
const SLACK_DIVISOR: u32 = 16;

/// Close code of a client whose page was closed or left (RFC 6455 section 7.4.1).
const GOING_AWAY: u16 = 1001;

impl BridgeSession {
    /// `now` is the time of the whole poll, except after steps that may take long.
    pub(super) fn poll(&mut self, cx: &mut Context<'_>, now: Instant) {
        self.poll_commands(now);
        self.poll_timers(now);
        self.poll_client(cx, now);
        // After the client: its `auth` starts the attempt.
        self.poll_attempt(cx);
        // After both: new input, and input that waited for the shell, goes into this poll of russh.
        self.flush_input(cx);
        self.ssh_loop.poll();
        self.poll_events(now);
        // After russh: its output is sent now.
        self.flush_client(cx, now);
        // Last: this poll may have stopped the reads, or ended the session.
        self.schedule_probe(now);
        self.poll_close(cx);
        self.schedule_wakeup(cx, now);
    }

    fn poll_commands(&mut self, now: Instant) {
        if let Some(drain) = self.control.take_drain() {
            self.state.handle(now, SessionEvent::Drain(drain));
        }
        if let Some(reason) = self.control.take_kill() {
            self.state.handle(now, SessionEvent::Failed(reason));
        }
    }

    fn poll_timers(&mut self, now: Instant) {
        while let Some(timer) = self.state.expired(now) {
            if let (Timer::Ping, Some(attachment)) = (timer, &mut self.state.attachment)
                && attachment.reading_paused
            {
                attachment.unread = attachment.socket.unread_bytes();
            }
            match timer {
                Timer::CreditProbe => self.on_probe_due(),
                Timer::SshKeepalive => self.on_keepalive_due(now),
                other => self.state.on_timer(now, other),
            }
            if matches!(timer, Timer::Ping | Timer::SshKeepalive) {
                self.coalesce_periodic(now);
            }
        }
    }

    /// Sends a ping and a keep-alive together if both are due at nearly the same time, so that an
    /// idle session wakes once for both.
    fn coalesce_periodic(&mut self, now: Instant) {
        let config = &self.state.resources.snapshot.config;
        for (timer, interval) in [
            (Timer::Ping, config.websocket.ping_interval),
            (Timer::SshKeepalive, config.ssh.keepalive_interval),
        ] {
            self.state
                .bring_forward(timer, now, interval / SLACK_DIVISOR);
        }
    }

    fn poll_client(&mut self, cx: &mut Context<'_>, now: Instant) {
        for _ in 0..MESSAGES_PER_POLL {
            let closing = self.state.lifecycle.is_over();
            let may_read = closing || self.state.can_read_message();
            let Some(attachment) = &mut self.state.attachment else {
                return;
            };
            if attachment.read_closed {
                return;
            }
            attachment.reading_paused = !may_read;
            if !may_read {
                attachment.socket.forgo_read();
                return;
            }
            let Poll::Ready(event) = attachment.socket.poll_recv(cx) else {
                return;
            };
            let event = match event {
                WsEvent::Frame(frame) if closing => {
                    attachment.processor.discard(frame);
                    continue;
                }
                WsEvent::Ping => continue,
                WsEvent::Frame(frame) => match attachment.processor.decode(frame) {
                    Ok(incoming) => SessionEvent::Message(incoming),
                    Err(bad) => SessionEvent::Failed(bad.into()),
                },
                WsEvent::Pong(number) => SessionEvent::Pong(number),
                WsEvent::Violation(violation) => SessionEvent::Failed(violation.into()),
                WsEvent::Closed { code } => {
                    attachment.read_closed = true;
                    if code == Some(GOING_AWAY) {
                        SessionEvent::ClientAway
                    } else {
                        SessionEvent::ClientClosed
                    }
                }
                WsEvent::Gone => {
                    attachment.read_closed = true;
                    SessionEvent::ClientGone
                }
            };
            self.log_input(|session| session.state.handle(now, event));
            self.state.resources.size.set(self.state.size);
        }
        // There may be more messages; other sessions go first.
        if let Some(attachment) = &mut self.state.attachment
            && attachment.socket.poll_read_budget(cx).is_ready()
        {
            cx.waker().wake_by_ref();
        }
    }

    fn poll_attempt(&mut self, cx: &mut Context<'_>) {
        let Some(connecting) = self.state.lifecycle.connecting_mut() else {
            return;
        };
        let attempt = &mut connecting.attempt;
        let Poll::Ready(result) = self.ssh_loop.adopt(|| attempt.as_mut().poll(cx)) else {
            return;
        };
        let now = crate::clock::now();
        // Stages and banners that came before the outcome are handled before it.
        self.poll_events(now);
        match result {
            Ok(shell) => self.log_input(|session| session.start(shell)),
            Err(error) => self.state.handle(now, SessionEvent::Failed(error)),
        }
    }

    /// Handles the events that the SSH side has queued.
    fn poll_events(&mut self, now: Instant) {
        while let Some(event) = self.state.resources.downlink.next_event() {
            self.state.handle(now, SessionEvent::Ssh(event));
        }
    }

    fn flush_input(&mut self, cx: &mut Context<'_>) {
        if self.state.lifecycle.is_over() {
            return;
        }
        let Some(shell) = self.state.lifecycle.shell_mut() else {
            return;
        };
        // The end of russh's loop is reported as an event, when its handler is dropped.
        let _ = shell.poll_flush(cx, &mut self.state.uplink);
        let attachment = self.state.attachment.as_ref();
        if attachment.is_some_and(|client| client.reading_paused) && self.state.can_read_message() {
            // There is room again, and nothing else would wake the session to read.
            cx.waker().wake_by_ref();
        }
    }

    fn schedule_wakeup(&mut self, cx: &mut Context<'_>, now: Instant) {
        let deadline = self.state.next_deadline();
        if self.sleeper.poll(cx, deadline, now).is_ready() {
            cx.waker().wake_by_ref();
        }
    }

    /// Starts the probe timer while input may wait for the server and reads are stopped. Input
    /// passed to russh may wait for a key re-exchange, input that was not, for the remote window.
    /// Neither ends while reads are stopped, and russh does not report that it waits.
    fn schedule_probe(&mut self, now: Instant) {
        let waits = match &self.state.lifecycle {
            Lifecycle::Active(active) | Lifecycle::Detached(active) => {
                active.shell.sent_since_probe || self.state.uplink.has_pending()
            }
            _ => false,
        };
        let (timers, resources) = (&mut self.state.timers, &self.state.resources);
        if resources.credit.is_stopped() && waits && resources.downlink.can_probe() {
            timers.set_if_stopped(Timer::CreditProbe, now + PROBE_AFTER);
        } else {
            timers.clear(Timer::CreditProbe);
        }
    }

    /// Grants some read credit: the server's reply may be among the bytes. For input that russh
    /// has, once is enough: during a key re-exchange the server sends nothing else. For the window
    /// it is repeated.
    fn on_probe_due(&mut self) {
        if let Some(shell) = self.state.lifecycle.shell_mut() {
            shell.sent_since_probe = false;
        }
        self.state.resources.downlink.probe();
    }

    fn on_keepalive_due(&mut self, now: Instant) {
        self.schedule_keepalive(now);
        if self.count_missed_keepalive() {
            let error = SessionError::ConnectionLost;
            return self.state.handle(now, SessionEvent::Failed(error));
        }
        self.send_keepalive(now);
    }
}
