//! Private key and certificate of the client, read and decrypted on a worker thread, because the
//! key's maker chose the cost of its KDF. They are read before the target is connected to, so that
//! a key that cannot be used causes no connection.

mod armor;
mod legacy_pem;
mod openssh;
mod problem;
mod read;
mod rsa;
mod signer;
mod signing;
#[cfg(test)]
mod tests;

pub(super) use signer::SignError;

use super::SshSettings;
use crate::error::SessionError;
use crate::message::{Credentials, Secret};
use crate::workers::WorkError;
use russh::keys::Certificate;
use signer::KeySigner;
use std::net::IpAddr;
use std::sync::Arc;

/// Private key for a login, and its certificate if there is one.
pub struct Identity {
    pub(super) signer: KeySigner,
    pub(super) certificate: Option<Certificate>,
}

/// Reads the key of `credentials`, `None` if there is none, as a job of `client`. Its text and its
/// passphrase are taken out of `credentials`, and wiped once it is read.
///
/// # Errors
/// `UnusableKey` for a text that is not a readable private key, for a wrong passphrase, for one
/// that costs more than `ssh.max_kdf_rounds` bcrypt rounds (or as much with another KDF), for RSA
/// keys out of bounds, and for a certificate without a key or that cannot be read; `CryptoBusy` if
/// the workers' queue is full.
pub async fn identity(
    credentials: &mut Credentials,
    settings: &SshSettings,
    client: IpAddr,
) -> Result<Option<Identity>, SessionError> {
    // An empty field counts as none.
    let text = credentials.private_key.take();
    let text = text.filter(|text| !text.expose().is_empty());
    let passphrase = credentials.passphrase.take();
    let certificate = credentials.certificate.take();
    let certificate = certificate.filter(|text| !text.is_empty());
    let Some(text) = text else {
        let problem = SessionError::UnusableKey("a certificate needs its private key");
        return certificate.map_or(Ok(None), |_| Err(problem));
    };
    let max_rounds = settings.config.max_kdf_rounds;
    let job = move || {
        let passphrase = passphrase.as_ref().map(Secret::expose);
        let passphrase = passphrase.filter(|passphrase| !passphrase.is_empty());
        let key = read::read_key(text.expose(), passphrase, max_rounds).map(Arc::new);
        scrub_stack();
        let certificate = certificate.as_deref().map(read_certificate).transpose();
        Ok((key?, certificate?))
    };
    let (key, certificate) = match settings.workers.run(client, job).await {
        Ok(read) => read,
        Err(WorkError::QueueFull) => return Err(SessionError::CryptoBusy),
        // The library panicked over the key's numbers.
        Err(WorkError::Lost) => Err("it cannot be read"),
    }
    .map_err(SessionError::UnusableKey)?;
    let workers = settings.workers.clone();
    Ok(Some(Identity {
        signer: KeySigner {
            key,
            workers,
            client,
        },
        certificate,
    }))
}

fn read_certificate(text: &str) -> Result<Certificate, &'static str> {
    Certificate::from_openssh(text.trim())
        .map_err(|_| "the certificate is not an OpenSSH certificate")
}

/// Overwrites the part of this thread's stack that earlier calls used: libraries move keys there,
/// and wipe only the last copy.
#[inline(never)]
pub(super) fn scrub_stack() {
    const DEPTH: usize = 64 * 1024;
    std::hint::black_box(&mut [0_u8; DEPTH]);
}
