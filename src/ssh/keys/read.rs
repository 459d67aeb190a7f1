//! Private keys from text: OpenSSH, PKCS#1, SEC1 and PKCS#8, encrypted or not. Chooses the format
//! and bounds the cost of a passphrase before it is tried; the formats are read by russh and
//! RustCrypto.

use super::armor::{Block, private_block};
use super::legacy_pem;
use super::openssh;
use super::problem::{DAMAGED, DSA, NO_PASSPHRASE, TOO_MANY_ROUNDS, WRONG_PASSPHRASE};
use super::signing::SigningKey;
use pkcs8::pkcs5::pbes2::Kdf as Pbes2Kdf;
use pkcs8::{EncryptedPrivateKeyInfoRef, ObjectIdentifier, PrivateKeyInfoRef};
use russh::keys::pkcs8::decode_pkcs8;

/// Iterations of PBKDF2 that take about as long as one round of bcrypt.
const PBKDF2_PER_ROUND: u64 = 8192;
/// scrypt's N·r·p that takes about as long as one round of bcrypt.
const SCRYPT_PER_ROUND: u64 = 16 * 1024;
/// scrypt's N·r, and its r·p: it takes 128 bytes of memory for each unit of either, 32 MiB.
const MAX_SCRYPT_MEMORY: u64 = 256 * 1024;
/// Algorithm of RSA keys in PKCS#8 (RFC 8017 appendix A.1).
const RSA_ENCRYPTION: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.113549.1.1.1");

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
    match block.label {
        "OPENSSH PRIVATE KEY" => {
            SigningKey::new(openssh::read(&block.bytes, passphrase, max_rounds)?)
        }
        "ENCRYPTED PRIVATE KEY" => encrypted_pkcs8(&block.bytes, passphrase, max_rounds),
        "PRIVATE KEY" => der(&block.bytes),
        "RSA PRIVATE KEY" => decrypted(block, passphrase, SigningKey::from_pkcs1),
        "EC PRIVATE KEY" => decrypted(block, passphrase, der),
        "DSA PRIVATE KEY" => Err(DSA),
        _ => Err("its format is not supported: OpenSSH, PKCS#1, PKCS#8 and SEC1 are"),
    }
}

fn encrypted_pkcs8(
    bytes: &[u8],
    passphrase: Option<&str>,
    max_rounds: u32,
) -> Result<SigningKey, &'static str> {
    let info = EncryptedPrivateKeyInfoRef::try_from(bytes).map_err(|_| {
        "it is damaged, or encrypted in an unsupported way; \
         re-encrypt it with: ssh-keygen -p -f key"
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
            let (n, p) = (scrypt.cost_parameter, u64::from(scrypt.parallelization));
            let memory = n.max(p).saturating_mul(scrypt.block_size.into());
            if memory > MAX_SCRYPT_MEMORY {
                return Err(
                    "its passphrase takes more than the 32 MiB of memory allowed for scrypt",
                );
            }
            // RFC 7914 section 2. pkcs5 panics where N is 0.
            if n < 2 || !n.is_power_of_two() {
                return Err("it is damaged: scrypt's N must be a power of two above 1");
            }
            let table = n.saturating_mul(scrypt.block_size.into());
            table.saturating_mul(p) <= max_rounds * SCRYPT_PER_ROUND
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
    read: impl FnOnce(&[u8]) -> Result<SigningKey, &'static str>,
) -> Result<SigningKey, &'static str> {
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
fn der(bytes: &[u8]) -> Result<SigningKey, &'static str> {
    if let Ok(info) = PrivateKeyInfoRef::try_from(bytes)
        && info.algorithm.oid == RSA_ENCRYPTION
    {
        return SigningKey::from_pkcs1(info.private_key.as_bytes());
    }
    let key = decode_pkcs8(bytes, None).map_err(|_| DAMAGED)?;
    SigningKey::new(Box::new(key))
}
