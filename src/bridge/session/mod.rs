//! BridgeSession: the thin shell around the state machine. One owner, one
//! future, one Drop: the future polls everything the session has, in turns,
//! and dropping it gives everything back.

mod account;
mod closing;
mod control;
mod echo;
mod report;
mod sleeper;
mod turn;

pub use control::SessionControl;
pub use report::SessionSummary;

use super::audit::SessionAudit;
use super::connector::{Connected, Connector, SessionContext};
use super::downlink::Downlink;
use super::state::{Action, Ending, Input, Phase, SessionState};
use super::terms::Terms;
use super::throttle::QuestionWatch;
use super::timers::Timer;
use crate::error::SessionError;
use crate::limits::{Admission, ClientPermit, Newcomer, TargetPermit};
use crate::message::{AuthRequest, Dialect, MessageProcessor, Secret, ServerMessage, WindowSize};
use crate::registry::{Entry, SessionId};
use crate::ssh::{ReadCredit, SshChannel, SshLoop};
use crate::targets::Requested;
use crate::ws::WsConnection;
use async_channel::Sender;
use sleeper::Sleeper;
use std::cell::Cell;
use std::collections::VecDeque;
use std::future::{Future, poll_fn};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::Pin;
use std::rc::Rc;
use std::sync::{Arc, OnceLock};
use std::task::{Context, Poll};

/// The client's side of a session. A session owns its attachment as an
/// option, so that a later version can let the shell outlive it.
pub struct Attachment {
    /// The WebSocket.
    pub ws: WsConnection,
    /// Text that waits for room in the WebSocket, oldest first. Bounded: one
    /// `exit` or `error`, a few stages' worth of questions and banners.
    texts: VecDeque<ServerMessage>,
    /// A ping that waits for room, with its number; a later one replaces it.
    ping: Option<Option<u64>>,
    close_sent: bool,
    /// The client's direction is over: closed or broken.
    done: bool,
}

impl Attachment {
    /// A fresh attachment.
    pub fn new(ws: WsConnection) -> Self {
        Self {
            ws,
            texts: VecDeque::new(),
            ping: None,
            close_sent: false,
            done: false,
        }
    }
}

type Connecting = Pin<Box<dyn Future<Output = Result<Connected, SessionError>>>>;

/// The target's side of a session.
enum Link {
    /// Nothing yet; the place in the unauthenticated pool is held.
    Idle(Admission),
    Connecting(Connecting),
    Up {
        channel: SshChannel,
        _permit: TargetPermit,
        _client: ClientPermit,
    },
    Gone,
}

/// Whom the client's next answer is for.
enum PendingAnswer {
    None,
    HostKey(Sender<bool>),
    Prompts(Sender<Vec<Secret>>),
}

/// What a session starts from.
pub struct SessionStart {
    /// What the outside sees of it.
    pub record: Rc<Entry>,
    /// How the client talks.
    pub dialect: Dialect,
    /// Where the client wants to go.
    pub target: Requested,
    /// The admission ticket it brought with the upgrade.
    pub ticket: Option<Secret>,
    /// Its place in the unauthenticated pool.
    pub admission: Admission,
    /// Until the shell runs, what others may displace it by.
    pub newcomer: Newcomer<Unauthenticated>,
    /// The WebSocket.
    pub attachment: Attachment,
    /// Shared with the shard.
    pub context: Rc<SessionContext>,
    /// How the shard reaches the session.
    pub control: Rc<SessionControl>,
}

/// Address of a session that has not logged in, for displacing it.
pub struct Unauthenticated {
    /// Shard of the session.
    pub shard: usize,
    /// Session id, once there is one.
    pub session: Arc<OnceLock<SessionId>>,
}

