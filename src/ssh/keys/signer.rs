//! Signer for a login with the client's private key, on a worker, because the client chooses the
//! cost of RSA. russh's own signer runs on the shard, pads RSA signatures to whole words, and names
//! SHA-1 for RSA certificates; this one uses the given hash.

use super::scrub_stack;
use super::signing::SigningKey;
use crate::workers::{WorkError, Workers};
use russh::keys::agent::AgentIdentity;
use russh::keys::ssh_encoding::Encode as _;
use russh::keys::{HashAlg, PublicKey};
use std::net::IpAddr;
use std::sync::Arc;

/// A private key, and the workers that sign with it, as jobs of the client.
#[derive(Clone)]
pub(in crate::ssh) struct KeySigner {
    pub(super) key: Arc<SigningKey>,
    pub(super) workers: Workers,
    pub(super) client: IpAddr,
}

impl KeySigner {
    /// Public key, which is sent to servers.
    pub(in crate::ssh) fn public(&self) -> &PublicKey {
        &self.key.public
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
        mut request: Vec<u8>,
    ) -> Result<Vec<u8>, SignError> {
        let key = Arc::clone(&self.key);
        let job = move || {
            let signature = key.sign(hash, &request);
            scrub_stack();
            signature?.encode_prefixed(&mut request).ok()?;
            Some(request)
        };
        match self.workers.run(self.client, job).await {
            Ok(signed) => signed.ok_or(SignError::Key),
            Err(WorkError::QueueFull) => Err(SignError::Busy),
            Err(WorkError::Lost) => Err(SignError::Key),
        }
    }
}
