//! User authentication (RFC 4252, RFC 4256). Begins with "none", whose refusal lists the methods
//! that the server offers, as OpenSSH's client does; then certificate, key, agent, password and
//! keyboard-interactive, in this order, as far as the server and the rules allow each. Guarantees
//! that no credential is sent for a method that the server does not offer. One attempt of a method
//! is in `attempts` and `interactive`.

use super::SshEvents;
use super::client::SshClient;
use super::handler::{HandlerError, SessionHandler};
use super::keys::Identity;
use super::packet_budget::PacketBudget;
use crate::config::{AuthMethod, AuthMethods};
use crate::error::SessionError;
use crate::message::Credentials;
use russh::client::Handle;
use russh::{MethodKind, MethodSet};
use std::collections::VecDeque;
use std::path::PathBuf;

/// Attempts in one login, "none" included. RFC 4252 sets no bound; OpenSSH's server ends the
/// connection after six.
const MAX_ATTEMPTS: usize = 17;

/// Methods and keys that a login may use, beside the client's credentials.
#[derive(Debug, Clone, Default)]
pub struct LoginRules {
    /// The methods that may be tried.
    pub methods: AuthMethods,
    /// Socket of an ssh-agent, whose keys are tried as well.
    pub agent_socket: Option<PathBuf>,
}

/// An authentication method of a login.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Method {
    Certificate,
    Key,
    Agent,
    Password,
    Interactive,
    None,
}

impl Method {
    /// Returns the name in the logs and the audit log.
    fn name(self) -> &'static str {
        match self {
            Self::Certificate => "certificate",
            Self::Key => "publickey",
            Self::Agent => "agent",
            Self::Password => "password",
            Self::Interactive => "keyboard-interactive",
            Self::None => "none",
        }
    }

    fn kind(self) -> MethodKind {
        match self {
            Self::Certificate | Self::Key | Self::Agent => MethodKind::PublicKey,
            Self::Password => MethodKind::Password,
            Self::Interactive => MethodKind::KeyboardInteractive,
            Self::None => MethodKind::None,
        }
    }
}

/// Outcome of one attempt.
pub(super) enum Outcome {
    LoggedIn,
    Refused {
        remaining: MethodSet,
        partial: bool,
    },
    /// There was nothing to try.
    Skipped,
    /// The connection ended before a reply.
    Ended,
}

impl Outcome {
    /// Returns the outcome of a refusal. No method remains where russh's loop has ended, because
    /// the connection did or the server accepts no further method.
    pub(super) fn refused(remaining: MethodSet, partial: bool) -> Self {
        match remaining.is_empty() {
            true => Self::Ended,
            false => Self::Refused { remaining, partial },
        }
    }
}

/// A login in progress.
pub(super) struct Login<'a> {
    pub(super) handle: &'a mut Handle<SessionHandler>,
    pub(super) budget: &'a PacketBudget,
    pub(super) credentials: Credentials,
    pub(super) identity: Option<Identity>,
    pub(super) rules: LoginRules,
    pub(super) can_ask: bool,
    pub(super) rounds: usize,
    pub(super) prompt_bytes: usize,
    /// The password has answered a hidden prompt, or was one of several factors.
    pub(super) password_used: bool,
    /// A credential was sent, so that an end of the connection may be a refusal.
    credential_sent: bool,
    /// Methods that are not tried again: accepted as one of several factors, or wrong.
    exhausted: Vec<Method>,
    pub(super) events: &'a dyn SshEvents,
}

impl SshClient {
    /// Authenticates the user by `identity` and the methods of `credentials` that `rules` allow
    /// and, where the server asks, by questions to the user through `events`. Returns the names of
    /// the methods that the server accepted, in their order.
    ///
    /// # Errors
    /// `LoginFailed` if the server refused all that could be tried; `LoginDisconnected` if it said
    /// why; `CannotAsk` if it asks a question that this client cannot be asked; `PasswordExpired`;
    /// `ConnectionLost` if the connection ended before a credential was sent; `UnusableKey`,
    /// `AgentUnavailable`, `CryptoBusy`, `NotUtf8FromServer`, `ServerMisbehaved`.
    pub async fn login(
        &mut self,
        mut credentials: Credentials,
        identity: Option<Identity>,
        rules: LoginRules,
        can_ask: bool,
        events: &dyn SshEvents,
    ) -> Result<Vec<&'static str>, SessionError> {
        // An empty password counts as none.
        let password = credentials.password.take();
        credentials.password = password.filter(|password| !password.expose().is_empty());
        let login = Login {
            handle: &mut self.handle,
            budget: &self.budget,
            credentials,
            identity,
            rules,
            can_ask,
            rounds: 0,
            prompt_bytes: 0,
            password_used: false,
            credential_sent: false,
            exhausted: Vec::new(),
            events,
        };
        let accepted = login.run().await;
        accepted.map_err(
            |error| match (self.cause_of(error), self.disconnect_cause.known()) {
                // During the login a DISCONNECT is a refusal, whatever its reason code.
                (SessionError::Disconnected(text), _)
                | (SessionError::LoginFailed, Some(SessionError::Disconnected(text))) => {
                    SessionError::LoginDisconnected(text)
                }
                (error, _) => error,
            },
        )
    }
}

