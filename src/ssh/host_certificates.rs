//! Is this certificate the host's (PROTOCOL.certkeys of OpenSSH): signed by an authority on record
//! for it, for this name, for now. Stricter than OpenSSH in one thing: a certificate that fails is
//! not tried again as a plain key.

use russh::keys::ssh_key::certificate::CertType;
use russh::keys::{Algorithm, Certificate, HashAlg};
use std::time::{SystemTime, UNIX_EPOCH};

/// Checks what the certificate says of itself, for `host` at `now`. Whether its authority is one
/// for this host is for the known hosts to say.
///
/// # Errors
/// What is wrong with it.
pub(super) fn check(
    certificate: &Certificate,
    host: &str,
    now: SystemTime,
) -> Result<(), &'static str> {
    if certificate.cert_type() != CertType::Host {
        return Err("it is not one for hosts");
    }
    if signs_with_sha1(&certificate.signature().algorithm()) {
        return Err("its signature uses SHA-1");
    }
    if !certificate.critical_options().is_empty() {
        return Err("it has critical options, and none is known for hosts");
    }
    let named = |name: &String| name.eq_ignore_ascii_case(host);
    if !certificate.valid_principals().iter().any(named) {
        return Err("it is not for this host name");
    }
    let now = now.duration_since(UNIX_EPOCH).unwrap_or_default().as_secs();
    if now < certificate.valid_after() {
        return Err("it is not valid yet");
    }
    if now >= certificate.valid_before() {
        return Err("it has expired");
    }
    // Signature and times once more, by the library; the authority is looked up apart from this.
    let authority = certificate.signature_key().fingerprint(HashAlg::Sha256);
    certificate
        .validate_at(now, [&authority])
        .map_err(|_| "its signature does not verify")
}

/// RSA with SHA-1, and DSA, which knows nothing else.
fn signs_with_sha1(algorithm: &Algorithm) -> bool {
    matches!(algorithm, Algorithm::Rsa { hash: None } | Algorithm::Dsa)
}
