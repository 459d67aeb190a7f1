//! Private keys from text: OpenSSH, PKCS#1, SEC1 and PKCS#8, encrypted or not. Chooses the format
//! and bounds the cost of a passphrase before it is tried; the formats are read by russh and
//! RustCrypto.

use super::armor::{Block, private_block};
use super::legacy_pem;
use super::openssh;
use super::problem::{DAMAGED, DSA, NO_PASSPHRASE, TOO_MANY_ROUNDS, WRONG_PASSPHRASE};
use super::signing::SigningKey;
use pkcs8::der::asn1::{AnyRef, OctetStringRef};
use pkcs8::pkcs5::pbes2::Kdf as Pbes2Kdf;
use pkcs8::spki::AlgorithmIdentifierRef;
use pkcs8::{EncryptedPrivateKeyInfoRef, ObjectIdentifier, PrivateKeyInfoRef, SecretDocument};
use russh::keys::PrivateKey;
use russh::keys::pkcs8::decode_pkcs8;

/// Iterations of PBKDF2 that take about as long as one round of bcrypt.
const PBKDF2_PER_ROUND: u64 = 8192;
/// scrypt's N·r·p that takes about as long as one round of bcrypt.
const SCRYPT_PER_ROUND: u64 = 16 * 1024;
/// scrypt's N·r, for each of which it takes 128 bytes of memory: 32 MiB.
const MAX_SCRYPT_MEMORY: u64 = 256 * 1024;
/// Longest DER of a key, in bytes: RSA with 8192 bits takes 4700.
const MAX_DER: usize = 5 * 1024;

/// Reads the private key in `text`. To be run on a worker: takes up to `max_rounds` rounds of
/// bcrypt, or as long with another KDF.
///
/// # Errors
/// A description of the problem; see `problem`.
pub(super) fn read_key(
    text: &str,
    passphrase: Option<&str>,
    max_rounds: u32,
) -> Result<SigningKey, &'static str> {
    let block = private_block(text)?;
    let key = match block.label {
        "OPENSSH PRIVATE KEY" => openssh::read(&block.bytes, passphrase, max_rounds)?,
        "ENCRYPTED PRIVATE KEY" => encrypted_pkcs8(&block.bytes, passphrase, max_rounds)?,
        "PRIVATE KEY" => der(&block.bytes)?,
        "RSA PRIVATE KEY" => decrypted(block, passphrase, pkcs1)?,
        "EC PRIVATE KEY" => decrypted(block, passphrase, der)?,
        "DSA PRIVATE KEY" => return Err(DSA),
        _ => return Err("its format is not read here: OpenSSH, PKCS#1, PKCS#8 and SEC1 are"),
    };
    SigningKey::new(key)
}

fn encrypted_pkcs8(
    bytes: &[u8],
    passphrase: Option<&str>,
    max_rounds: u32,
) -> Result<Box<PrivateKey>, &'static str> {
    let info = EncryptedPrivateKeyInfoRef::try_from(bytes).map_err(|_| {
        "it is damaged, or encrypted in a way that is not read here; \
         write it anew with: ssh-keygen -p -f key"
    })?;
    let scheme = info.encryption_algorithm.pbes2();
    check_cost(scheme.map(|scheme| &scheme.kdf), u64::from(max_rounds))?;
    let passphrase = passphrase.ok_or(NO_PASSPHRASE)?;
    let document = info.decrypt(passphrase).map_err(|_| WRONG_PASSPHRASE)?;
    der(document.as_bytes()).map_err(of_decrypted)
}

/// Converts the problem of a decrypted key: the result of a wrong passphrase has valid padding in
/// one of 256 cases.
fn of_decrypted(problem: &'static str) -> &'static str {
    match problem {
        DAMAGED => "the passphrase is wrong, or its content is damaged",
        other => other,
    }
}

/// Checks time and memory of the KDF. PBES1 has none: its cost is fixed, or it is not read.
fn check_cost(kdf: Option<&Pbes2Kdf>, max_rounds: u64) -> Result<(), &'static str> {
    let fits = match kdf {
        Some(Pbes2Kdf::Pbkdf2(pbkdf2)) => {
            u64::from(pbkdf2.iteration_count) <= max_rounds * PBKDF2_PER_ROUND
        }
        Some(Pbes2Kdf::Scrypt(scrypt)) => {
            let memory = scrypt
                .cost_parameter
                .saturating_mul(scrypt.block_size.into());
            if memory > MAX_SCRYPT_MEMORY {
                return Err(
                    "its passphrase takes more than the 32 MiB of memory allowed for scrypt",
                );
            }
            memory.saturating_mul(scrypt.parallelization.into()) <= max_rounds * SCRYPT_PER_ROUND
        }
        Some(_) => false,
        None => true,
    };
    fits.then_some(()).ok_or(TOO_MANY_ROUNDS)
}

/// Applies `read` to the block's content, decrypted if its headers say so.
fn decrypted(
    block: Block<'_>,
    passphrase: Option<&str>,
    read: impl FnOnce(&[u8]) -> Result<Box<PrivateKey>, &'static str>,
) -> Result<Box<PrivateKey>, &'static str> {
    match block.dek_info {
        Some(dek_info) => {
            let passphrase = passphrase.ok_or(NO_PASSPHRASE)?;
            let bytes = legacy_pem::decrypt(block.bytes, dek_info, passphrase)?;
            read(&bytes).map_err(of_decrypted)
        }
        None => read(&block.bytes),
    }
}

/// Reads a key in PKCS#8 or SEC1.
fn der(bytes: &[u8]) -> Result<Box<PrivateKey>, &'static str> {
    // Checked here: russh computes with the numbers of an RSA key before their size can be checked.
    if bytes.len() > MAX_DER {
        return Err("it is larger than an RSA key of the 8192 bits that are allowed here");
    }
    let key = decode_pkcs8(bytes, None).map_err(|_| DAMAGED)?;
    Ok(Box::new(key))
}

/// Reads a key in PKCS#1, wrapped in PKCS#8, which russh reads.
fn pkcs1(bytes: &[u8]) -> Result<Box<PrivateKey>, &'static str> {
    let key = OctetStringRef::new(bytes).map_err(|_| DAMAGED)?;
    let algorithm = AlgorithmIdentifierRef {
        oid: ObjectIdentifier::new_unwrap("1.2.840.113549.1.1.1"),
        parameters: Some(AnyRef::NULL),
    };
    let wrapped = SecretDocument::try_from(PrivateKeyInfoRef::new(algorithm, key));
    der(wrapped.map_err(|_| DAMAGED)?.as_bytes())
}
