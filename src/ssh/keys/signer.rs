//! Signer for a login with the client's private key, on a worker, because the client chooses the
//! cost of RSA. russh's own signer runs on the shard, pads RSA signatures to whole words, and names
//! SHA-1 for RSA certificates; this one uses the given hash.

use super::scrub_stack;
use super::signing::{SigningKey, append_signature};
use crate::workers::{WorkError, Workers};
use russh::keys::agent::AgentIdentity;
use russh::keys::{HashAlg, PublicKey};
use std::net::IpAddr;
use std::sync::Arc;

/// A private key, and the workers that sign with it.
pub(in crate::ssh) struct KeySigner {
    key: Arc<SigningKey>,
    workers: Workers,
    client: IpAddr,
}

impl KeySigner {
    pub(super) fn new(key: Arc<SigningKey>, workers: Workers, client: IpAddr) -> Self {
        Self {
            key,
            workers,
            client,
        }
    }

    /// Public key, which is sent to servers.
    pub(in crate::ssh) fn public(&self) -> &PublicKey {
        self.key.public()
    }
}

/// Reason why there is no signature.
#[derive(Debug, thiserror::Error)]
pub(in crate::ssh) enum SignError {
    #[error(transparent)]
    Connection(#[from] russh::SendError),
    #[error("the key cannot sign")]
    Key,
    #[error("the queue of the workers is full")]
    Busy,
    #[error("the ssh-agent: {0}")]
    Agent(String),
}

impl russh::Signer for KeySigner {
    type Error = SignError;

    /// Returns `request` followed by its signature (RFC 4252 section 7).
    async fn auth_sign(
        &mut self,
        _: &AgentIdentity,
        hash: Option<HashAlg>,
        request: Vec<u8>,
    ) -> Result<Vec<u8>, SignError> {
        let key = Arc::clone(&self.key);
        let job = move || {
            let signed = append_signature(&key, hash, request);
            scrub_stack();
            signed
        };
        match self.workers.run(self.client, job).await {
            Ok(signed) => signed.ok_or(SignError::Key),
            Err(WorkError::QueueFull) => Err(SignError::Busy),
            Err(WorkError::Lost) => Err(SignError::Key),
        }
    }
}
