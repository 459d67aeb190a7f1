//! One attempt with each authentication method but keyboard-interactive.
//!
//! Does not choose methods or their order (`auth.rs`), and has no deadline: the session has.

use super::agent::Agent;
use super::auth::{Login, Outcome};
use super::keys::SignError;
use crate::error::SessionError;
use crate::runtime;
use futures_lite::future;
use russh::MethodKind;
use russh::client::AuthResult;
use russh::keys::agent::AgentIdentity;
use russh::keys::{Algorithm, HashAlg};
use std::future::poll_fn;
use std::time::Duration;

/// Longest wait for the reply to a password once the server has sent another packet. PAM modules
/// take less to check a password.
const PASSWORD_REPLY_TIMEOUT: Duration = Duration::from_secs(5);

/// Converts the server's reply to an attempt into its outcome.
fn outcome(result: AuthResult) -> Outcome {
    match result {
        AuthResult::Success => Outcome::LoggedIn,
        AuthResult::Failure {
            remaining_methods,
            partial_success,
        } => Outcome::refused(remaining_methods, partial_success),
    }
}

/// Converts the result of an attempt with a key into its outcome.
fn signed(result: Result<AuthResult, SignError>) -> Result<Outcome, SessionError> {
    match result {
        Ok(result) => Ok(outcome(result)),
        Err(SignError::Connection(_)) => Ok(Outcome::Ended),
        Err(SignError::Busy) => Err(SessionError::CryptoBusy),
        Err(SignError::Key | SignError::Agent(_)) => {
            Err(SessionError::UnusableKey("it cannot sign"))
        }
    }
}

impl Login<'_> {
    /// Tries "none": logs in where the server requires nothing, or else returns the methods that it
    /// offers (RFC 4252 section 5.2).
    pub(super) async fn none(&mut self, user: String) -> Result<Outcome, SessionError> {
        let result = self.handle.authenticate_none(user).await;
        Ok(result.map_or(Outcome::Ended, outcome))
    }

    pub(super) async fn certificate(&mut self, user: String) -> Result<Outcome, SessionError> {
        let identity = self.identity.as_ref().ok_or(SessionError::Internal)?;
        let certificate = identity.certificate.clone().ok_or(SessionError::Internal)?;
        let mut signer = identity.signer.clone();
        let hash = self.rsa_hash(&signer.public().algorithm()).await?;
        let handle = &mut *self.handle;
        let reply = handle.authenticate_certificate_with(user, certificate, hash, &mut signer);
        signed(reply.await)
    }

    pub(super) async fn key(&mut self, user: String) -> Result<Outcome, SessionError> {
        let identity = self.identity.as_ref().ok_or(SessionError::Internal)?;
        let mut signer = identity.signer.clone();
        let key = signer.public().clone();
        let hash = self.rsa_hash(&key.algorithm()).await?;
        let handle = &mut *self.handle;
        let reply = handle.authenticate_publickey_with(user, key, hash, &mut signer);
        signed(reply.await)
    }

    /// Returns the hash for an RSA signature: SHA-2 (RFC 8332), never SHA-1.
    async fn rsa_hash(&self, algorithm: &Algorithm) -> Result<Option<HashAlg>, SessionError> {
        if !matches!(algorithm, Algorithm::Rsa { .. }) {
            return Ok(None);
        }
        let best = self.handle.best_supported_rsa_hash().await;
        let best = best.map_err(|_| SessionError::ConnectionLost)?;
        // Servers without extension info (RFC 8308) usually accept SHA-512.
        Ok(best.flatten().or(Some(HashAlg::Sha512)))
    }

    /// Tries the password. russh drops the request to change an expired one (RFC 4252 section 8)
    /// without reporting it. So it is inferred where a packet came, and no reply with it or within
    /// [`PASSWORD_REPLY_TIMEOUT`]. Another request in between would end a check that is under way.
    pub(super) async fn password(&mut self, user: String) -> Result<Outcome, SessionError> {
        let password = self.credentials.password.as_ref();
        let password = password.map(|p| p.expose().to_owned()).unwrap_or_default();
        let (budget, before) = (self.budget, self.budget.packets());
        let reply = async {
            let result = self.handle.authenticate_password(user, password).await;
            Ok(result.map_or(Outcome::Ended, outcome))
        };
        let no_reply = async {
            poll_fn(|cx| budget.poll_packet_after(before, cx)).await;
            runtime::sleep(PASSWORD_REPLY_TIMEOUT).await;
            Err(SessionError::PasswordExpired)
        };
        future::or(reply, no_reply).await
    }

    /// Tries the agent's keys one by one, until the server accepts one.
    pub(super) async fn agent(&mut self, user: String) -> Result<Outcome, SessionError> {
        let Some(path) = &self.rules.agent_socket else {
            return Ok(Outcome::Skipped);
        };
        let mut agent = Agent::connect(path, self.handle).await?;
        let mut last = Outcome::Skipped;
        while let Some(identity) = agent.identities.next() {
            let algorithm = match &identity {
                AgentIdentity::PublicKey { key, .. } => key.algorithm(),
                AgentIdentity::Certificate { certificate, .. } => certificate.algorithm(),
            };
            let hash = self.rsa_hash(&algorithm).await?;
            let (user, handle) = (user.clone(), &mut *self.handle);
            let result = match identity {
                AgentIdentity::PublicKey { key, .. } => {
                    let reply = handle.authenticate_publickey_with(user, key, hash, &mut agent);
                    reply.await
                }
                AgentIdentity::Certificate {
                    certificate: key, ..
                } => {
                    let reply = handle.authenticate_certificate_with(user, key, hash, &mut agent);
                    reply.await
                }
            };
            match result.map(outcome) {
                Ok(Outcome::Refused { remaining, partial }) => {
                    let over = partial || !remaining.contains(&MethodKind::PublicKey);
                    last = Outcome::Refused { remaining, partial };
                    if over {
                        break;
                    }
                }
                Ok(other) => return Ok(other),
                Err(SignError::Connection(_)) => return Ok(Outcome::Ended),
                Err(error) => {
                    tracing::warn!(%error, "the ssh-agent did not sign with a key; its next key is tried");
                }
            }
        }
        Ok(last)
    }
}
