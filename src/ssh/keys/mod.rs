//! The client's private key and certificate: read and decrypted on a worker
//! thread, because a key's KDF costs what its maker chose. Read before the
//! target is dialled: a key that cannot be used costs the target nothing.

mod armor;
mod legacy_pem;
mod openssh;
mod problem;
mod read;
mod signer;
mod signing;
#[cfg(test)]
mod tests;

pub(super) use signer::SignError;

use super::SshSettings;
use crate::error::SessionError;
use crate::message::{Credentials, Secret};
use crate::workers::{WorkError, Workers};
use russh::keys::Certificate;
use signer::KeySigner;
use signing::SigningKey;
use std::net::IpAddr;
use std::sync::Arc;

/// Private key, and certificate if there is one, that a login can sign with.
pub struct Identity {
    key: Arc<SigningKey>,
    pub(super) certificate: Option<Certificate>,
    workers: Workers,
    client: IpAddr,
}

impl Identity {
    /// Signs with the key.
    pub(super) fn signer(&self) -> KeySigner {
        KeySigner::new(Arc::clone(&self.key), self.workers.clone(), self.client)
    }
}

/// Reads the key of `credentials`, `None` if there is none, among the jobs of
/// `client`. Its text and its passphrase are taken out of `credentials`, and
/// wiped once it is read.
///
/// # Errors
/// `UnusableKey` for anything that is not a readable private key, for a wrong
/// passphrase, for one that costs more than `ssh.max_kdf_rounds` bcrypt rounds
/// (or as much with another KDF), for RSA keys out of bounds, and for a
/// certificate without a key or that cannot be read; `CryptoBusy` if as many
/// jobs wait for the workers as may.
pub async fn identity(
    credentials: &mut Credentials,
    settings: &SshSettings,
    client: IpAddr,
) -> Result<Option<Identity>, SessionError> {
    // An optional credential that is empty was not brought.
    let text = credentials.private_key.take();
    let text = text.filter(|text| !text.expose().is_empty());
    let passphrase = credentials.passphrase.take();
    let certificate = credentials.certificate.take();
    let certificate = certificate.filter(|text| !text.is_empty());
    let Some(text) = text else {
        return match certificate {
            Some(_) => Err(SessionError::UnusableKey(
                "a certificate needs its private key",
            )),
            None => Ok(None),
        };
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
        // A library that panics has met numbers that make no sense to it.
        Err(WorkError::Lost) => Err("it cannot be read"),
    }
    .map_err(SessionError::UnusableKey)?;
    Ok(Some(Identity {
        key,
        certificate,
        workers: settings.workers.clone(),
        client,
    }))
}

fn read_certificate(text: &str) -> Result<Certificate, &'static str> {
    Certificate::from_openssh(text.trim())
        .map_err(|_| "the certificate is not an OpenSSH certificate")
}

/// Overwrites what the calls before have freed in blocks of about `size` bytes: libraries free numbers that tell a key
/// (p - 1) without wiping them.
pub(super) fn scrub_heap(size: usize) {
    // More than such a call frees, and than the allocator's lists for one size hold.
    const BLOCKS: usize = 64;
    // Limbs are words, and a sum may take one more.
    for size in [size, size + 16] {
        // Not zeros: memory that comes zeroed is another.
        let block = || std::hint::black_box(vec![1_u8; size]);
        drop((0..BLOCKS).map(|_| block()).collect::<Vec<_>>());
    }
}

/// Overwrites what the calls before have left on this thread's stack: libraries move keys about
/// there, and wipe only the last place.
#[inline(never)]
pub(super) fn scrub_stack() {
    const DEPTH: usize = 64 * 1024;
    std::hint::black_box(&mut [0_u8; DEPTH]);
}
