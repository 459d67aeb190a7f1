//! TLS on the client's socket (TLS 1.2 and 1.3, server's side only): the certificate and its key
//! read from files, and the handshake. It requests no client certificate and keeps no state to
//! resume TLS sessions: terminals last for hours, and a whole handshake costs about a millisecond
//! of CPU (`perf/README.md`).

use super::connection::MAX_OUTPUT_FRAME;
use super::socket::CountingSocket;
use super::stream::TlsState;
use crate::config;
use crate::secret_file::{self, SecretFileError};
use futures_rustls::pki_types::pem::{self, PemObject};
use futures_rustls::pki_types::{CertificateDer, PrivateKeyDer};
use futures_rustls::rustls::crypto::aws_lc_rs;
use futures_rustls::rustls::server::NoServerSessionStorage;
use futures_rustls::rustls::sign::{CertifiedKey, SingleCertAndKey};
use futures_rustls::rustls::version::{TLS12, TLS13};
use futures_rustls::rustls::{self, InconsistentKeys, ServerConfig};
use futures_rustls::{TlsAcceptor, server::TlsStream};
use std::fs::File;
use std::io::{self, Read};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};
use x509_cert::Certificate;
use x509_cert::der::Decode;
use zeroize::Zeroizing;

/// Most bytes of either file; a chain of four certificates has about eight thousand.
const MAX_FILE: usize = 256 * 1024;

/// Maximum encrypted output that waits for the client, in bytes: one frame with its header, so that
/// its records are sent at once. The session queues what does not fit.
const MAX_UNSENT: usize = MAX_OUTPUT_FRAME + 16;

/// Error of the certificate or key: the public port cannot serve TLS.
#[derive(Debug, thiserror::Error)]
#[error("{setting} {}: {cause}", .path.display())]
pub struct TlsError {
    setting: &'static str,
    path: PathBuf,
    cause: Cause,
}

#[derive(Debug, thiserror::Error)]
enum Cause {
    #[error("cannot read the file: {0}")]
    Read(#[from] io::Error),
    #[error("the file is larger than {MAX_FILE} bytes")]
    TooLarge,
    #[error(transparent)]
    Secret(#[from] SecretFileError),
    #[error("the PEM is broken: {0}")]
    Pem(pem::Error),
    #[error("no CERTIFICATE is in the file (PEM)")]
    NoCertificate,
    #[error("a certificate in the file cannot be read")]
    BadCertificate,
    #[error("no PRIVATE KEY is in the file (PEM)")]
    NoKey,
    #[error(
        "the private key is encrypted, and a server cannot ask for its passphrase; \
         decrypt it with `openssl pkey -in FILE -out DECRYPTED`"
    )]
    Encrypted,
    #[error("the private key belongs to another certificate than the first of tls.cert_file")]
    Mismatch,
    #[error("the pair cannot be used: {0}")]
    Unusable(rustls::Error),
}

/// Certificate and configuration for new connections. Cheap to clone.
#[derive(Clone)]
pub struct Tls {
    acceptor: TlsAcceptor,
    validity: Validity,
}

/// Time in which every certificate of the chain is valid, since 1970.
#[derive(Debug, Clone, Copy)]
struct Validity {
    from: Duration,
    until: Duration,
}

impl Tls {
    /// Reads the certificate and its key, and logs how long it is valid; `None` without TLS.
    ///
    /// # Errors
    /// [`TlsError`], which names the file and what to do.
    pub fn load(config: &config::Tls) -> Result<Option<Self>, TlsError> {
        let (Some(cert_file), Some(key_file)) = (&config.cert_file, &config.key_file) else {
            return Ok(None);
        };
        let of_cert = |cause| TlsError {
            setting: "tls.cert_file",
            path: cert_file.clone(),
            cause,
        };
        let of_key = |cause| TlsError {
            setting: "tls.key_file",
            path: key_file.clone(),
            cause,
        };
        let chain = read_chain(cert_file).map_err(of_cert)?;
        let validity = Validity::of(&chain).map_err(of_cert)?;
        let key = read_key(key_file).map_err(of_key)?;
        let config = server_config(chain, &key).map_err(of_key)?;
        let tls = Self {
            acceptor: Arc::new(config).into(),
            validity,
        };
        tls.log_validity(cert_file, crate::clock::wall());
        Ok(Some(tls))
    }

    /// Earliest expiry of a certificate in the chain, in seconds since 1970.
    pub fn expiry(&self) -> u64 {
        self.validity.until.as_secs()
    }