impl Login<'_> {
    async fn run(mut self) -> Result<Vec<&'static str>, SessionError> {
        let mut accepted = Vec::new();
        let mut pending = VecDeque::from([Method::None]);
        let mut refused = Vec::new();
        let mut refused_any = false;
        let mut offered = MethodSet::empty();
        for _ in 0..MAX_ATTEMPTS {
            let Some(method) = pending.pop_front() else {
                break;
            };
            match self.attempt(method).await? {
                Outcome::LoggedIn => {
                    accepted.push(method.name());
                    return Ok(accepted);
                }
                Outcome::Skipped => {}
                Outcome::Ended => {
                    let ended = self.end_cause(refused_any).await;
                    if matches!(ended, SessionError::LoginFailed) {
                        refused.push(method.name());
                        log_refusal(&offered, &refused);
                    }
                    return Err(ended);
                }
                Outcome::Refused { remaining, partial } => {
                    if method == Method::None || partial {
                        // A refusal so far may have been for the order of methods (RFC 4252 section
                        // 5.1).
                        pending = self.methods();
                    }
                    match partial {
                        true => accepted.push(method.name()),
                        false => refused.push(method.name()),
                    }
                    refused_any |= method != Method::None;
                    self.note_exhausted(method, &remaining, partial);
                    let exhausted = &self.exhausted;
                    pending.retain(|m| remaining.contains(&m.kind()) && !exhausted.contains(m));
                    offered = remaining;
                }
            }
        }
        log_refusal(&offered, &refused);
        Err(SessionError::LoginFailed)
    }

    /// Returns the cause of russh's end. russh reports that no method remains both where the server
    /// says so and where the connection has ended; the handle's result tells them apart.
    ///
    /// Servers that count attempts end the connection instead of refusing the last one: OpenSSH
    /// with a DISCONNECT, Dropbear without. So an end after a credential is a refusal, while an end
    /// before any was sent, and a connection that breaks, may be tried again.
    async fn end_cause(self, refused_any: bool) -> SessionError {
        match self.handle.await {
            // DISCONNECT.
            Ok(()) | Err(HandlerError::Russh(russh::Error::NoAuthMethod)) => {
                SessionError::LoginFailed
            }
            Err(HandlerError::Russh(error)) if self.credential_sent && is_end_of_stream(&error) => {
                SessionError::LoginFailed
            }
            Err(HandlerError::Russh(error)) if refused_any && is_reset(&error) => {
                SessionError::LoginFailed
            }
            _ => SessionError::ConnectionLost,
        }
    }

    /// Adds the methods that are not tried again after this refusal.
    fn note_exhausted(&mut self, method: Method, remaining: &MethodSet, partial: bool) {
        match method {
            // Another round may ask for something else.
            Method::Interactive => {}
            _ if partial => {
                // The same password is hardly the next factor as well: a user who can be asked is
                // asked. For a client that cannot be asked it is the only answer there is.
                self.password_used |= method == Method::Password && self.can_ask;
                self.exhausted.push(method);
            }
            // Where the server still offers passwords, this one is wrong, in a prompt too. Asking
            // the user for another one would not be the login that the client sent.
            Method::Password if remaining.contains(&MethodKind::Password) => {
                self.exhausted
                    .extend([Method::Password, Method::Interactive]);
            }
            _ => {}
        }
    }

    /// Returns the methods that can be tried, in the order of the protocol page.
    fn methods(&self) -> VecDeque<Method> {
        let allow = |method| self.rules.methods.allow(method);
        let keys = allow(AuthMethod::Publickey);
        let identity = self.identity.as_ref().filter(|_| keys);
        let certificate = identity.and_then(|identity| identity.certificate.as_ref());
        let password = self.credentials.password.is_some();
        let candidates = [
            (Method::Certificate, certificate.is_some()),
            (Method::Key, identity.is_some()),
            (Method::Agent, keys && self.rules.agent_socket.is_some()),
            (Method::Password, password && allow(AuthMethod::Password)),
            (Method::Interactive, allow(AuthMethod::KeyboardInteractive)),
        ];
        let usable = candidates.into_iter().filter(|(_, usable)| *usable);
        usable.map(|(method, _)| method).collect()
    }

    async fn attempt(&mut self, method: Method) -> Result<Outcome, SessionError> {
        let user = self.credentials.username.clone();
        // Not by answers to prompts: they take their time, and the connection may have ended
        // before.
        self.credential_sent |= !matches!(method, Method::None | Method::Interactive);
        match method {
            Method::None => self.none(user).await,
            Method::Certificate => self.certificate(user).await,
            Method::Key => self.key(user).await,
            Method::Agent => self.agent(user).await,
            Method::Password => self.password(user).await,
            Method::Interactive => self.interactive(user).await,
        }
    }
}

/// Logs the methods that the server offers after its last refusal and those that were refused.
/// Never the user or a credential.
fn log_refusal(offered: &MethodSet, refused: &[&str]) {
    let offered: Vec<&str> = offered.iter().map(<&str>::from).collect();
    tracing::info!(
        offered = offered.join(","),
        refused = refused.join(","),
        "the SSH server refused the login"
    );
}

/// Returns whether the server closed the connection, other than by a reset.
fn is_end_of_stream(error: &russh::Error) -> bool {
    match error {
        russh::Error::Disconnect => true,
        russh::Error::IO(error) => error.kind() == std::io::ErrorKind::UnexpectedEof,
        _ => false,
    }
}

/// Returns whether the server reset the connection, as a close with unread data does.
fn is_reset(error: &russh::Error) -> bool {
    matches!(error, russh::Error::IO(error) if error.kind() == std::io::ErrorKind::ConnectionReset)
}
