//! SSH authentication (RFC 4252, RFC 4256): certificate, key, agent, password,
//! keyboard-interactive, in this order, as far as the server and the rules let
//! each on.

use super::SshEvents;
use super::agent::Agent;
use super::handler::{HandlerError, SessionHandler};
use super::keys::Identity;
use super::signer::{KeySigner, SignError};
use crate::config::{AuthMethod, AuthMethods};
use crate::error::SessionError;
use crate::message::Credentials;
use russh::client::{AuthResult, Handle};
use russh::keys::agent::AgentIdentity;
use russh::keys::{Algorithm, HashAlg, PrivateKeyWithHashAlg};
use russh::{MethodKind, MethodSet};
use std::path::PathBuf;
use std::sync::Arc;

/// Steps of authentication a server may ask for in a row. RFC 4252 sets no
/// bound; OpenSSH gives up after six attempts.
const MAX_STEPS: usize = 16;
/// What a login may use, beside what the client brings.
#[derive(Debug, Clone, Default)]
pub struct LoginRules {
    /// The methods that may be tried.
    pub methods: AuthMethods,
    /// Socket of an ssh-agent whose keys are tried as well.
    pub agent_socket: Option<PathBuf>,
}

/// What to try next.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Method {
    Certificate,
    Key,
    Agent,
    Password,
    Interactive,
    None,
}

impl Method {
    /// As the audit log names it.
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

    /// "none" asks the server what it wants; it shows nothing.
    fn is_allowed(self, methods: &AuthMethods) -> bool {
        match self {
            Self::Certificate | Self::Key | Self::Agent => methods.allow(AuthMethod::Publickey),
            Self::Password => methods.allow(AuthMethod::Password),
            Self::Interactive => methods.allow(AuthMethod::KeyboardInteractive),
            Self::None => true,
        }
    }
}

/// What one method brought.
pub(super) enum Outcome {
    LoggedIn,
    Refused {
        remaining: MethodSet,
        partial: bool,
    },
    /// There was nothing to try.
    Skipped,
}

pub(super) struct Login<'a> {
    pub(super) handle: &'a mut Handle<SessionHandler>,
    pub(super) credentials: Credentials,
    identity: Option<Identity>,
    rules: LoginRules,
    pub(super) can_ask: bool,
    pub(super) rounds: usize,
    pub(super) prompt_bytes: usize,
    /// The password answered a hidden prompt already, or was a factor itself.
    pub(super) password_used: bool,
    /// Not to be offered again: taken as one factor of several, or wrong.
    spent: Vec<Method>,
    pub(super) events: &'a dyn SshEvents,
}

/// Logs in, or says why not. Returns the methods the server accepted, in
/// their order.
///
/// # Errors
/// `LoginFailed` if the server refused what there was to offer,
/// `ConnectionLost` if it went away before it refused anything,
/// `AgentUnavailable`, `ServerMisbehaved`.
pub(super) async fn login(
    handle: &mut Handle<SessionHandler>,
    credentials: Credentials,
    identity: Option<Identity>,
    rules: LoginRules,
    can_ask: bool,
    events: &dyn SshEvents,
) -> Result<Vec<&'static str>, SessionError> {
    let login = Login {
        handle,
        credentials,
        identity,
        rules,
        can_ask,
        rounds: 0,
        prompt_bytes: 0,
        password_used: false,
        spent: Vec::new(),
        events,
    };
    login.run().await
}

