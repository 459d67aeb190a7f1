//! The way from an `auth` message to a running shell: resolve, connect,
//! handshake, log in, start. One future; it reports its stages and has no
//! clock: the session drops it when a deadline is over.

mod attempts;

use super::audit::SessionAudit;
use super::config_snapshot::{ConfigSnapshot, SharedSnapshot};
use super::downlink::Downlink;
use super::shell::Shell;
use super::state::Resources;
use super::throttle::{LoginThrottle, QuestionWatch};
use crate::config::{Config, TargetOverrides};
use crate::error::{LimitKind, SessionError, Stage, TicketProblem};
use crate::limits::{Admission, LoginSlot, Refused, TargetPermit};
use crate::message::{AuthRequest, Credentials, Secret, TerminalRequest, WindowSize};
use crate::registry::{Entry, SessionId};
use crate::runtime::Stream;
use crate::ssh::keys::Identity;
use crate::ssh::known_hosts::Store;
use crate::ssh::{
    CheckedHost, HostKeyCheck, LoginRules, ReadCredit, SshClient, SshEvent, SshEvents,
};
use crate::targets::{self, Resolution, ResolveError, Resolver, TargetRequest};
use crate::telemetry::{AuditLog, OwnCounters};
use crate::ticket::Admitted;
use crate::ws::WsConnection;
use std::cell::Cell;
use std::net::SocketAddr;
use std::pin::Pin;
use std::rc::Rc;
use std::sync::{Arc, OnceLock};

/// What all sessions of a shard share.
#[derive(Clone)]
pub struct SessionContext {
    /// What sessions are served on.
    pub snapshot: SharedSnapshot,
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

/// Right of a session to log in.
pub struct AdmissionWithTicket {
    /// Place in the pool of connections that are not logged in.
    pub admission: Admission,
    /// Admission ticket it brought with the upgrade.
    pub ticket: Option<Secret>,
}

/// Address of a session that has not logged in, for displacing it.
pub struct SessionAddress {
    /// Shard of the session.
    pub shard: usize,
    /// Session id, once there is one.
    pub session: Arc<OnceLock<SessionId>>,
}

/// Way to the shell, under way.
pub(super) type Attempt = Pin<Box<dyn Future<Output = Result<Shell, SessionError>>>>;

/// Everything that one session's way to its shell needs.
#[derive(Clone)]
pub(super) struct Connector {
    /// Shared with the shard.
    pub(super) context: Rc<SessionContext>,
    /// The snapshot the session started with.
    pub(super) snapshot: Arc<ConfigSnapshot>,
    /// The session's record in the registry.
    pub(super) record: Rc<Entry>,
    /// Takes the outcome of the login.
    pub(super) audit: Rc<SessionAudit>,
    /// Target that the client named in its URL.
    pub(super) target: TargetRequest,
    /// Where events and output go.
    pub(super) downlink: Rc<Downlink>,
    /// Credit for reads of the SSH socket.
    pub(super) credit: Rc<ReadCredit>,
    /// The client's latest terminal size.
    pub(super) size: Rc<Cell<WindowSize>>,
    /// Follows the attempt whose user the session asks.
    pub(super) questions: Rc<QuestionWatch>,
    /// The client can be asked questions.
    pub(super) can_ask: bool,
}

impl Resources for Connector {
    type Socket = WsConnection;
    type Admission = AdmissionWithTicket;
    /// By which others may displace the session.
    type LoginSlot = LoginSlot<SessionAddress>;
    type Attempt = Attempt;
    type Shell = Shell;

    fn connect(&mut self, ticketed: AdmissionWithTicket, mut request: AuthRequest) -> Attempt {
        let AdmissionWithTicket {
            admission,
            ticket: brought,
        } = ticketed;
        self.size.set(request.terminal.size);
        self.audit.set_user(&request.credentials.username);
        let ticket = &mut request.credentials.ticket;
        *ticket = ticket.take().or(brought);
        if self.snapshot.config.admin.show_users {
            self.record.set_user(&request.credentials.username);
        }
        Box::pin(self.clone().connect(admission, request))
    }
}

impl Connector {
    /// Goes the whole way.
    ///
    /// # Errors
    /// What ended the way, by stage. Permits are given back.
    async fn connect(
        self,
        admission: Admission,
        request: AuthRequest,
    ) -> Result<Shell, SessionError> {
        let AuthRequest {
            mut credentials,
            terminal,
            progress,
        } = request;
        let admitted = admit(&self.context.snapshot.load(), &mut credentials)?;
        let (identity, unusable) = self.read_keys(&mut credentials).await?;
        let resolution = self.evaluate(admitted.as_ref())?;
        if progress {
            // The session is in this stage all along; now it begins for the client, too.
            self.enter(Stage::Resolve);
        }
        check_user(resolution.overrides(), &credentials.username)?;
        let addresses = self.resolve(&resolution).await?;
        let rules = login_rules(resolution.overrides(), &self.snapshot.config);
        let checked = CheckedHost {
            host: resolution.host().to_owned(),
            port: resolution.port(),
            pinned: resolution.overrides().host_keys.clone(),
            client: self.record.client_ip(),
            can_ask: self.can_ask,
        };
        let known = &self.context.known_hosts;
        let host_keys = HostKeyCheck::look_up(known, &self.snapshot.ssh, checked).await?;
        self.enter(Stage::Connect);
        let (socket, target, attempt) = self
            .dial_first(&admission, &resolution, &addresses, &credentials.username)
            .await?;
        let login = async {
            let mut client = self.shake_hands(socket, host_keys).await?;
            attempt.note_authentication();
            let login = self.log_in(&mut client, credentials, identity, rules).await;
            // Where the password was not taken either, the key is what can be mended.
            login.map_err(|error| match (error, unusable) {
                (SessionError::LoginFailed, Some(unusable)) => unusable,
                (error, _) => error,
            })?;
            Ok::<_, SessionError>(client)
        };
        let evicted = async {
            attempt.evicted().await;
            Err(LimitKind::Questions.into())
        };
        let client = futures_lite::future::or(evicted, login).await?;
        // The place of those who are logged in comes before the other goes back.
        let permit = admission.acquire(target).await.map_err(limit_error);
        attempt.succeeded();
        let permit = permit?;
        self.enter(Stage::Shell);
        self.start(client, &terminal, admission, permit).await
    }