/// A session. Await [`BridgeSession::run`].
pub struct BridgeSession {
    dialect: Dialect,
    target: Requested,
    ticket: Option<Secret>,
    context: Rc<SessionContext>,
    terms: Arc<Terms>,
    record: Rc<Entry>,
    newcomer: Option<Newcomer<Unauthenticated>>,
    control: Rc<SessionControl>,
    state: SessionState,
    attachment: Option<Attachment>,
    /// Behind the WebSocket, whose buffers it wipes once they are let go of.
    processor: MessageProcessor,
    link: Link,
    ssh_loop: SshLoop,
    pending_answer: PendingAnswer,
    downlink: Rc<Downlink>,
    credit: Rc<ReadCredit>,
    questions: Rc<QuestionWatch>,
    size: Rc<Cell<WindowSize>>,
    sleeper: Sleeper,
    /// Input, a size or a signal was handed over since credit was last given.
    unprobed: bool,
    keepalive: report::Keepalive,
    echo: echo::EchoClock,
    audit: Rc<SessionAudit>,
    ending: Option<Ending>,
    span: tracing::Span,
    started: std::time::Instant,
    /// russh's loop is over.
    ssh_gone: bool,
    /// The client's messages were left unread for want of room.
    reading_paused: bool,
}

impl BridgeSession {
    /// A session whose upgrade is done.
    pub fn new(start: SessionStart) -> Self {
        let now = crate::clock::now();
        let SessionStart {
            record,
            dialect,
            target,
            ticket,
            admission,
            newcomer,
            attachment,
            context,
            control,
        } = start;
        let credit = Rc::new(ReadCredit::default());
        let audit = SessionAudit::start(context.audit.clone(), Rc::clone(&record));
        let audit = Rc::new(audit);
        control.set_audit(Rc::clone(&audit));
        let terms = context.terms.load_full();
        let high = terms.config.websocket.write_buffer_size.bytes();
        let (id, shard, client) = (record.id(), record.shard(), record.client_ip());
        let span = tracing::info_span!("session", %id, shard, %client, %target);
        Self {
            state: SessionState::new(id.to_string(), dialect, Arc::clone(&terms.config), now),
            processor: MessageProcessor::new(dialect),
            attachment: Some(attachment),
            link: Link::Idle(admission),
            pending_answer: PendingAnswer::None,
            downlink: Rc::new(Downlink::new(Rc::clone(&credit), high)),
            credit,
            questions: Rc::default(),
            size: Rc::new(Cell::new(WindowSize::default())),
            sleeper: Sleeper::default(),
            unprobed: false,
            keepalive: report::Keepalive::default(),
            echo: echo::EchoClock::default(),
            audit,
            ending: None,
            started: now,
            ssh_gone: false,
            ssh_loop: SshLoop::default(),
            reading_paused: false,
            dialect,
            target,
            ticket,
            context,
            terms,
            record,
            newcomer: Some(newcomer),
            control,
            span,
        }
    }

    /// Serves the session to its end. Boxed, for a future holds what it takes
    /// twice.
    pub async fn run(mut self: Box<Self>) -> SessionSummary {
        self.log_start();
        poll_fn(|cx| {
            self.downlink.set_waker(cx.waker());
            self.control.set_waker(cx.waker());
            let now = crate::clock::now();
            let poll = self.ssh_loop.enter(cx);
            // A fault in one session ends that one alone.
            if catch_unwind(AssertUnwindSafe(|| self.turn(cx, now))).is_err() {
                self.abort(cx);
            }
            drop(poll);
            if self.ssh_loop.is_woken() {
                cx.waker().wake_by_ref();
            }
            if matches!(self.link, Link::Connecting(_)) {
                self.questions.note(self.state.is_asking());
            }
            self.publish(now);
            if self.state.phase() == Phase::Closed {
                return Poll::Ready(());
            }
            Poll::Pending
        })
        .await;
        self.log_end()
    }

    /// After a panic: tells the client, if its socket takes a frame, and
    /// trusts nothing else of the session's state.
    fn abort(&mut self, cx: &mut Context<'_>) {
        let error = SessionError::Internal;
        let stage = self.state.stage();
        if let Some(attachment) = &mut self.attachment {
            let text = error.to_string();
            attachment.ws.send_close(error.verdict().close_code, &text);
            let _ = attachment.ws.poll_flush(cx);
            let _ = attachment.ws.poll_shutdown(cx);
        }
        self.ending = Some(Ending::Failed { error, stage });
        self.state.set_closed();
    }