impl Login<'_> {
    async fn run(mut self) -> Result<Vec<&'static str>, SessionError> {
        let mut accepted = Vec::new();
        let mut pending = self.methods();
        let mut refused_any = false;
        for _ in 0..MAX_STEPS {
            let Some(method) = pending.first().copied() else {
                return Err(SessionError::LoginFailed);
            };
            pending.remove(0);
            match self.attempt(method).await? {
                Outcome::LoggedIn => {
                    accepted.push(method.name());
                    return Ok(accepted);
                }
                Outcome::Skipped => {}
                Outcome::Refused { remaining, .. } if remaining.is_empty() => {
                    return Err(self.why_nothing_remains(refused_any).await);
                }
                Outcome::Refused { remaining, partial } => {
                    refused_any = true;
                    if partial {
                        accepted.push(method.name());
                        // What was refused so far may only have been out of
                        // turn (RFC 4252 section 5.1).
                        pending = self.methods();
                    }
                    self.spend(method, &remaining, partial);
                    let spent = &self.spent;
                    pending.retain(|m| remaining.contains(&m.kind()) && !spent.contains(m));
                }
            }
        }
        Err(SessionError::LoginFailed)
    }

    /// russh says that no method remains, and ends, both when the server says
    /// so and when the connection died. Its last word tells which it was.
    async fn why_nothing_remains(self, refused_any: bool) -> SessionError {
        match self.handle.await {
            Err(HandlerError::Russh(russh::Error::NoAuthMethod)) => SessionError::LoginFailed,
            _ if refused_any => SessionError::LoginFailed,
            _ => SessionError::ConnectionLost,
        }
    }

    /// Notes what is not to be offered again after this refusal.
    fn spend(&mut self, method: Method, remaining: &MethodSet, partial: bool) {
        match method {
            // Another round may ask for something else.
            Method::Interactive => {}
            _ if partial => {
                // One factor is hardly the next as well. Whoever can be asked
                // is; for the others it is the only answer there is.
                self.password_used |= method == Method::Password && self.can_ask;
                self.spent.push(method);
            }
            // Where passwords are taken, this one is wrong, and as wrong in a
            // prompt. Asking the user again would not be the login they sent.
            Method::Password if remaining.contains(&MethodKind::Password) => {
                self.spent.extend([Method::Password, Method::Interactive]);
            }
            _ => {}
        }
    }

    /// What there is to offer, in the order of the protocol page. With no
    /// credential at all, "none" tells what the server wants (RFC 4252
    /// section 5.2), and lets in where it wants nothing.
    fn methods(&self) -> Vec<Method> {
        let has_certificate = self
            .identity
            .as_ref()
            .is_some_and(|identity| identity.certificate.is_some());
        let has_password = self.credentials.password.is_some();
        let has_agent = self.rules.agent_socket.is_some();
        let has_any = self.identity.is_some() || has_password || has_agent;
        let offers = [
            (Method::None, !has_any),
            (Method::Certificate, has_certificate),
            (Method::Key, self.identity.is_some()),
            (Method::Agent, has_agent),
            (Method::Password, has_password),
            (Method::Interactive, true),
        ];
        offers
            .into_iter()
            .filter(|(method, offered)| *offered && method.is_allowed(&self.rules.methods))
            .map(|(method, _)| method)
            .collect()
    }

    async fn attempt(&mut self, method: Method) -> Result<Outcome, SessionError> {
        let user = self.credentials.username.clone();
        let result = match method {
            Method::None => self.handle.authenticate_none(user).await,
            Method::Password => {
                let password = self.credentials.password.as_ref();
                let password = password.map(|p| p.expose().to_owned()).unwrap_or_default();
                self.handle.authenticate_password(user, password).await
            }
            Method::Certificate => {
                let Some((key, Some(certificate))) = self
                    .identity
                    .as_ref()
                    .map(|i| (Arc::clone(&i.key), i.certificate.clone()))
                else {
                    return Err(SessionError::Internal);
                };
                let hash = self.rsa_hash(&key.algorithm()).await?;
                let signed = self
                    .handle
                    .authenticate_certificate_with(user, certificate, hash, &mut KeySigner(key))
                    .await;
                match signed {
                    Err(SignError::Connection(_)) => Err(russh::Error::SendError),
                    Err(SignError::Key(_) | SignError::Encoding(_) | SignError::Agent(_)) => {
                        return Err(SessionError::UnusableKey("it cannot sign"));
                    }
                    Ok(result) => Ok(result),
                }
            }
            Method::Key => {
                let Some(key) = self.identity.as_ref().map(|i| Arc::clone(&i.key)) else {
                    return Err(SessionError::Internal);
                };
                let hash = self.rsa_hash(&key.algorithm()).await?;
                let key = PrivateKeyWithHashAlg::new(key, hash);
                self.handle.authenticate_publickey(user, key).await
            }
            Method::Agent => return self.agent(user).await,
            Method::Interactive => return self.interactive(user).await,
        };
        match result {
            Ok(AuthResult::Success) => Ok(Outcome::LoggedIn),
            Ok(AuthResult::Failure {
                remaining_methods,
                partial_success,
            }) => Ok(Outcome::Refused {
                remaining: remaining_methods,
                partial: partial_success,
            }),
            Err(_) => Err(SessionError::ConnectionLost),
        }
    }

    /// RSA keys sign with SHA-2 (RFC 8332); SHA-1 is never used.
    async fn rsa_hash(&self, algorithm: &Algorithm) -> Result<Option<HashAlg>, SessionError> {
        if !matches!(algorithm, Algorithm::Rsa { .. }) {
            return Ok(None);
        }
        let best = self
            .handle
            .best_supported_rsa_hash()
            .await
            .map_err(|_| SessionError::ConnectionLost)?;
        // A server that does not say what it takes takes SHA-512 as a rule.
        Ok(best.flatten().or(Some(HashAlg::Sha512)))
    }

    /// Shows the server the agent's keys, one by one, until one is taken.
    async fn agent(&mut self, user: String) -> Result<Outcome, SessionError> {
        let Some(path) = &self.rules.agent_socket else {
            return Ok(Outcome::Skipped);
        };
        let mut agent = Agent::connect(path, self.handle).await?;
        let mut outcome = Outcome::Skipped;
        while let Some(identity) = agent.next() {
            let algorithm = match &identity {
                AgentIdentity::PublicKey { key, .. } => key.algorithm(),
                AgentIdentity::Certificate { certificate, .. } => certificate.algorithm(),
            };
            let hash = self.rsa_hash(&algorithm).await?;
            let (user, handle) = (user.clone(), &mut *self.handle);
            let result = match identity {
                AgentIdentity::PublicKey { key, .. } => {
                    let signed = handle.authenticate_publickey_with(user, key, hash, &mut agent);
                    signed.await
                }
                AgentIdentity::Certificate { certificate, .. } => {
                    handle
                        .authenticate_certificate_with(user, certificate, hash, &mut agent)
                        .await
                }
            };
            match result {
                Ok(AuthResult::Success) => return Ok(Outcome::LoggedIn),
                Ok(AuthResult::Failure {
                    remaining_methods: remaining,
                    partial_success: partial,
                }) => {
                    let over = partial || !remaining.contains(&MethodKind::PublicKey);
                    outcome = Outcome::Refused { remaining, partial };
                    if over {
                        break;
                    }
                }
                Err(SignError::Connection(_)) => return Err(SessionError::ConnectionLost),
                // The next key may do.
                Err(error) => tracing::warn!(%error, "no signature from the ssh-agent"),
            }
        }
        Ok(outcome)
    }
}
