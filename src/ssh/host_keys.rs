//! Is this the machine the user meant: the host-key policy. The list of known
//! keys is `known_hosts`; asking the user is the session's work.

use super::SshEvent;
use super::host_certificates;
use super::known_hosts::{AuthorityVerdict, HostKeyVerdict, Store};
use crate::config::HostKeyPolicy;
use crate::error::HostKeyProblem;
use async_channel::Receiver;
use russh::keys::{Algorithm, Certificate, HashAlg, PublicKey};

/// The policy as it applies to one connection.
pub struct HostKeyCheck {
    /// What to do about keys that are not on record.
    pub policy: HostKeyPolicy,
    /// The keys on record.
    pub store: Store,
    /// Host as the client named it.
    pub host: String,
    /// Port that is dialled.
    pub port: u16,
    /// Fingerprints (`SHA256:..`) of the only keys that are accepted; if there
    /// are any, neither `store` nor `policy` is asked.
    pub pinned: Vec<String>,
    /// Whether the client's dialect can be asked.
    pub can_ask: bool,
}

/// A key that is not on record and that the policy does not simply refuse.
pub(super) enum OpenQuestion {
    Remember,
    Ask {
        event: SshEvent,
        answer: Receiver<bool>,
    },
}

impl OpenQuestion {
    /// What to ask the user and where the answer comes; `None` if the key is
    /// to be remembered without asking.
    pub(super) fn ask(self) -> Option<(SshEvent, Receiver<bool>)> {
        match self {
            Self::Remember => None,
            Self::Ask { event, answer } => Some((event, answer)),
        }
    }
}

impl HostKeyCheck {
    /// `Ok(None)`: the key is accepted as it is.
    pub(super) fn check(&self, key: &PublicKey) -> Result<Option<OpenQuestion>, HostKeyProblem> {
        if !self.pinned.is_empty() {
            return self.check_pinned(key).map(|()| None);
        }
        if self.policy == HostKeyPolicy::Off {
            return Ok(None);
        }
        match self.store.current().check(&self.host, self.port, key) {
            HostKeyVerdict::Known => Ok(None),
            HostKeyVerdict::Changed { line } => {
                self.log_refusal(key, Some(line), "changed");
                Err(HostKeyProblem::Changed)
            }
            HostKeyVerdict::Revoked { line } => {
                self.log_refusal(key, Some(line), "revoked");
                Err(HostKeyProblem::Revoked)
            }
            HostKeyVerdict::Unknown => self.unknown(key),
        }
    }

    fn check_pinned(&self, key: &PublicKey) -> Result<(), HostKeyProblem> {
        let shown = key.fingerprint(HashAlg::Sha256).to_string();
        if self.pinned.contains(&shown) {
            return Ok(());
        }
        self.log_refusal(key, None, "not pinned");
        Err(HostKeyProblem::NotPinned)
    }

    /// Judges a certificate, which is shown only where [`Self::wants_certificate`].
    pub(super) fn check_certificate(
        &self,
        certificate: &Certificate,
    ) -> Result<(), HostKeyProblem> {
        let key = PublicKey::new(certificate.public_key().clone(), "");
        let authority = certificate.signature_key();
        let refuse = |problem| {
            self.log_refusal(&key, None, &format!("certificate refused: {problem}"));
            HostKeyProblem::Certificate(problem)
        };
        host_certificates::check(certificate, &self.host, crate::clock::wall()).map_err(refuse)?;
        let known = self.store.current();
        match known.check_authority(&self.host, self.port, authority, certificate.public_key()) {
            AuthorityVerdict::Known => Ok(()),
            AuthorityVerdict::Unknown => {
                Err(refuse("its authority is not on record for this host"))
            }
            AuthorityVerdict::Revoked { line } => {
                self.log_refusal(&key, Some(line), "revoked, or its authority");
                Err(HostKeyProblem::Revoked)
            }
        }
    }

    /// Whether certificates are asked for: an authority for this host is on
    /// record, so that its word is the one to go by. Servers without one show
    /// a plain key.
    pub(super) fn wants_certificate(&self) -> bool {
        self.pinned.is_empty()
            && self.policy != HostKeyPolicy::Off
            && self.store.current().has_authority(&self.host, self.port)
    }

    fn unknown(&self, key: &PublicKey) -> Result<Option<OpenQuestion>, HostKeyProblem> {
        match self.policy {
            HostKeyPolicy::Off => Ok(None),
            HostKeyPolicy::Strict => {
                self.log_refusal(key, None, "unknown");
                Err(HostKeyProblem::Unknown)
            }
            HostKeyPolicy::AcceptNew => Ok(Some(OpenQuestion::Remember)),
            HostKeyPolicy::Ask if self.can_ask => {
                let (sender, answer) = async_channel::bounded(1);
                let event = SshEvent::HostKeyQuestion {
                    algorithm: key.algorithm().as_str().to_owned(),
                    fingerprint: key.fingerprint(HashAlg::Sha256).to_string(),
                    answer: sender,
                };
                Ok(Some(OpenQuestion::Ask { event, answer }))
            }
            HostKeyPolicy::Ask => Err(HostKeyProblem::CannotAsk),
        }
    }

    pub(super) async fn remember(&self, key: &PublicKey) -> Result<(), HostKeyProblem> {
        use super::known_hosts::RememberError;
        match self
            .store
            .remember(self.host.clone(), self.port, key.clone())
            .await
        {
            Ok(()) => Ok(()),
            Err(RememberError::Changed { line }) => {
                self.log_refusal(key, Some(line), "changed");
                Err(HostKeyProblem::Changed)
            }
            Err(error) => {
                tracing::error!(%error, "a new host key could not be written to ssh.known_hosts");
                Err(HostKeyProblem::NotStored)
            }
        }
    }

    /// Algorithms on record for this host, to be offered first.
    pub(super) fn known_algorithms(&self) -> Vec<Algorithm> {
        self.store.current().algorithms(&self.host, self.port)
    }

    fn log_refusal(&self, key: &PublicKey, line: Option<usize>, verdict: &str) {
        tracing::warn!(
            host = self.host,
            port = self.port,
            known_hosts_line = line,
            algorithm = key.algorithm().as_str(),
            fingerprint = %key.fingerprint(HashAlg::Sha256),
            "host key {verdict}"
        );
    }
}
