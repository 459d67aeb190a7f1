//! Host-key policy: decides whether a server's key or certificate is accepted, refused, stored or
//! shown to the user, and logs each refusal and each new key. The known keys are in `known_hosts`;
//! asking the user is the session's work.

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
use std::path::PathBuf;

/// Host whose key is to be checked, and the client that connects to it.
pub struct CheckedHost {
    /// Host in its canonical form ([`crate::net::canonical_host`]).
    pub host: String,
    /// Port of the connection.
    pub port: u16,
    /// Fingerprints (`SHA256:..`) of the only keys that are accepted. If there are any, neither the
    /// known hosts nor the policy apply.
    pub pinned: Vec<String>,
    /// Address of the client.
    pub client: IpAddr,
    /// The client's dialect has questions to the user.
    pub can_ask: bool,
}

/// Host-key policy of one connection.
pub struct HostKeyCheck {
    policy: HostKeyPolicy,
    new_keys: NewKeyBounds,
    store: Store,
    /// File of the known hosts, for the log.
    file: PathBuf,
    checked: CheckedHost,
    /// Entries for the host in that file.
    record: HostRecord,
}

/// Next step for a key that passed the check so far.
pub(super) enum KeyAction {
    Accept,
    /// The key is new, and is to be stored by [`HostKeyCheck::remember`].
    Remember,
    /// The key is new, and the user decides.
    Ask {
        event: SshEvent,
        answer: Receiver<bool>,
    },
}

impl HostKeyCheck {
    /// Looks up the host's entries, once for the connection: on a worker, among the client's jobs,
    /// where the file is large.
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
            file: config.known_hosts.clone(),
            checked,
            record,
        })
    }

    /// Checks the host's key.
    pub(super) fn check(&self, key: &PublicKey) -> Result<KeyAction, HostKeyProblem> {
        if !self.checked.pinned.is_empty() {
            return self.check_pinned(key);
        }
        if self.policy == HostKeyPolicy::Off {
            return Ok(KeyAction::Accept);
        }
        match self.record.check(key) {
            HostKeyVerdict::Known => Ok(KeyAction::Accept),
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

    fn check_pinned(&self, key: &PublicKey) -> Result<KeyAction, HostKeyProblem> {
        let fingerprint = key.fingerprint(HashAlg::Sha256).to_string();
        if self.checked.pinned.contains(&fingerprint) {
            return Ok(KeyAction::Accept);
        }
        self.log_refusal(key, None, "not in host_keys of the named target");
        Err(HostKeyProblem::NotPinned)
    }

    /// Checks a host certificate, which servers send only where [`Self::wants_certificate`].
    pub(super) fn check_certificate(
        &self,
        certificate: &Certificate,
    ) -> Result<(), HostKeyProblem> {
        let key = PublicKey::new(certificate.public_key().clone(), "");
        let authority = certificate.signature_key();
        let refuse = |problem| {
            self.log_refusal(&key, None, &format!("certificate: {problem}"));
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
                self.log_refusal(&key, Some(line), "the key or its authority is revoked");
                Err(HostKeyProblem::Revoked)
            }
        }
    }

    /// Returns whether host certificates are offered: an authority for this host is on record.
    /// Servers without a certificate then present a plain key.
    pub(super) fn wants_certificate(&self) -> bool {
        self.record.has_authority()
    }

    fn unknown(&self, key: &PublicKey) -> Result<KeyAction, HostKeyProblem> {
        match self.policy {
            HostKeyPolicy::Off => Ok(KeyAction::Accept),
            HostKeyPolicy::Strict => {
                self.log_refusal(key, None, "unknown");
                Err(HostKeyProblem::Unknown)
            }
            HostKeyPolicy::AcceptNew => Ok(KeyAction::Remember),
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
                Ok(KeyAction::Ask { event, answer })
            }
            HostKeyPolicy::Ask => {
                self.log_refusal(key, None, "unknown, and the client cannot be asked");
                Err(HostKeyProblem::CannotAsk)
            }
        }
    }

    /// Stores a new key.
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
            Ok(()) => {
                self.log_new_key(key);
                Ok(())
            }
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
                    "a new host key was not stored; raise ssh.new_host_keys_per_client, or add the key to \
                     ssh.known_hosts"
                );
                Err(HostKeyProblem::TooManyNew)
            }
            Err(error) => {
                tracing::error!(
                    host,
                    port,
                    known_hosts = %self.file.display(),
                    %error,
                    "a new host key could not be stored; check the file and its directory"
                );
                Err(HostKeyProblem::NotStored)
            }
        }
    }

    /// Returns the algorithms of the host's known keys, which are to be offered first.
    pub(super) fn known_algorithms(&self) -> Vec<Algorithm> {
        self.record.algorithms()
    }

    /// Logs the key that the host presented; `line` is that of the entry it conflicts with.
    fn log_refusal(&self, key: &PublicKey, line: Option<usize>, problem: &str) {
        tracing::warn!(
            host = self.checked.host,
            port = self.checked.port,
            problem,
            algorithm = key.algorithm().as_str(),
            fingerprint = %key.fingerprint(HashAlg::Sha256),
            known_hosts = %self.file.display(),
            known_hosts_line = line,
            "host key refused; compare the fingerprint on the host itself before you change an entry"
        );
    }

    fn log_new_key(&self, key: &PublicKey) {
        tracing::info!(
            host = self.checked.host,
            port = self.checked.port,
            algorithm = key.algorithm().as_str(),
            fingerprint = %key.fingerprint(HashAlg::Sha256),
            known_hosts = %self.file.display(),
            "new host key accepted and stored"
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
