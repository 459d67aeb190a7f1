//! The way from an `auth` message to a running shell: resolve, connect,
//! handshake, log in, start. One future; it reports its stages and has no
//! clock: the session drops it when a deadline is over.

use super::audit::SessionAudit;
use super::outbox::Outbox;
use super::terms::{LatestTerms, Terms};
use super::throttle::{LoginAttempt, LoginThrottle, NotNow};
use crate::config::{Config, Fixed};
use crate::error::{LimitKind, SessionError, Stage, TicketProblem};
use crate::limits::{Admission, ClientPermit, Refused, TargetKey, TargetPermit};
use crate::message::{AuthRequest, Credentials, TerminalRequest, WindowSize};
use crate::registry::Entry;
use crate::sockets::TcpStream;
use crate::ssh::dial;
use crate::ssh::keys::{self, Identity};
use crate::ssh::known_hosts::Store;
use crate::ssh::{
    CheckedHost, Gate, HostKeyCheck, LoginRules, SshChannel, SshClient, SshEvent, SshEvents,
};
use crate::targets::{self, Plan, Requested, ResolveError, Resolver};
use crate::telemetry::{AuditLog, OwnCounters};
use crate::ticket::Admitted;
use std::cell::Cell;
use std::net::SocketAddr;
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

/// How often a login that waits for others of its client looks again.
const ATTEMPT_LOOK: Duration = Duration::from_millis(20);

/// What all sessions of a shard share.
pub struct SessionContext {
    /// What sessions are served on.
    pub terms: LatestTerms,
    /// Names to addresses.
    pub resolver: Resolver,
    /// Known host keys.
    pub known_hosts: Store,
    /// Failed logins.
    pub logins: Arc<LoginThrottle>,
    /// What the shard counts.
    pub counters: OwnCounters,
    /// Who did what.
    pub audit: AuditLog,
}

/// A started shell, with what it holds.
pub(super) struct Connected {
    /// The shell.
    pub(super) channel: SshChannel,
    /// The global and the target's place.
    pub(super) permit: TargetPermit,
    /// The client's place.
    pub(super) client: ClientPermit,
}

/// What one session's connection needs.
pub(super) struct Connector {
    /// Shared with the shard.
    pub context: Rc<SessionContext>,
    /// The terms the session started with.
    pub(super) terms: Arc<Terms>,
    /// What the outside sees of the session.
    pub(super) record: Rc<Entry>,
    /// Where the outcome of the login is told.
    pub(super) audit: Rc<SessionAudit>,
    /// What the client asked for in its URL.
    pub(super) target: Requested,
    /// The place in the pool of connections not yet logged in.
    pub(super) admission: Admission,
    /// Where events and output go.
    pub(super) outbox: Rc<Outbox>,
    /// The valve of the SSH socket.
    pub(super) gate: Rc<Gate>,
    /// The client's latest terminal size.
    pub(super) size: Rc<Cell<WindowSize>>,
    /// Whether the client can be asked questions.
    pub(super) can_ask: bool,
}

impl Connector {
    /// Goes the whole way.
    ///
    /// # Errors
    /// What ended the way, by stage. Permits are given back.
    pub(super) async fn connect(self, request: AuthRequest) -> Result<Connected, SessionError> {
        let AuthRequest {
            mut credentials,
            terminal,
        } = request;
        let admitted = admit(&self.context.terms.load(), &mut credentials)?;
        let (identity, unusable) = self.read_keys(&mut credentials).await?;
        let plan = self.plan(admitted.as_ref())?;
        check_user(plan.fixed(), &credentials.username)?;
        let addresses = self.resolve(&plan).await?;
        let rules = login_rules(plan.fixed(), &self.terms.config);
        let checked = CheckedHost {
            host: plan.host().to_owned(),
            port: plan.port(),
            pinned: plan.fixed().host_keys.clone(),
            client: self.record.client_ip(),
            can_ask: self.can_ask,
        };
        let known = &self.context.known_hosts;
        let host_keys = HostKeyCheck::look_up(known, &self.terms.ssh, checked).await?;
        self.enter(Stage::Connect);
        let (socket, permit, mut attempt) = self.dial_first(&plan, &addresses).await?;
        self.enter(Stage::Handshake);
        let events: Rc<dyn SshEvents> = Rc::clone(&self.outbox) as _;
        let settings = &self.terms.ssh;
        let mut client = SshClient::handshake(
            socket,
            settings,
            host_keys,
            Rc::clone(&events),
            Rc::clone(&self.gate),
        )
        .await?;
        self.enter(Stage::Login);
        attempt.begin();
        let login = client
            .login(credentials, identity, rules, self.can_ask, events.as_ref())
            .await;
        match login {
            Ok(_) => attempt.succeeded(),
            // The fault is the key's, or the bridge's; the target refused nobody.
            Err(SessionError::UnusableKey(_) | SessionError::AgentUnavailable) => {
                attempt.did_not_fail();
            }
            Err(_) => {}
        }
        self.audit.note_login(login.as_deref());
        // Where the password was not taken either, the key is what can be mended.
        login.map_err(|error| match (error, unusable) {
            (SessionError::LoginFailed, Some(unusable)) => unusable,
            (error, _) => error,
        })?;
        self.enter(Stage::Shell);
        self.start(client, &terminal, permit).await
    }