    fn act(&mut self, action: Action) {
        match action {
            Action::Send(message) => {
                if let Some(attachment) = &mut self.attachment {
                    attachment.texts.push_back(message);
                }
            }
            Action::Ping(number) => {
                if let Some(attachment) = &mut self.attachment {
                    attachment.ping = Some(number);
                }
            }
            Action::Connect(request) => self.connect(*request),
            Action::AnswerHostKey(accept) => {
                if let PendingAnswer::HostKey(sender) = self.take_answer() {
                    // Its receiver is gone only if the connection is, too.
                    let _ = sender.try_send(accept);
                }
            }
            Action::Answer(answers) => {
                if let PendingAnswer::Prompts(sender) = self.take_answer() {
                    let _ = sender.try_send(answers);
                }
            }
            Action::Input(bytes) => {
                self.note_message("in", "input", bytes.len());
                self.hand_over(|channel| channel.push_input(&bytes));
            }
            Action::Eof => self.hand_over(|channel| channel.push_eof()),
            Action::Resize(size) => self.hand_over(|channel| channel.resize(size)),
            Action::Signal(signal) => self.hand_over(|channel| channel.signal(signal)),
            Action::End(ending) => {
                self.ending = Some(ending);
                self.downlink.discard();
            }
        }
    }

    fn take_answer(&mut self) -> PendingAnswer {
        std::mem::replace(&mut self.pending_answer, PendingAnswer::None)
    }

    fn hand_over(&mut self, act: impl FnOnce(&mut SshChannel)) {
        self.unprobed = true;
        self.with_channel(act);
    }

    fn with_channel(&mut self, act: impl FnOnce(&mut SshChannel)) {
        if let Link::Up { channel, .. } = &mut self.link {
            act(channel);
        }
    }

    fn connect(&mut self, mut request: AuthRequest) {
        let Link::Idle(admission) = std::mem::replace(&mut self.link, Link::Gone) else {
            // The state machine lets one `auth` through.
            return;
        };
        self.size.set(request.terminal.size);
        self.audit.set_user(&request.credentials.username);
        let brought = self.ticket.take();
        let ticket = &mut request.credentials.ticket;
        *ticket = ticket.take().or(brought);
        if self.terms.config.admin.show_users {
            self.record.set_user(&request.credentials.username);
        }
        let connector = Connector {
            context: Rc::clone(&self.context),
            terms: Arc::clone(&self.terms),
            record: Rc::clone(&self.record),
            audit: Rc::clone(&self.audit),
            target: self.target.clone(),
            admission,
            downlink: Rc::clone(&self.downlink),
            credit: Rc::clone(&self.credit),
            size: Rc::clone(&self.size),
            questions: Rc::clone(&self.questions),
            can_ask: self.dialect == Dialect::V1,
        };
        self.link = Link::Connecting(Box::pin(connector.connect(request)));
    }

    /// The shell runs: `connected` replaces the way there.
    fn start_relay(&mut self, connected: Connected) {
        let Connected {
            channel,
            permit,
            client,
        } = connected;
        self.link = Link::Up {
            channel,
            _permit: permit,
            _client: client,
        };
        self.newcomer = None;
        let now = crate::clock::now();
        let setup = self.state.time_to_shell(now);
        self.context.counters.setup.record(setup);
        self.state.handle(now, Input::Started);
        // The client may have closed in the same turn.
        if self.state.phase() == Phase::Active {
            self.arm_keepalive(now);
            if self.state.wants_progress() {
                // Such a client shows it: measured at once, it is there for the first `pong`.
                self.with_channel(|channel| channel.send_keepalive(now));
            }
            self.log_ready();
        }
    }

    fn arm_keepalive(&mut self, now: std::time::Instant) {
        let interval = self.terms.config.ssh.keepalive_interval;
        if !interval.is_zero() {
            self.state.timers.set(Timer::SshKeepalive, now + interval);
        }
    }
}
