//! Steps from an `auth` message to a running shell: resolve, connect, handshake, log in, start.
//!
//! One future, which reports each stage as an event. Guarantees that a failed or dropped attempt
//! returns its permits. Has no timers: the session drops it when a deadline has passed.

mod attempts;

use super::audit::SessionAudit;
use super::config_snapshot::{ConfigSnapshot, SharedSnapshot};
use super::downlink::Downlink;
use super::shell::Shell;
use super::state::Resources;
use super::throttle::{LoginThrottle, QuestionTracker};
use crate::config::{Config, TargetOverrides};
use crate::error::{LimitKind, SessionError, Stage, TicketProblem};
use crate::limits::{ConnectionPermit, LoginSlot, Refused};
use crate::message::{AuthRequest, Credentials, Secret, WindowSize};
use crate::registry::{OwnedRecord, SessionId};
use crate::runtime::Stream;
use crate::ssh::keys::Identity;
use crate::ssh::known_hosts::Store;
use crate::ssh::{
    CheckedHost, HostKeyCheck, LoginRules, ReadCredit, SshClient, SshEvent, SshEvents,
};
use crate::targets::{self, Resolution, ResolveError, Resolver, TargetRequest};
use crate::telemetry::{AuditLog, OwnCounters};
use crate::ticket::VerifiedTicket;
use crate::ws::WsConnection;
use std::cell::Cell;
use std::net::SocketAddr;
use std::pin::Pin;
use std::rc::Rc;
use std::sync::{Arc, OnceLock};

/// State shared by all sessions of a shard.
#[derive(Clone)]
pub struct SessionContext {
    /// Latest configuration.
    pub snapshot: SharedSnapshot,
    /// Resolver of target names.
    pub resolver: Resolver,
    /// Known host keys.
    pub known_hosts: Store,
    /// Limits on failed logins.
    pub logins: Arc<LoginThrottle>,
    /// Counters of the shard.
    pub counters: OwnCounters,
    /// Audit log of the process.
    pub audit: AuditLog,
}

/// Permit of a connection that is not logged in, and the ticket that came with its upgrade.
pub(super) type PermitAndTicket = (ConnectionPermit, Option<Secret>);

/// Address of a session that has not logged in, by which another connection displaces it.
pub struct SessionAddress {
    /// Shard of the session.
    pub shard: usize,
    /// Session id, once it is assigned.
    pub session: Arc<OnceLock<SessionId>>,
}

/// Connection attempt of a session.
pub(super) type Attempt = Pin<Box<dyn Future<Output = Result<Shell, SessionError>>>>;

/// Resources of one session's connection attempt.
#[derive(Clone)]
pub(super) struct Connector {
    /// State shared with the shard.
    pub(super) context: Rc<SessionContext>,
    /// Snapshot the session started with.
    pub(super) snapshot: Arc<ConfigSnapshot>,
    /// The session's record in the registry.
    pub(super) record: Rc<OwnedRecord>,
    /// Takes the outcome of the login.
    pub(super) audit: Rc<SessionAudit>,
    /// Target that the client named in its URL.
    pub(super) target: TargetRequest,
    /// Takes events and output.
    pub(super) downlink: Rc<Downlink>,
    /// Credit for reads of the SSH socket.
    pub(super) credit: Rc<ReadCredit>,
    /// Latest terminal size of the client.
    pub(super) size: Rc<Cell<WindowSize>>,
    /// Reports to the login throttle that the session waits for its user.
    pub(super) questions: Rc<QuestionTracker>,
    /// The client can answer questions.
    pub(super) can_ask: bool,
}

impl Resources for Connector {
    type Socket = WsConnection;
    type Permit = PermitAndTicket;
    /// Holds the address by which others displace the session.
    type LoginSlot = LoginSlot<SessionAddress>;
    type Attempt = Attempt;
    type Shell = Shell;

    fn connect(
        &mut self,
        (permit, upgrade_ticket): PermitAndTicket,
        mut request: AuthRequest,
    ) -> Attempt {
        self.size.set(request.terminal.size);
        self.audit.set_user(&request.credentials.username);
        let ticket = &mut request.credentials.ticket;
        *ticket = ticket.take().or(upgrade_ticket);
        if self.snapshot.config.admin.show_users {
            self.record.set_user(&request.credentials.username);
        }
        Box::pin(self.clone().connect(permit, request))
    }
}