    /// Reads the client's key before anything is dialled: one that cannot be used must not cost
    /// the target a connection that ends without a login. Before the target is looked at, so that
    /// a bad key cannot ask which targets there are (`targets.uniform_errors`). It is part of the
    /// login, in stage and deadline.
    ///
    /// Beside a password a key that cannot be used does not end the session; what is wrong with
    /// it is returned, for the case that the password is not taken either.
    async fn read_keys(
        &self,
        credentials: &mut Credentials,
    ) -> Result<(Option<Identity>, Option<SessionError>), SessionError> {
        if credentials.private_key.is_none() && credentials.certificate.is_none() {
            return Ok((None, None));
        }
        self.enter(Stage::Login);
        let read = keys::identity(credentials, &self.terms.ssh, self.record.client_ip()).await;
        let password = credentials.password.as_ref();
        let has_password = password.is_some_and(|password| !password.expose().is_empty());
        let read = match read {
            Err(error @ SessionError::UnusableKey(_)) if has_password => {
                tracing::warn!(%error, "logging in with the password alone");
                (None, Some(error))
            }
            other => {
                let identity = other.inspect_err(|error| self.audit.note_login(Err(error)))?;
                (identity, None)
            }
        };
        self.enter(Stage::Resolve);
        Ok(read)
    }

    fn enter(&self, stage: Stage) {
        self.outbox.note(SshEvent::Stage(stage));
    }

    async fn resolve(&self, plan: &Plan) -> Result<Vec<SocketAddr>, SessionError> {
        let client = self.record.client_ip();
        let found = self.context.resolver.resolve(plan, client).await;
        let found = found.map_err(|error| match error {
            ResolveError::QueueFull => SessionError::ResolverBusy,
            ResolveError::NotFound | ResolveError::Temporary => SessionError::NotResolved,
        })?;
        plan.filter(found).map_err(refused)
    }

    /// Policy, then whether the ticket is for what the policy makes of the
    /// target. Who has no ticket does not get here, and learns nothing of it.
    fn plan(&self, admitted: Option<&Admitted>) -> Result<Plan, SessionError> {
        let terms = self.context.terms.load();
        let plan = terms.policy.plan(&self.target).map_err(refused)?;
        let name = match &self.target {
            Requested::Named(name) => Some(name.as_str()),
            Requested::Host { .. } => None,
        };
        match admitted {
            Some(admitted) if !admitted.is_for(name, plan.host(), plan.port()) => {
                Err(TicketProblem::OtherTarget.into())
            }
            _ => Ok(plan),
        }
    }

    /// Waits while other logins of this client are under way at the target;
    /// not beyond half of the stage, so that there is time left to connect.
    async fn attempt(&self, address: SocketAddr) -> Result<LoginAttempt, SessionError> {
        let (client, logins) = (self.record.client_ip(), &self.context.logins);
        let until = crate::clock::now() + self.terms.config.ssh.connect_timeout / 2;
        loop {
            let now = crate::clock::now();
            // The latest, like the policy: one count of failures cannot keep two rates.
            let config = Arc::clone(&self.context.terms.load().config);
            match logins.attempt(client, address, &config.rate_limit, now) {
                Ok(attempt) => return Ok(attempt),
                Err(NotNow::Failed(wait)) => return Err(throttled(wait)),
                Err(NotNow::UnderWay) if now >= until => return Err(throttled(ATTEMPT_LOOK)),
                Err(NotNow::UnderWay) => glommio::timer::sleep(ATTEMPT_LOOK).await,
            }
        }
    }

