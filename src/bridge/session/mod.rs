//! I/O around the state machine: one owner, one future, one Drop.
//!
//! The future polls everything the session has; dropping it returns everything. Guarantees that a
//! panic ends this session alone. Does not decide: `state` does.

mod closing;
mod control;
mod echo;
mod output;
mod poll;
mod publish;
mod report;
mod sleeper;

pub use control::SessionControl;

use super::attachment::Attachment;
use super::audit::SessionAudit;
use super::connector::{Connector, PermitAndTicket, SessionAddress, SessionContext};
use super::downlink::Downlink;
use super::shell::Shell;
use super::state::{Created, Lifecycle, SessionState};
use super::timers::Timer;
use crate::error::{Reason, SessionError, Stage};
use crate::limits::LoginSlot;
use crate::message::Dialect;
use crate::registry::OwnedRecord;
use crate::ssh::{ReadCredit, SshLoop};
use crate::targets::TargetRequest;
use crate::ws::WsConnection;
use sleeper::Sleeper;
use std::future::poll_fn;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::rc::Rc;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Instant;

/// A session. Await [`BridgeSession::run`].
pub struct BridgeSession {
    /// Also owns the resources that the connection attempt shares with this future.
    state: SessionState<Connector>,
    control: Rc<SessionControl>,
    ssh_loop: SshLoop,
    sleeper: Sleeper,
    echo: echo::EchoEstimator,
    span: tracing::Span,
    started: Instant,
    /// Time of the outcome.
    ended: Option<Instant>,
}

impl BridgeSession {
    /// Creates the session of an upgraded connection. `context` is shared with the shard, `control`
    /// carries its commands, `created` is the right to log in.
    pub fn new(
        context: Rc<SessionContext>,
        record: Rc<OwnedRecord>,
        control: Rc<SessionControl>,
        created: Created<PermitAndTicket, LoginSlot<SessionAddress>>,
        target: TargetRequest,
        ws: WsConnection,
        dialect: Dialect,
    ) -> Self {
        let now = crate::clock::now();
        let audit = SessionAudit::start(context.audit.clone(), Rc::clone(&record));
        let audit = Rc::new(audit);
        *control.audit.borrow_mut() = Some(Rc::clone(&audit));
        let snapshot = context.snapshot.load_full();
        let credit = Rc::new(ReadCredit::default());
        let high = snapshot.config.websocket.write_buffer_size.bytes();
        let downlink = Rc::new(Downlink::new(Rc::clone(&credit), high));
        // Of the highest level, so that no line lacks it at any `log.level`. In JSON, `target` is
        // the module of a line.
        let (id, shard, client) = (record.id(), record.shard(), record.client_ip());
        let span = tracing::error_span!("session", %id, shard, %client, ssh_target = %target);
        let connector = Connector {
            context,
            snapshot,
            record,
            audit,
            target,
            downlink,
            credit,
            size: Rc::default(),
            questions: Rc::default(),
            can_ask: dialect == Dialect::V1,
        };
        let config = Arc::clone(&connector.snapshot.config);
        let attachment = Attachment::new(ws, dialect, 0);
        Self {
            state: SessionState::new(id.to_string(), config, connector, created, attachment, now),
            control,
            ssh_loop: SshLoop::default(),
            sleeper: Sleeper::default(),
            echo: echo::EchoEstimator::default(),
            span,
            started: now,
            ended: None,
        }
    }

    /// Returns the span that names the session in log lines.
    pub fn span(&self) -> &tracing::Span {
        &self.span
    }

    /// Runs the session to its end, whose stage and reason it returns. Boxed, because a future
    /// holds its arguments twice. Must be polled and dropped in [`Self::span`].
    pub async fn run(mut self: Box<Self>) -> (Stage, Reason) {
        self.log_start();
        poll_fn(|cx| {
            self.state.resources.downlink.waker.register(cx.waker());
            self.control.waker.register(cx.waker());
            let now = crate::clock::now();
            let poll = self.ssh_loop.enter(cx);
            // A panic ends this session alone.
            if catch_unwind(AssertUnwindSafe(|| self.poll(cx, now))).is_err() {
                self.abort(cx);
            }
            drop(poll);
            if self.ssh_loop.is_woken() {
                cx.waker().wake_by_ref();
            }
            if let Lifecycle::Connecting(connecting) = &self.state.lifecycle {
                let questions = &self.state.resources.questions;
                questions.note(connecting.question.is_some());
            }
            self.publish(now);
            if self.ended.is_none() && self.state.lifecycle.is_over() {
                self.ended = Some(now);
            }
            match &self.state.lifecycle {
                Lifecycle::Closed(_) => Poll::Ready(()),
                _ => Poll::Pending,
            }
        })
        .await;
        self.log_end()
    }

    /// Ends the session after a panic: sends the client a close frame, if its socket takes one, and
    /// uses nothing else of the session's state.
    fn abort(&mut self, cx: &mut Context<'_>) {
        let error = SessionError::Internal;
        if let Some(attachment) = &mut self.state.attachment {
            let code = error.class().close_code;
            attachment.close_now(cx, code, &error.to_string());
        }
        self.state.abort();
    }

    /// Starts relaying.
    fn start(&mut self, shell: Shell) {
        let now = crate::clock::now();
        let setup = self.state.time_to_shell(now);
        self.state.resources.context.counters.setup.record(setup);
        self.state.start(now, shell);
        // The client may have closed in the same poll.
        if !matches!(self.state.lifecycle, Lifecycle::Active(_)) {
            return;
        }
        self.schedule_keepalive(now);
        let client = self.state.attachment.as_ref();
        if client.is_some_and(|client| client.progress_requested) {
            // Measured at once, the round trip is ready for the client's first `ping`.
            self.send_keepalive(now);
        }
        self.log_ready();
    }

    fn send_keepalive(&mut self, now: Instant) {
        if let Some(shell) = self.state.lifecycle.shell_mut() {
            shell.channel.send_keepalive(now);
        }
    }

    fn schedule_keepalive(&mut self, now: Instant) {
        let interval = self.state.resources.snapshot.config.ssh.keepalive_interval;
        if !interval.is_zero() && !self.state.is_disconnected() {
            self.state.timers.set(Timer::SshKeepalive, now + interval);
        }
    }
}
