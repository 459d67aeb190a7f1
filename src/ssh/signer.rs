//! Signs a login by certificate with a key that is here. russh's own way names the SHA-1
//! algorithm for RSA certificates, which servers refuse; this one takes the hash it is told.

use russh::keys::agent::AgentIdentity;
use russh::keys::signature::{self, Signer as _};
use russh::keys::ssh_encoding::{self, Encode as _};
use russh::keys::ssh_key::private::KeypairData;
use russh::keys::{HashAlg, PrivateKey};
use std::sync::Arc;

/// The private key of a certificate.
pub(super) struct KeySigner(pub(super) Arc<PrivateKey>);

/// Why there is no signature.
#[derive(Debug, thiserror::Error)]
pub(super) enum SignError {
    #[error(transparent)]
    Connection(#[from] russh::SendError),
    #[error(transparent)]
    Key(#[from] signature::Error),
    #[error("the agent: {0}")]
    Agent(String),
    #[error(transparent)]
    Encoding(#[from] ssh_encoding::Error),
}

impl russh::Signer for KeySigner {
    type Error = SignError;

    /// Returns `request` with its signature behind it (RFC 4252 section 7).
    async fn auth_sign(
        &mut self,
        _: &AgentIdentity,
        hash: Option<HashAlg>,
        mut request: Vec<u8>,
    ) -> Result<Vec<u8>, SignError> {
        let signature = match self.0.key_data() {
            KeypairData::Rsa(key) => (key, hash).try_sign(&request)?,
            _ => self.0.try_sign(&request)?,
        };
        signature.encode_prefixed(&mut request)?;
        Ok(request)
    }
}
