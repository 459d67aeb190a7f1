//! SSH authentication (RFC 4252, RFC 4256): certificate, key, password,
//! keyboard-interactive, in this order, as far as the server lets each on.

use super::handler::{HandlerError, SessionHandler};
use super::keys::Identity;
use super::signer::{KeySigner, SignError};
use super::{SshEvent, SshEvents};
use crate::error::SessionError;
use crate::message::{Credentials, Prompt, Secret};
use russh::client::{AuthResult, Handle, KeyboardInteractiveAuthResponse as Interactive};
use russh::keys::{Algorithm, HashAlg, PrivateKey, PrivateKeyWithHashAlg};
use russh::{MethodKind, MethodSet};
use std::sync::Arc;

/// Steps of authentication a server may ask for in a row. RFC 4252 sets no
/// bound; OpenSSH gives up after six attempts.
const MAX_STEPS: usize = 16;

/// What to try next.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Method {
    Certificate,
    Key,
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
            Self::Password => "password",
            Self::Interactive => "keyboard-interactive",
            Self::None => "none",
        }
    }

    fn kind(self) -> MethodKind {
        match self {
            Self::Certificate | Self::Key => MethodKind::PublicKey,
            Self::Password => MethodKind::Password,
            Self::Interactive => MethodKind::KeyboardInteractive,
            Self::None => MethodKind::None,
        }
    }
}

/// What one method brought.
enum Outcome {
    LoggedIn,
    Refused { remaining: MethodSet, partial: bool },
}

struct Login<'a> {
    handle: &'a mut Handle<SessionHandler>,
    credentials: Credentials,
    identity: Option<Identity>,
    can_ask: bool,
    /// The password answered a hidden prompt already, or was a factor itself.
    password_used: bool,
    /// Not to be offered again: taken as one factor of several, or wrong.
    spent: Vec<Method>,
    events: &'a dyn SshEvents,
}

/// Logs in, or says why not. Returns the methods the server accepted, in
/// their order.
///
/// # Errors
/// `LoginFailed` if the server refused what there was to offer,
/// `ConnectionLost` if it went away before it refused anything.
pub(super) async fn login(
    handle: &mut Handle<SessionHandler>,
    credentials: Credentials,
    identity: Option<Identity>,
    can_ask: bool,
    events: &dyn SshEvents,
) -> Result<Vec<&'static str>, SessionError> {
    let login = Login {
        handle,
        credentials,
        identity,
        can_ask,
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
        let offers = [
            (Method::None, self.identity.is_none() && !has_password),
            (Method::Certificate, has_certificate),
            (Method::Key, self.identity.is_some()),
            (Method::Password, has_password),
            (Method::Interactive, true),
        ];
        offers
            .into_iter()
            .filter_map(|(method, offered)| offered.then_some(method))
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
                let hash = self.rsa_hash(&key).await?;
                let signed = self
                    .handle
                    .authenticate_certificate_with(user, certificate, hash, &mut KeySigner(key))
                    .await;
                match signed {
                    Err(SignError::Connection(_)) => Err(russh::Error::SendError),
                    Err(SignError::Key(_) | SignError::Encoding(_)) => {
                        return Err(SessionError::UnusableKey("it cannot sign"));
                    }
                    Ok(result) => Ok(result),
                }
            }
            Method::Key => {
                let Some(key) = self.identity.as_ref().map(|i| Arc::clone(&i.key)) else {
                    return Err(SessionError::Internal);
                };
                let hash = self.rsa_hash(&key).await?;
                let key = PrivateKeyWithHashAlg::new(key, hash);
                self.handle.authenticate_publickey(user, key).await
            }
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
    async fn rsa_hash(&self, key: &PrivateKey) -> Result<Option<HashAlg>, SessionError> {
        if !matches!(key.algorithm(), Algorithm::Rsa { .. }) {
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

    async fn interactive(&mut self, user: String) -> Result<Outcome, SessionError> {
        let mut response = self
            .handle
            .authenticate_keyboard_interactive_start(user, None)
            .await
            .map_err(|_| SessionError::ConnectionLost)?;
        loop {
            match response {
                Interactive::Success => return Ok(Outcome::LoggedIn),
                Interactive::Failure {
                    remaining_methods,
                    partial_success,
                } => {
                    return Ok(Outcome::Refused {
                        remaining: remaining_methods,
                        partial: partial_success,
                    });
                }
                Interactive::InfoRequest {
                    name,
                    instructions,
                    prompts,
                } => {
                    let prompts: Vec<Prompt> = prompts
                        .into_iter()
                        .map(|p| Prompt {
                            text: p.prompt,
                            echo: p.echo,
                        })
                        .collect();
                    let answers = self.answers(name, instructions, prompts).await?;
                    response = self
                        .handle
                        .authenticate_keyboard_interactive_respond(answers)
                        .await
                        .map_err(|_| SessionError::ConnectionLost)?;
                }
            }
        }
    }

    /// Answers a round: nothing asked, nothing answered; a single hidden
    /// prompt gets the password, once; the rest is for the user.
    async fn answers(
        &mut self,
        name: String,
        instruction: String,
        prompts: Vec<Prompt>,
    ) -> Result<Vec<String>, SessionError> {
        if prompts.is_empty() && (name.is_empty() && instruction.is_empty() || !self.can_ask) {
            return Ok(Vec::new());
        }
        if let [only] = prompts.as_slice()
            && !only.echo
            && !self.password_used
            && let Some(password) = &self.credentials.password
        {
            self.password_used = true;
            return Ok(vec![password.expose().to_owned()]);
        }
        if !self.can_ask {
            return Err(SessionError::LoginFailed);
        }
        let (sender, receiver) = async_channel::bounded::<Vec<Secret>>(1);
        self.events.event(SshEvent::Question {
            name,
            instruction,
            prompts,
            answer: sender,
        });
        let answers = receiver
            .recv()
            .await
            .map_err(|_| SessionError::LoginFailed)?;
        Ok(answers.iter().map(|a| a.expose().to_owned()).collect())
    }
}
