//! The way from an `auth` message to a running shell: resolve, connect,
//! handshake, log in, start. One future; it reports its stages and has no
//! clock: the session drops it when a deadline is over.

use super::audit::SessionAudit;
use super::outbox::Outbox;
use super::terms::{LatestTerms, Terms};
use crate::error::{LimitKind, SessionError, Stage};
use crate::limits::{Admission, ClientPermit, Refused, TargetKey, TargetPermit};
use crate::message::{AuthRequest, TerminalRequest, WindowSize};
use crate::registry::Entry;
use crate::ssh::dial;
use crate::ssh::known_hosts::Store;
use crate::ssh::{Gate, HostKeyCheck, SshChannel, SshClient, SshEvent, SshEvents};
use crate::targets::{self, Plan, Requested, ResolveError, Resolver};
use crate::telemetry::{AuditLog, OwnCounters};
use glommio::net::TcpStream;
use std::cell::Cell;
use std::net::SocketAddr;
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

/// What all sessions of a shard share.
pub struct SessionContext {
    /// What sessions are served on.
    pub terms: LatestTerms,
    /// Names to addresses.
    pub resolver: Resolver,
    /// Known host keys.
    pub known_hosts: Store,
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
            credentials,
            terminal,
        } = request;
        let (plan, addresses) = self.resolve().await?;
        self.enter(Stage::Connect);
        let (socket, permit) = self.dial_first(&addresses).await?;
        self.enter(Stage::Handshake);
        let config = &self.terms.config;
        let host_keys = HostKeyCheck {
            policy: config.ssh.host_key_policy,
            store: self.context.known_hosts.clone(),
            host: plan.host().to_owned(),
            port: plan.port(),
            can_ask: self.can_ask,
        };
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
        let login = client
            .login(credentials, self.can_ask, settings, events.as_ref())
            .await;
        self.audit.note_login(login.as_deref());
        login?;
        self.enter(Stage::Shell);
        self.start(client, &terminal, permit).await
    }

    fn enter(&self, stage: Stage) {
        self.outbox.event(SshEvent::Stage(stage));
    }

    async fn resolve(&self) -> Result<(Plan, Vec<SocketAddr>), SessionError> {
        let plan = self
            .context
            .terms
            .load()
            .policy
            .plan(&self.target)
            .map_err(refused)?;
        let client = self.record.client_ip();
        let found = self.context.resolver.resolve(&plan, client).await;
        let found = found.map_err(|error| match error {
            ResolveError::QueueFull => SessionError::ResolverBusy,
            ResolveError::NotFound | ResolveError::Temporary => SessionError::NotResolved,
        })?;
        let allowed = plan.filter(found).map_err(refused)?;
        Ok((plan, allowed))
    }

    /// Tries the addresses in order, each with an equal share of what is left
    /// of the stage, and with its own permit: quotas are by address.
    async fn dial_first(
        &self,
        addresses: &[SocketAddr],
    ) -> Result<(TcpStream, TargetPermit), SessionError> {
        let config = &self.terms.config.ssh;
        let mut last = SessionError::Unreachable;
        let start = crate::clock::now();
        for (index, address) in addresses.iter().enumerate() {
            let permit = match self.admission.target(TargetKey::from(*address)) {
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
                    return Ok((socket, permit));
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
        let channel = client.start(terminal, || size.get()).await?;
        Ok(Connected {
            channel,
            permit,
            client: client_permit,
        })
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
