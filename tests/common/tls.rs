//! Certificates for the bridge, and clients that trust them.

use futures_rustls::pki_types::{CertificateDer, ServerName};
use futures_rustls::rustls::client::danger::{
    HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier,
};
use futures_rustls::rustls::crypto::{CryptoProvider, aws_lc_rs};
use futures_rustls::rustls::{
    self, ClientConfig, ClientConnection, DigitallySignedStruct, RootCertStore, SignatureScheme,
    SupportedProtocolVersion,
};
use rcgen::{CertificateParams, KeyPair};
use std::fs;
use std::net::SocketAddr;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, SystemTime};

/// A certificate for 127.0.0.1 and localhost that signs itself, and its key.
pub(crate) struct Pair {
    pub(crate) certificate: String,
    pub(crate) key: String,
    pub(crate) der: Vec<u8>,
}

impl Pair {
    pub(crate) fn new() -> Self {
        let day = Duration::from_secs(24 * 3600);
        let now = SystemTime::now();
        Self::valid(now - day, now + 30 * day)
    }

    pub(crate) fn valid(from: SystemTime, until: SystemTime) -> Self {
        let names = ["127.0.0.1", "localhost"].map(str::to_owned);
        let mut params = CertificateParams::new(names).unwrap();
        (params.not_before, params.not_after) = (from.into(), until.into());
        let key = KeyPair::generate().unwrap();
        let certificate = params.self_signed(&key).unwrap();
        Self {
            certificate: certificate.pem(),
            key: key.serialize_pem(),
            der: certificate.der().to_vec(),
        }
    }

    /// Puts the pair where [`Files`] are read from: each file is replaced as a whole, so that a
    /// reader sees the old one or the new one.
    pub(crate) fn install(&self, files: &Files) {
        files.write(&self.certificate, &self.key);
    }
}

/// The two files of `tls`.
pub(crate) struct Files {
    directory: tempfile::TempDir,
}

impl Files {
    pub(crate) fn new(pair: &Pair) -> Self {
        let files = Self {
            directory: tempfile::tempdir().unwrap(),
        };
        pair.install(&files);
        files
    }

    pub(crate) fn write(&self, certificate: &str, key: &str) {
        replace(&self.cert_file(), certificate, 0o644);
        replace(&self.key_file(), key, 0o600);
    }

    pub(crate) fn cert_file(&self) -> PathBuf {
        self.directory.path().join("cert.pem")
    }

    pub(crate) fn key_file(&self) -> PathBuf {
        self.directory.path().join("key.pem")
    }

    /// For `--set`.
    pub(crate) fn settings(&self) -> [String; 2] {
        [
            format!("tls.cert_file={}", self.cert_file().display()),
            format!("tls.key_file={}", self.key_file().display()),
        ]
    }
}

fn replace(path: &Path, content: &str, mode: u32) {
    let fresh = path.with_extension("new");
    fs::write(&fresh, content).unwrap();
    fs::set_permissions(&fresh, fs::Permissions::from_mode(mode)).unwrap();
    fs::rename(&fresh, path).unwrap();
}

fn provider() -> Arc<CryptoProvider> {
    Arc::new(aws_lc_rs::default_provider())
}

/// Configuration of a client that trusts these certificates alone.
pub(crate) fn trusting(pairs: &[&Pair]) -> Arc<ClientConfig> {
    let mut roots = RootCertStore::empty();
    for pair in pairs {
        roots.add(CertificateDer::from(pair.der.clone())).unwrap();
    }
    let config = ClientConfig::builder_with_provider(provider())
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_root_certificates(roots)
        .with_no_client_auth();
    Arc::new(config)
}

/// Configuration of a client that trusts any certificate and offers this version alone.
pub(crate) fn accepting_any_certificate(
    version: &'static SupportedProtocolVersion,
) -> Arc<ClientConfig> {
    let config = ClientConfig::builder_with_provider(provider())
        .with_protocol_versions(&[version])
        .unwrap()
        .dangerous()
        .with_custom_certificate_verifier(Arc::new(AcceptAny(provider())))
        .with_no_client_auth();
    Arc::new(config)
}

/// The client's side of a connection that is made to `addr`.
pub(crate) fn client(config: &Arc<ClientConfig>, addr: SocketAddr) -> Box<ClientConnection> {
    let name = ServerName::from(addr.ip());
    Box::new(ClientConnection::new(Arc::clone(config), name).unwrap())
}

#[derive(Debug)]
struct AcceptAny(Arc<CryptoProvider>);

impl ServerCertVerifier for AcceptAny {
    fn verify_server_cert(
        &self,
        _: &CertificateDer<'_>,
        _: &[CertificateDer<'_>],
        _: &ServerName<'_>,
        _: &[u8],
        _: futures_rustls::pki_types::UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        let algorithms = &self.0.signature_verification_algorithms;
        rustls::crypto::verify_tls12_signature(message, cert, dss, algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        let algorithms = &self.0.signature_verification_algorithms;
        rustls::crypto::verify_tls13_signature(message, cert, dss, algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.0.signature_verification_algorithms.supported_schemes()
    }
}
