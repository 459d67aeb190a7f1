//! Private key that is ready to sign. RSA signs with AWS-LC: several times faster than the `rsa`
//! crate behind russh, in constant time, and with signatures exactly as long as the modulus, which
//! RFC 8332 requires and servers check (that crate pads them to whole words).
//!
//! The size of a key is checked when it is read, so that signing needs no bound of its own.

use super::scrub_heap;
use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::rsa::KeyPair;
use aws_lc_rs::signature::{RSA_PKCS1_SHA256, RSA_PKCS1_SHA512, RsaEncoding};
use russh::keys::signature::Signer as _;
use russh::keys::ssh_key::private::{KeypairData, RsaKeypair};
use russh::keys::ssh_key::{Mpint, Signature};
use russh::keys::{Algorithm, HashAlg, PrivateKey, PublicKey};
use zeroize::Zeroizing;

/// Size of RSA moduli, in bits; AWS-LC's bounds. Smaller ones are not safe, larger ones cost more
/// than a worker should spend: a signature with 4096 bits takes 4 ms, with 8192 bits 90 ms, and
/// with 16,384 bits a second.
const RSA_BITS: std::ops::RangeInclusive<usize> = 2048..=8192;
/// Longest public exponent, in bits; AWS-LC's bound. 65,537 has 17.
const MAX_EXPONENT_BITS: usize = 33;

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
    /// For types of keys that cannot sign here, RSA keys out of bounds, and keys whose numbers do
    /// not belong together.
    pub(super) fn new(key: Box<PrivateKey>) -> Result<Self, &'static str> {
        let public = PublicKey::from(key.public_key().key_data().clone());
        let secret = match key.key_data() {
            KeypairData::Rsa(pair) => {
                check_rsa(pair)?;
                let ready = rsa(&key, bits(pair.public().n()));
                Secret::Rsa(ready.ok_or("its RSA numbers do not belong together")?)
            }
            KeypairData::Ed25519(_) | KeypairData::Ecdsa(_) => Secret::Other(key),
            _ => return Err("keys of its kind cannot sign here"),
        };
        Ok(Self { public, secret })
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

fn check_rsa(pair: &RsaKeypair) -> Result<(), &'static str> {
    let size = bits(pair.public().n());
    if size < *RSA_BITS.start() {
        return Err("its RSA modulus has fewer than 2048 bits, which is not safe; make a new key");
    }
    if size > *RSA_BITS.end() {
        return Err("its RSA modulus has more than the 8192 bits that are allowed here");
    }
    if bits(pair.public().e()) > MAX_EXPONENT_BITS {
        return Err("its RSA public exponent has more than the 33 bits that are allowed here");
    }
    let private = pair.private();
    // Otherwise the modulus would not bound the cost of the other numbers.
    let parts = [private.d(), private.iqmp(), private.p(), private.q()];
    if parts.into_iter().any(|part| bits(part) > size) {
        return Err("its RSA numbers do not belong together");
    }
    Ok(())
}

/// Returns the number of significant bits.
fn bits(number: &Mpint) -> usize {
    let bytes = number.as_positive_bytes().unwrap_or_default().iter();
    let mut significant = bytes.skip_while(|byte| **byte == 0);
    let first = significant.next().copied().unwrap_or(0);
    (u8::BITS - first.leading_zeros()) as usize + significant.count() * 8
}

/// Converts the key by way of PKCS#8, which contains the two numbers that OpenSSH omits. To compute
/// them, the `rsa` crate makes p - 1 and q - 1, and frees them without wiping.
fn rsa(key: &PrivateKey, bits: usize) -> Option<KeyPair> {
    let der = russh::keys::pkcs8::encode_pkcs8(key).map(Zeroizing::new);
    scrub_heap(bits / 8 / 2);
    KeyPair::from_pkcs8(&der.ok()?).ok()
}
