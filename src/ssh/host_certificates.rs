//! Validation of a host certificate (PROTOCOL.certkeys of OpenSSH): its type, principals, dates and
//! signature. Whether its authority is on record is `known_hosts`' decision. Stricter than OpenSSH
//! in one point: where a certificate fails, its key is not tried as a plain key.

use crate::net::canonical_host;
use russh::keys::ssh_key::certificate::CertType;
use russh::keys::{Algorithm, Certificate, HashAlg};
use std::time::{SystemTime, UNIX_EPOCH};

/// Checks a certificate for `host`, in its canonical form, at `now`, but for its authority.
///
/// # Errors
/// A description of what is wrong with it.
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
    let named = |name: &String| canonical_host(name) == host;
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
    // Signature, and times again, by the library. The caller checks the authority.
    let authority = certificate.signature_key().fingerprint(HashAlg::Sha256);
    certificate
        .validate_at(now, [&authority])
        .map_err(|_| "its signature does not verify")
}

/// Returns whether a signature uses SHA-1: RSA without a hash, and DSA, which has no other.
fn signs_with_sha1(algorithm: &Algorithm) -> bool {
    matches!(algorithm, Algorithm::Rsa { hash: None } | Algorithm::Dsa)
}

#[cfg(test)]
mod tests {
    use super::*;
    use russh::keys::PrivateKey;
    use russh::keys::ssh_key::{self, certificate::Builder, private::Ed25519Keypair};
    use std::time::Duration;

    fn key(seed: u8) -> PrivateKey {
        PrivateKey::from(Ed25519Keypair::from_seed(&[seed; 32]))
    }

    type Built<'a> = Result<&'a mut Builder, ssh_key::Error>;

    /// Returns a certificate, valid from second 1000 to 2000, with the fields that `add` adds.
    fn certificate(kind: CertType, add: impl FnOnce(&mut Builder) -> Built<'_>) -> Certificate {
        let public = key(1).public_key().clone();
        let mut builder = Builder::new(vec![7; 16], public, 1000, 2000).unwrap();
        builder.cert_type(kind).unwrap();
        add(&mut builder).unwrap();
        builder.sign(&key(2)).unwrap()
    }

    fn for_host(builder: &mut Builder) -> Built<'_> {
        builder.valid_principal("host")
    }

    fn at(seconds: u64) -> SystemTime {
        UNIX_EPOCH + Duration::from_secs(seconds)
    }

    #[test]
    fn a_certificate_is_valid_for_its_names_and_times() {
        let whole = certificate(CertType::Host, for_host);
        for (host, second, expected) in [
            ("host", 1000, Ok(())),
            ("host", 999, Err("it is not valid yet")),
            ("host", 2000, Err("it has expired")),
            ("host", 0, Err("it is not valid yet")),
            ("hos", 1500, Err("it is not for this host name")),
            ("", 1500, Err("it is not for this host name")),
        ] {
            assert_eq!(check(&whole, host, at(second)), expected, "{host} {second}");
        }
    }

    #[test]
    fn only_host_certificates_with_names_and_without_critical_options_are_valid() {
        type Add = fn(&mut Builder) -> Built<'_>;
        let table: [(CertType, Add, Result<(), &str>); 6] = [
            (CertType::Host, for_host, Ok(())),
            (
                CertType::Host,
                |b| for_host(b)?.valid_principal("another"),
                Ok(()),
            ),
            (
                CertType::Host,
                |b| for_host(b)?.extension("x@y", "z"),
                Ok(()),
            ),
            (
                CertType::Host,
                |b| for_host(b)?.critical_option("force-command", "x"),
                Err("it has critical options, and none is known for hosts"),
            ),
            (
                CertType::Host,
                Builder::all_principals_valid,
                Err("it is not for this host name"),
            ),
            (CertType::User, for_host, Err("it is not one for hosts")),
        ];
        for (number, (kind, add, expected)) in table.into_iter().enumerate() {
            let whole = certificate(kind, add);
            assert_eq!(check(&whole, "host", at(1500)), expected, "{number}");
        }
    }

    /// All spellings of a principal are one name.
    #[test]
    fn principals_match_in_any_spelling() {
        for (principal, host, good) in [
            ("HOST.Example.", "host.example", true),
            ("host.example", "host.example", true),
            ("2001:DB8:0::1", "2001:db8::1", true),
            ("[2001:db8::1]", "2001:db8::1", true),
            ("::ffff:192.0.2.1", "192.0.2.1", true),
            ("host", "host.example", false),
            ("127.1", "127.0.0.1", false),
            ("*.example", "host.example", false),
        ] {
            let certificate = certificate(CertType::Host, |b| b.valid_principal(principal));
            let got = check(&certificate, host, at(1500));
            assert_eq!(got.is_ok(), good, "{principal} {host}");
        }
    }

    /// With any byte changed, it is either not a certificate any more or not accepted.
    #[test]
    fn a_certificate_with_any_byte_changed_is_refused() {
        let whole = certificate(CertType::Host, for_host).to_bytes().unwrap();
        let mut read = 0;
        for at_byte in 0..whole.len() {
            let mut changed = whole.clone();
            changed[at_byte] ^= 1;
            let Ok(changed) = Certificate::from_bytes(&changed) else {
                continue;
            };
            read += 1;
            assert!(check(&changed, "host", at(1500)).is_err(), "byte {at_byte}");
        }
        assert!(read > 100, "only {read} were certificates at all");
    }
}