    /// Tries the addresses in order, each with an equal share of what is left
    /// of the stage, and with its own permit: quotas are by address.
    async fn dial_first(
        &self,
        plan: &Plan,
        addresses: &[SocketAddr],
    ) -> Result<(TcpStream, TargetPermit, LoginAttempt), SessionError> {
        let config = &self.terms.config.ssh;
        let mut last = SessionError::Unreachable;
        let start = crate::clock::now();
        for (index, address) in addresses.iter().enumerate() {
            let counted = plan.counted_as(*address);
            let attempt = self.attempt(counted).await?;
            let permit = match self.admission.target(TargetKey::from(counted)) {
                Ok(permit) => permit,
                Err(refused) => {
                    last = limit_error(refused);
                    continue;
                }
            };
            let left = config.connect_timeout.saturating_sub(start.elapsed());
            let share = left / u32::try_from(addresses.len() - index).unwrap_or(1);
            match within(share, dial(*address, config.receive_buffer.bytes())).await {
                Some(Ok(socket)) => {
                    self.record.set_target_address(*address);
                    return Ok((socket, permit, attempt));
                }
                Some(Err(error)) => {
                    tracing::info!(%address, %error, "no connection to the target");
                    last = SessionError::Unreachable;
                }
                None => {
                    tracing::info!(%address, "no answer from the target");
                    last = SessionError::Deadline(Stage::Connect);
                }
            }
        }
        Err(last)
    }

    async fn start(
        self,
        client: SshClient,
        terminal: &TerminalRequest,
        permit: TargetPermit,
    ) -> Result<Connected, SessionError> {
        // Logged in: the place in the pool of those who are not goes back.
        let client_permit = self.admission.logged_in();
        let size = self.size;
        let channel = client.start(terminal, || size.get(), self.outbox).await?;
        Ok(Connected {
            channel,
            permit,
            client: client_permit,
        })
    }
}

/// Looks at the ticket, where tickets are on. It is gone after that.
fn admit(terms: &Terms, credentials: &mut Credentials) -> Result<Option<Admitted>, SessionError> {
    let (Some(tickets), ticket) = (&terms.tickets, credentials.ticket.take()) else {
        return Ok(None);
    };
    match ticket {
        Some(ticket) => {
            let now = crate::clock::wall();
            let admitted = tickets.verify(ticket.expose(), &credentials.username, now)?;
            Ok(Some(admitted))
        }
        None if tickets.are_required() => Err(TicketProblem::Missing.into()),
        None => Ok(None),
    }
}

/// In whole seconds, rounded up: sooner would be too soon.
fn throttled(wait: Duration) -> SessionError {
    SessionError::Throttled(wait.as_secs() + u64::from(wait.subsec_nanos() > 0))
}

/// A target with a fixed user is nobody else's.
fn check_user(fixed: &Fixed, username: &str) -> Result<(), SessionError> {
    match &fixed.user {
        Some(user) if user != username => {
            tracing::warn!("the target is for another user");
            Err(SessionError::TargetRefused)
        }
        _ => Ok(()),
    }
}

fn login_rules(fixed: &Fixed, config: &Config) -> LoginRules {
    let methods = fixed.auth_methods.as_ref();
    LoginRules {
        methods: methods.unwrap_or(&config.ssh.auth_methods).clone(),
        agent_socket: fixed.agent_socket.clone(),
    }
}

/// Why, is for the operator alone.
fn refused(refused: targets::Refused) -> SessionError {
    tracing::info!(%refused, "the target is refused");
    SessionError::TargetRefused
}

fn limit_error(refused: Refused) -> SessionError {
    match refused {
        Refused::Target => LimitKind::Target.into(),
        Refused::Global | Refused::TableFull | Refused::Unauthenticated | Refused::Client => {
            LimitKind::Global.into()
        }
    }
}

/// `None` if `future` takes longer than `limit`.
async fn within<T>(limit: Duration, future: impl Future<Output = T>) -> Option<T> {
    let timeout = async {
        glommio::timer::sleep(limit).await;
        None
    };
    futures_lite::future::or(async { Some(future.await) }, timeout).await
}
