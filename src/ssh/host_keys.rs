//! Is this the machine the user meant: the host-key policy. The list of known
//! keys is `known_hosts`; asking the user is the session's work.

use super::known_hosts::{
    AuthorityVerdict, HostKeyVerdict, HostRecord, NewKey, NewKeyBounds, RememberError, Store,
};
use super::{SshEvent, SshSettings, host_certificates};
use crate::config::{self, HostKeyPolicy};
use crate::error::{HostKeyProblem, SessionError};
use crate::message::KeyRecord;
use async_channel::Receiver;
use russh::keys::{Algorithm, Certificate, HashAlg, PublicKey};
use std::net::IpAddr;

/// The host whose key is to be checked, and who wants to reach it.
pub struct CheckedHost {
    /// Host in its canonical form ([`crate::net::canonical_host`]).
    pub host: String,
    /// Port that is dialled.
    pub port: u16,
    /// Fingerprints (`SHA256:..`) of the only keys that are accepted; if there
    /// are any, neither known hosts nor policy are asked.
    pub pinned: Vec<String>,
    /// Address of the client that asks.
    pub client: IpAddr,
    /// Whether the client's dialect can be asked.
    pub can_ask: bool,
}

/// The policy as it applies to one connection.
pub struct HostKeyCheck {
    policy: HostKeyPolicy,
    new_keys: NewKeyBounds,
    store: Store,
    checked: CheckedHost,
    /// All that is on record for the host.
    record: HostRecord,
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
    /// Looks up what is on record for the host, once for the connection: on a
    /// worker, among the jobs of the client, where the file is large.
    ///
    /// # Errors
    /// `CryptoBusy` if the workers are; `Internal`.
    pub async fn look_up(
        store: &Store,
        settings: &SshSettings,
        checked: CheckedHost,
    ) -> Result<Self, SessionError> {
        let config = &settings.config;
        let policy = config.host_key_policy;
        let record = if checked.pinned.is_empty() && policy != HostKeyPolicy::Off {
            let CheckedHost {
                host, port, client, ..
            } = &checked;
            store
                .look_up(&settings.workers, *client, host, *port)
                .await?
        } else {
            HostRecord::default()
        };
        Ok(Self {
            policy,
            new_keys: new_key_bounds(config),
            store: store.clone(),
            checked,
            record,
        })
    }

    /// `Ok(None)`: the key is accepted as it is.
    pub(super) fn check(&self, key: &PublicKey) -> Result<Option<OpenQuestion>, HostKeyProblem> {
        if !self.checked.pinned.is_empty() {
            return self.check_pinned(key).map(|()| None);
        }
        if self.policy == HostKeyPolicy::Off {
            return Ok(None);
        }
        match self.record.check(key) {
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
        if self.checked.pinned.contains(&shown) {
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
        let host = &self.checked.host;
        host_certificates::check(certificate, host, crate::clock::wall()).map_err(refuse)?;
        let certified = certificate.public_key();
        match self.record.check_authority(authority, certified) {
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
        self.record.has_authority()
    }

    fn unknown(&self, key: &PublicKey) -> Result<Option<OpenQuestion>, HostKeyProblem> {
        match self.policy {
            HostKeyPolicy::Off => Ok(None),
            HostKeyPolicy::Strict => {
                self.log_refusal(key, None, "unknown");
                Err(HostKeyProblem::Unknown)
            }
            HostKeyPolicy::AcceptNew => Ok(Some(OpenQuestion::Remember)),
            HostKeyPolicy::Ask if self.checked.can_ask => {
                let (sender, answer) = async_channel::bounded(1);
                let event = SshEvent::HostKeyQuestion {
                    algorithm: key.algorithm().as_str().to_owned(),
                    fingerprint: key.fingerprint(HashAlg::Sha256).to_string(),
                    known: if self.record.has_authority() {
                        KeyRecord::Changed
                    } else {
                        KeyRecord::New
                    },
                    answer: sender,
                };
                Ok(Some(OpenQuestion::Ask { event, answer }))
            }
            HostKeyPolicy::Ask => Err(HostKeyProblem::CannotAsk),
        }
    }

    pub(super) async fn remember(&self, key: &PublicKey) -> Result<(), HostKeyProblem> {
        let CheckedHost {
            host, port, client, ..
        } = &self.checked;
        let new = NewKey {
            host: host.clone(),
            port: *port,
            key: key.clone(),
            client: *client,
            bounds: self.new_keys,
        };
        match self.store.remember(new).await {
            Ok(()) => Ok(()),
            Err(RememberError::Changed { line }) => {
                self.log_refusal(key, Some(line), "changed");
                Err(HostKeyProblem::Changed)
            }
            Err(RememberError::Revoked { line }) => {
                self.log_refusal(key, Some(line), "revoked");
                Err(HostKeyProblem::Revoked)
            }
            Err(error @ RememberError::TooMany { .. }) => {
                tracing::warn!(
                    %client,
                    host,
                    port,
                    %error,
                    "a new host key is not remembered: raise ssh.new_host_keys_per_client, or add \
                     the key to ssh.known_hosts"
                );
                Err(HostKeyProblem::TooManyNew)
            }
            Err(error) => {
                tracing::error!(%error, "a new host key could not be written to ssh.known_hosts");
                Err(HostKeyProblem::NotStored)
            }
        }
    }

    /// Algorithms on record for this host, to be offered first.
    pub(super) fn known_algorithms(&self) -> Vec<Algorithm> {
        self.record.algorithms()
    }

    fn log_refusal(&self, key: &PublicKey, line: Option<usize>, verdict: &str) {
        tracing::warn!(
            host = self.checked.host,
            port = self.checked.port,
            known_hosts_line = line,
            algorithm = key.algorithm().as_str(),
            fingerprint = %key.fingerprint(HashAlg::Sha256),
            "host key {verdict}"
        );
    }
}

fn new_key_bounds(config: &config::Ssh) -> NewKeyBounds {
    NewKeyBounds {
        per_client: config.new_host_keys_per_client,
        period: config.new_host_keys_period,
        max_lines: config.max_known_hosts_lines,
    }
}