    /// A certificate that is not valid now is served all the same: a client that pins it still
    /// connects.
    fn log_validity(&self, file: &Path, now: SystemTime) {
        let now = now.duration_since(UNIX_EPOCH).unwrap_or_default();
        let date = |time| humantime::format_rfc3339_seconds(UNIX_EPOCH + time);
        let Validity { from, until } = self.validity;
        let (file, from_date, until_date) = (file.display(), date(from), date(until));
        if until <= now {
            tracing::warn!(%file, until = %until_date, "the TLS certificate HAS EXPIRED: clients refuse it; renew it and send SIGHUP");
        } else if now < from {
            tracing::warn!(%file, from = %from_date, "the TLS certificate is NOT YET VALID: clients refuse it");
        } else {
            tracing::info!(%file, until = %until_date, "the TLS certificate is valid");
        }
    }

    /// Performs the handshake. Does not return while the client is silent: the caller owns the
    /// deadline.
    ///
    /// # Errors
    /// The client's fault or the network's; an alert was sent where TLS has one for it.
    pub async fn accept(&self, socket: CountingSocket) -> io::Result<TlsStream<CountingSocket>> {
        let limit = Some(MAX_UNSENT);
        self.acceptor
            .accept_with(socket, |session| session.set_buffer_limit(limit))
            .await
    }

    /// Goes on with a connection whose handshake is over, whatever its certificate was.
    ///
    /// # Errors
    /// The client's fault or the network's.
    pub async fn resume(
        &self,
        socket: CountingSocket,
        TlsState(known): TlsState,
    ) -> io::Result<TlsStream<CountingSocket>> {
        // futures-rustls makes no stream from its parts, but accepts one that is accepted already.
        self.acceptor
            .accept_with(socket, |session| *session = *known)
            .await
    }
}

fn server_config(
    chain: Vec<CertificateDer<'static>>,
    key: &PrivateKeyDer<'static>,
) -> Result<ServerConfig, Cause> {
    let signer = aws_lc_rs::sign::any_supported_type(key).map_err(Cause::Unusable)?;
    let pair = CertifiedKey::new(chain, signer);
    pair.keys_match().map_err(|error| match error {
        rustls::Error::InconsistentKeys(InconsistentKeys::KeyMismatch) => Cause::Mismatch,
        other => Cause::Unusable(other),
    })?;
    let provider = Arc::new(aws_lc_rs::default_provider());
    let mut config = ServerConfig::builder_with_provider(provider)
        .with_protocol_versions(&[&TLS13, &TLS12])
        .map_err(Cause::Unusable)?
        .with_no_client_auth()
        .with_cert_resolver(Arc::new(SingleCertAndKey::from(pair)));
    config.alpn_protocols = vec![b"http/1.1".to_vec()];
    config.session_storage = Arc::new(NoServerSessionStorage {});
    config.send_tls13_tickets = 0;
    config.max_early_data_size = 0;
    Ok(config)
}

fn read_chain(path: &Path) -> Result<Vec<CertificateDer<'static>>, Cause> {
    let mut text = Vec::new();
    let file = File::open(path)?;
    file.take(MAX_FILE as u64 + 1).read_to_end(&mut text)?;
    check_size(&text)?;
    let chain: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(&text).collect();
    let chain = chain.map_err(Cause::Pem)?;
    if chain.is_empty() {
        return Err(Cause::NoCertificate);
    }
    Ok(chain)
}

fn read_key(path: &Path) -> Result<Zeroizing<PrivateKeyDer<'static>>, Cause> {
    let text = secret_file::read(path, MAX_FILE + 1)?;
    check_size(&text)?;
    // PKCS #8 has it in the label, older files in a header of their own.
    let is_encrypted = |line: &[u8]| {
        line.starts_with(b"-----BEGIN ENCRYPTED PRIVATE KEY")
            || (line.starts_with(b"Proc-Type:") && line.ends_with(b"ENCRYPTED"))
    };
    if text
        .split(|byte| matches!(byte, b'\n' | b'\r'))
        .any(is_encrypted)
    {
        return Err(Cause::Encrypted);
    }
    let key = PrivateKeyDer::from_pem_slice(&text).map_err(|error| match error {
        pem::Error::NoItemsFound => Cause::NoKey,
        other => Cause::Pem(other),
    })?;
    Ok(Zeroizing::new(key))
}

fn check_size(content: &[u8]) -> Result<(), Cause> {
    if content.len() > MAX_FILE {
        return Err(Cause::TooLarge);
    }
    Ok(())
}

impl Validity {
    fn of(chain: &[CertificateDer<'_>]) -> Result<Self, Cause> {
        let mut whole = Self {
            from: Duration::ZERO,
            until: Duration::MAX,
        };
        for der in chain {
            let certificate = Certificate::from_der(der).map_err(|_| Cause::BadCertificate)?;
            let validity = certificate.tbs_certificate().validity();
            let (from, until) = (validity.not_before, validity.not_after);
            whole.from = whole.from.max(from.to_unix_duration());
            whole.until = whole.until.min(until.to_unix_duration());
        }
        Ok(whole)
    }
}
