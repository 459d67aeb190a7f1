//! Private key that is ready to sign. RSA signs with AWS-LC: several times faster than the `rsa`
//! crate behind russh, in constant time, and with signatures exactly as long as the modulus, which
//! RFC 8332 requires and servers check (that crate pads them to whole words).
//!
//! The size of a key is checked when it is read, so that signing needs no bound of its own.

use super::rsa;
use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::rsa::KeyPair;
use aws_lc_rs::signature::{RSA_PKCS1_SHA256, RSA_PKCS1_SHA512, RsaEncoding};
use russh::keys::signature::Signer as _;
use russh::keys::ssh_key::Signature;
use russh::keys::ssh_key::private::KeypairData;
use russh::keys::{Algorithm, HashAlg, PrivateKey, PublicKey};

/// The key. Wiped when dropped.
pub(super) struct SigningKey {
    pub(super) public: PublicKey,
    secret: Secret,
}

enum Secret {
    Rsa(KeyPair),
    /// Boxed, because a move would leave a copy behind.
    Other(Box<PrivateKey>),
}

impl SigningKey {
    /// Takes a decrypted key.
    ///
    /// # Errors
    /// For types of keys that are not supported for signing, RSA keys out of bounds, and RSA keys
    /// with inconsistent parameters.
    pub(super) fn new(key: Box<PrivateKey>) -> Result<Self, &'static str> {
        match key.key_data() {
            KeypairData::Rsa(pair) => Ok(Self::rsa(rsa::from_openssh(pair)?)),
            KeypairData::Ed25519(_) | KeypairData::Ecdsa(_) => Ok(Self {
                public: PublicKey::from(key.public_key().key_data().clone()),
                secret: Secret::Other(key),
            }),
            _ => Err("keys of this type are not supported for signing"),
        }
    }

    /// Reads an RSA key in PKCS#1.
    ///
    /// # Errors
    /// As [`SigningKey::new`], and for damaged DER.
    pub(super) fn from_pkcs1(der: &[u8]) -> Result<Self, &'static str> {
        rsa::from_pkcs1(der).map(Self::rsa)
    }

    fn rsa((public, pair): (PublicKey, KeyPair)) -> Self {
        let secret = Secret::Rsa(pair);
        Self { public, secret }
    }

    /// Signs `message`, with `hash` if it is an RSA key; `None` if the key cannot. May take 90 ms:
    /// to be run on a worker.
    pub(super) fn sign(&self, hash: Option<HashAlg>, message: &[u8]) -> Option<Signature> {
        let pair = match &self.secret {
            Secret::Rsa(pair) => pair,
            Secret::Other(key) => return key.try_sign(message).ok(),
        };
        let encoding: &'static dyn RsaEncoding = match hash {
            Some(HashAlg::Sha256) => &RSA_PKCS1_SHA256,
            Some(HashAlg::Sha512) => &RSA_PKCS1_SHA512,
            // SHA-1 is never used.
            _ => return None,
        };
        let mut data = vec![0; pair.public_modulus_len()];
        pair.sign(encoding, &SystemRandom::new(), message, &mut data)
            .ok()?;
        Signature::new(Algorithm::Rsa { hash }, data).ok()
    }
}