impl Connector {
    /// Runs all steps.
    ///
    /// # Errors
    /// Cause of the failure. All permits are returned.
    async fn connect(
        self,
        connection_permit: ConnectionPermit,
        request: AuthRequest,
    ) -> Result<Shell, SessionError> {
        let AuthRequest {
            mut credentials,
            terminal,
            progress,
        } = request;
        let ticket = self.verify_ticket(&mut credentials)?;
        let (identity, key_error) = self.load_identity(&mut credentials).await?;
        let resolution = self.evaluate(ticket.as_ref())?;
        if progress {
            // The session has been in this stage since `auth`; the client is notified only now.
            self.report_stage(Stage::Resolve);
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
        self.report_stage(Stage::Connect);
        let (socket, target, attempt) = self
            .connect_any(
                &connection_permit,
                &resolution,
                &addresses,
                &credentials.username,
            )
            .await?;
        let login = async {
            let mut client = self.handshake(socket, host_keys).await?;
            attempt.note_authentication();
            let login = self.log_in(&mut client, credentials, identity, rules).await;
            // If the password was refused too, the error of the key is the one that can be fixed.
            login.map_err(|error| match (error, key_error) {
                (SessionError::LoginFailed, Some(key_error)) => key_error,
                (error, _) => error,
            })?;
            Ok::<_, SessionError>(client)
        };
        let evicted = async {
            attempt.evicted().await;
            Err(LimitKind::Questions.into())
        };
        let client = futures_lite::future::or(evicted, login).await?;
        // The permit of a logged-in session is taken before that of the login is returned.
        let permit = connection_permit.acquire(target).await.map_err(limit_error);
        attempt.succeeded();
        let permit = permit?;
        self.report_stage(Stage::Shell);
        // Logged in: returns the permit of a connection that is not.
        let client_permit = connection_permit.logged_in();
        let events = self.downlink.as_ref();
        let channel = client.start(&terminal, || self.size.get(), events).await?;
        Ok(Shell::new(channel, permit, client_permit))
    }

    async fn handshake(
        &self,
        socket: Stream,
        host_keys: HostKeyCheck,
    ) -> Result<SshClient, SessionError> {
        self.report_stage(Stage::Handshake);
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
        self.report_stage(Stage::Login);
        let events = self.downlink.as_ref();
        let login = client
            .login(credentials, identity, rules, self.can_ask, events)
            .await;
        self.audit.note_login(login.as_deref());
        login.map(drop)
    }

    fn report_stage(&self, stage: Stage) {
        self.downlink.push_event(SshEvent::Stage(stage));
    }

    async fn resolve(&self, resolution: &Resolution) -> Result<Vec<SocketAddr>, SessionError> {
        let client = self.record.client_ip();
        let found = self.context.resolver.resolve(resolution, client).await;
        let found = found.map_err(|error| match error {
            ResolveError::QueueFull => SessionError::ResolverBusy,
            ResolveError::NotFound => SessionError::NotResolved,
            ResolveError::Temporary => SessionError::NoNameServer,
        })?;
        resolution.filter(found).map_err(policy_error)
    }

    /// Verifies the ticket, its target too, and wipes it, where tickets are on. Done before
    /// anything else: a client without a ticket for this target learns nothing about the target,
    /// and has no private key read.
    fn verify_ticket(
        &self,
        credentials: &mut Credentials,
    ) -> Result<Option<VerifiedTicket>, SessionError> {
        let snapshot = self.context.snapshot.load();
        let (Some(tickets), ticket) = (&snapshot.tickets, credentials.ticket.take()) else {
            return Ok(None);
        };
        match ticket {
            Some(ticket) => {
                let now = crate::clock::wall();
                let verified = tickets.verify(ticket.expose(), &credentials.username, now)?;
                check_ticket_target(&verified, &snapshot, &self.target)?;
                Ok(Some(verified))
            }
            None if tickets.are_required() => Err(TicketProblem::Missing.into()),
            None => Ok(None),
        }
    }

    /// Evaluates the policy. Compares the ticket's target again before: a reload may have given the
    /// target's name to another host while the private key was read.
    fn evaluate(&self, ticket: Option<&VerifiedTicket>) -> Result<Resolution, SessionError> {
        let snapshot = self.context.snapshot.load();
        if let Some(ticket) = ticket {
            check_ticket_target(ticket, &snapshot, &self.target)?;
        }
        let resolution = snapshot.policy.evaluate(&self.target);
        resolution.map_err(policy_error)
    }
}

/// Compares the ticket's target with the requested one, whether or not the policy allows this.
fn check_ticket_target(
    ticket: &VerifiedTicket,
    snapshot: &ConfigSnapshot,
    target: &TargetRequest,
) -> Result<(), TicketProblem> {
    let name = match target {
        TargetRequest::Named(name) => Some(name.as_str()),
        TargetRequest::Host { .. } => None,
    };
    // A name that a reload has removed has no endpoint; the policy refuses it.
    let (host, port) = snapshot.policy.endpoint(target).unwrap_or_default();
    match ticket.is_for(name, &host, port) {
        true => Ok(()),
        false => Err(TicketProblem::OtherTarget),
    }
}

/// Refuses a user other than the one the target is restricted to.
fn check_user(overrides: &TargetOverrides, username: &str) -> Result<(), SessionError> {
    match &overrides.user {
        Some(user) if user != username => {
            tracing::warn!("login refused: the named target is restricted to another user");
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

/// Logs the reason, which is hidden from the client.
fn policy_error(denial: targets::PolicyDenial) -> SessionError {
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
