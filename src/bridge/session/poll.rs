//! One poll of a session: look at everything that may have happened, hand on what can be, and see which clock runs next.
//! The order is that of a key and its echo: client in, russh, client out; so each takes one poll.

use super::BridgeSession;
use crate::bridge::state::{Input, Lifecycle};
use crate::bridge::timers::Timer;
use crate::error::SessionError;
use crate::ws::WsEvent;
use std::task::{Context, Poll};
use std::time::{Duration, Instant};

/// Messages read from one client in one poll.
const MESSAGES_PER_POLL: usize = 32;

/// Time for which input may wait while reads are stopped before some credit is given: a key re-exchange or a
/// full window needs the server's reply.
const PROBE_AFTER: Duration = Duration::from_millis(100);

/// Part of an interval by which what is sent once in it may leave early.
const EARLY: u32 = 16;

/// Close code of a client whose page was closed or left (RFC 6455 section 7.4.1).
const GOING_AWAY: u16 = 1001;

impl BridgeSession {
    /// `now` is the time of the whole poll, but for what may have taken long.
    pub(super) fn poll(&mut self, cx: &mut Context<'_>, now: Instant) {
        self.poll_control(now);
        self.poll_clocks(now);
        self.poll_client(cx, now);
        // After the client: its `auth` starts it.
        self.poll_attempt(cx);
        // After both: input that came, or waited for the shell, goes with this poll of russh.
        self.flush_input(cx);
        self.ssh_loop.poll();
        self.poll_events(now);
        // After russh: what it brought leaves now.
        self.flush_client(cx, now);
        // Last: what came in this poll may have stopped the reads, or ended the session.
        self.schedule_probe(now);
        self.poll_close(cx);
        self.schedule_wakeup(cx, now);
    }

    fn poll_control(&mut self, now: Instant) {
        if let Some(drain) = self.control.take_drain() {
            self.state.handle(now, Input::Drain(drain));
        }
        if let Some(reason) = self.control.take_kill() {
            self.state.handle(now, Input::Kill(reason));
        }
    }

    fn poll_clocks(&mut self, now: Instant) {
        while let Some(timer) = self.state.expired(now) {
            if let (Timer::Ping, Some(attachment)) = (timer, &mut self.state.attachment)
                && attachment.reading_paused
            {
                attachment.look_at_unread();
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

    /// A ping and a keep-alive that are due at nearly the same time leave
    /// together, so that an idle session wakes once for both.
    fn join_periodic(&mut self, now: Instant) {
        let config = &self.state.resources.snapshot.config;
        for (timer, interval) in [
            (Timer::Ping, config.websocket.ping_interval),
            (Timer::SshKeepalive, config.ssh.keepalive_interval),
        ] {
            self.state.bring_forward(timer, now, interval / EARLY);
        }
    }

    fn poll_client(&mut self, cx: &mut Context<'_>, now: Instant) {
        for _ in 0..MESSAGES_PER_POLL {
            let closing = self.state.lifecycle().is_over();
            let wanted = closing || self.state.wants_message();
            let Some(attachment) = &mut self.state.attachment else {
                return;
            };
            if attachment.done {
                return;
            }
            attachment.reading_paused = !wanted;
            if !wanted {
                return;
            }
            let Poll::Ready(event) = attachment.socket.poll_recv(cx) else {
                return;
            };
            let input = match event {
                WsEvent::Frame(_) if closing => continue,
                WsEvent::Ping => continue,
                WsEvent::Frame(frame) => match attachment.processor.decode(frame) {
                    Ok(incoming) => Input::Message(incoming),
                    Err(bad) => Input::ClientError(bad.into()),
                },
                WsEvent::Pong(number) => Input::Pong(number),
                WsEvent::Violation(violation) => violation.into(),
                WsEvent::Closed { code } => {
                    attachment.done = true;
                    if code == Some(GOING_AWAY) {
                        Input::ClientAway
                    } else {
                        Input::ClientClosed
                    }
                }
                WsEvent::Gone => {
                    attachment.done = true;
                    Input::ClientGone
                }
            };
            self.log_input(|session| session.state.handle(now, input));
            self.state.resources.size.set(self.state.window_size());
        }
        // There may be more; others first.
        if let Some(attachment) = &mut self.state.attachment
            && attachment.socket.poll_turn(cx).is_ready()
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
        // Stages and banners that came before belong before the outcome.
        self.poll_events(now);
        match result {
            Ok(shell) => self.log_input(|session| session.start(shell)),
            Err(error) => self.state.handle(now, Input::StartFailed(error)),
        }
    }

    fn flush_input(&mut self, cx: &mut Context<'_>) {
        if self.state.lifecycle().is_over() {
            return;
        }
        let Some(shell) = self.state.lifecycle.shell_mut() else {
            return;
        };
        // If russh's loop is gone, that is known from the drop of its handler.
        let _ = shell.poll_flush(cx, &mut self.state.uplink);
        let attachment = self.state.attachment.as_ref();
        if attachment.is_some_and(|client| client.reading_paused) && self.state.wants_message() {
            // Room again; nobody else would wake us to read.
            cx.waker().wake_by_ref();
        }
    }

    fn schedule_wakeup(&mut self, cx: &mut Context<'_>, now: Instant) {
        let deadline = self.state.next_deadline();
        if self.sleeper.poll(cx, deadline, now).is_ready() {
            cx.waker().wake_by_ref();
        }
    }

    /// Arms the clock of the probe: what was handed to russh may wait there for the server's reply (a key
    /// re-exchange), and input that was not, for the remote window. Neither
    /// comes while reads are stopped, and russh does not report whether it waits.
    fn schedule_probe(&mut self, now: Instant) {
        let waits = match self.state.lifecycle() {
            Lifecycle::Active(active) | Lifecycle::Detached(active) => {
                active.shell.unprobed || self.state.uplink.waits()
            }
            _ => false,
        };
        let timers = &mut self.state.timers;
        if self.state.resources.credit.is_stopped()
            && waits
            && self.state.resources.downlink.may_probe()
        {
            timers.set_if_idle(Timer::CreditProbe, now + PROBE_AFTER);
        } else {
            timers.clear(Timer::CreditProbe);
        }
    }

    /// Lets some of the server's bytes through; its reply may be among them.
    /// Once is enough for what russh has: while it waits for new keys, the
    /// server sends nothing else. For the window, again and again.
    fn on_probe_due(&mut self) {
        if let Some(shell) = self.state.lifecycle.shell_mut() {
            shell.unprobed = false;
        }
        self.state.resources.downlink.probe();
    }

    fn on_keepalive_due(&mut self, now: Instant) {
        if self.note_keepalive(now) {
            let error = SessionError::ConnectionLost;
            return self.state.handle(now, Input::Kill(error));
        }
        self.send_keepalive(now);
    }
}
