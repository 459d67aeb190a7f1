//! The client's private key and certificate: parsed and decrypted on a worker
//! thread, because a key's KDF costs what its maker chose. Read before the
//! target is dialled: a key that cannot be used costs the target nothing.

use super::SshSettings;
use crate::error::SessionError;
use crate::message::Credentials;
use crate::workers::WorkError;
use russh::keys::ssh_key::{self, Kdf};
use russh::keys::{Certificate, PrivateKey};
use std::net::IpAddr;
use std::sync::Arc;
use zeroize::Zeroizing;

/// Private key, and certificate if there is one, that a login can sign with.
pub struct Identity {
    pub(super) key: Arc<PrivateKey>,
    pub(super) certificate: Option<Certificate>,
}

/// Reads the key of `credentials`, `None` if there is none, among the jobs of
/// `client`.
///
/// # Errors
/// `UnusableKey` for anything that is not a readable OpenSSH key, for a wrong
/// passphrase, for more than `ssh.max_kdf_rounds` bcrypt rounds, and for a
/// certificate without a key or that cannot be read; `CryptoBusy` if as many
/// jobs wait for the workers as may.
pub async fn identity(
    credentials: &Credentials,
    settings: &SshSettings,
    client: IpAddr,
) -> Result<Option<Identity>, SessionError> {
    let Some(pem) = &credentials.private_key else {
        return match credentials.certificate {
            Some(_) => Err(SessionError::UnusableKey(
                "a certificate needs its private key",
            )),
            None => Ok(None),
        };
    };
    let certificate = match &credentials.certificate {
        Some(text) => Some(Certificate::from_openssh(text.trim()).map_err(|_| {
            SessionError::UnusableKey("the certificate is not an OpenSSH certificate")
        })?),
        None => None,
    };
    let pem = Zeroizing::new(pem.expose().to_owned());
    let passphrase = credentials
        .passphrase
        .as_ref()
        .map(|p| Zeroizing::new(p.expose().to_owned()));
    let max_rounds = settings.config.max_kdf_rounds;
    let job = move || read_key(&pem, passphrase.as_ref().map(|p| p.as_str()), max_rounds);
    let key = settings
        .workers
        .run(client, job)
        .await
        .map_err(|error| match error {
            WorkError::QueueFull => SessionError::CryptoBusy,
            WorkError::Lost => SessionError::Internal,
        })??;
    Ok(Some(Identity {
        key: Arc::new(key),
        certificate,
    }))
}

fn read_key(
    pem: &str,
    passphrase: Option<&str>,
    max_rounds: u32,
) -> Result<PrivateKey, SessionError> {
    let key = PrivateKey::from_openssh(pem)
        .map_err(|_| SessionError::UnusableKey("it is not an OpenSSH private key"))?;
    if !key.is_encrypted() {
        return Ok(key);
    }
    if let Kdf::Bcrypt { rounds, .. } = key.kdf()
        && *rounds > max_rounds
    {
        return Err(SessionError::UnusableKey(
            "its passphrase takes more KDF rounds than ssh.max_kdf_rounds allows",
        ));
    }
    let passphrase = passphrase.ok_or(SessionError::UnusableKey(
        "it is encrypted, and no passphrase was given",
    ))?;
    key.decrypt(passphrase).map_err(|error| match error {
        ssh_key::Error::Crypto => SessionError::UnusableKey("the passphrase is wrong"),
        _ => SessionError::UnusableKey("it cannot be decrypted"),
    })
}