    async fn shake_hands(
        &self,
        socket: Stream,
        host_keys: HostKeyCheck,
    ) -> Result<SshClient, SessionError> {
        self.enter(Stage::Handshake);
        let events: Rc<dyn SshEvents> = Rc::clone(&self.downlink) as _;
        let credit = Rc::clone(&self.credit);
        SshClient::handshake(socket, &self.snapshot.ssh, host_keys, events, credit).await
    }

    async fn log_in(
        &self,
        client: &mut SshClient,
        credentials: Credentials,
        identity: Option<Identity>,
        rules: LoginRules,
    ) -> Result<(), SessionError> {
        self.enter(Stage::Login);
        let events = self.downlink.as_ref();
        let login = client
            .login(credentials, identity, rules, self.can_ask, events)
            .await;
        self.audit.note_login(login.as_deref());
        login.map(drop)
    }

    fn enter(&self, stage: Stage) {
        self.downlink.note(SshEvent::Stage(stage));
    }

    async fn resolve(&self, resolution: &Resolution) -> Result<Vec<SocketAddr>, SessionError> {
        let client = self.record.client_ip();
        let found = self.context.resolver.resolve(resolution, client).await;
        let found = found.map_err(|error| match error {
            ResolveError::QueueFull => SessionError::ResolverBusy,
            ResolveError::NotFound => SessionError::NotResolved,
            ResolveError::Temporary => SessionError::NoNameServer,
        })?;
        resolution.filter(found).map_err(refused)
    }

    /// Policy, then whether the ticket is for what the policy makes of the
    /// target. Who has no ticket does not get here, and learns nothing of it.
    fn evaluate(&self, admitted: Option<&Admitted>) -> Result<Resolution, SessionError> {
        let snapshot = self.context.snapshot.load();
        let resolution = snapshot.policy.evaluate(&self.target).map_err(refused)?;
        let name = match &self.target {
            TargetRequest::Named(name) => Some(name.as_str()),
            TargetRequest::Host { .. } => None,
        };
        match admitted {
            Some(admitted) if !admitted.is_for(name, resolution.host(), resolution.port()) => {
                Err(TicketProblem::OtherTarget.into())
            }
            _ => Ok(resolution),
        }
    }

    async fn start(
        self,
        client: SshClient,
        terminal: &TerminalRequest,
        admission: Admission,
        permit: TargetPermit,
    ) -> Result<Shell, SessionError> {
        // Logged in: the place in the pool of those who are not goes back.
        let client_permit = admission.logged_in();
        let size = self.size;
        let channel = client
            .start(terminal, || size.get(), self.downlink.as_ref())
            .await?;
        Ok(Shell::new(channel, permit, client_permit))
    }
}

/// Looks at the ticket, where tickets are on. It is gone after that.
fn admit(
    snapshot: &ConfigSnapshot,
    credentials: &mut Credentials,
) -> Result<Option<Admitted>, SessionError> {
    let (Some(tickets), ticket) = (&snapshot.tickets, credentials.ticket.take()) else {
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

/// A target with a overrides user is nobody else's.
fn check_user(overrides: &TargetOverrides, username: &str) -> Result<(), SessionError> {
    match &overrides.user {
        Some(user) if user != username => {
            tracing::warn!("the target is for another user");
            Err(SessionError::TargetRefused)
        }
        _ => Ok(()),
    }
}

fn login_rules(overrides: &TargetOverrides, config: &Config) -> LoginRules {
    let methods = overrides.auth_methods.as_ref();
    LoginRules {
        methods: methods.unwrap_or(&config.ssh.auth_methods).clone(),
        agent_socket: overrides.agent_socket.clone(),
    }
}

/// Logs the reason, which the client does not learn.
fn refused(denial: targets::PolicyDenial) -> SessionError {
    tracing::info!(%denial, "target denied by the policy");
    SessionError::TargetRefused
}

fn limit_error(refused: Refused) -> SessionError {
    match refused {
        Refused::Target => LimitKind::Target.into(),
        Refused::Global
        | Refused::TableFull
        | Refused::Unauthenticated
        | Refused::Client
        | Refused::Elsewhere => LimitKind::Global.into(),
    }
}
