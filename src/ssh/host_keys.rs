//! Host-key policy: decides whether a server's key or certificate is accepted, refused, stored or
//! shown to the user, and logs each refusal and each new key. The known keys are in `known_hosts`;
//! the session shows the question to the user.

use super::known_hosts::{HostKeyVerdict, HostRecord, NewKey, NewKeyBounds, RememberError, Store};
use super::{SshEvent, SshEvents, SshSettings, host_certificates};
use crate::config::HostKeyPolicy;
use crate::error::{HostKeyProblem, SessionError};
use crate::message::KeyRecord;
use russh::keys::{Algorithm, Certificate, HashAlg, PublicKey};
use send_wrapper::SendWrapper;
use std::net::IpAddr;
use std::path::PathBuf;
use std::rc::Rc;

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

impl HostKeyCheck {
    /// Looks up the host's entries, once for the connection: on a worker, as a job of the client,
    /// if the file is slow to search (`KnownHosts::is_quick`).
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
            let (host, port, client) = (&checked.host, checked.port, checked.client);
            store.look_up(&settings.workers, client, host, port).await?
        } else {
            HostRecord::default()
        };
        Ok(Self {
            policy,
            new_keys: NewKeyBounds {
                per_client: config.new_host_keys_per_client,
                period: config.new_host_keys_period,
                max_lines: config.max_known_hosts_lines,
            },
            store: store.clone(),
            file: config.known_hosts.clone(),
            checked,
            record,
        })
    }

    /// Checks the host's key. A new one is stored, or the user is asked through `events`, if the
    /// policy says so.
    pub(super) async fn check(
        &self,
        key: &PublicKey,
        events: &SendWrapper<Rc<dyn SshEvents>>,
    ) -> Result<(), HostKeyProblem> {
        if !self.checked.pinned.is_empty() {
            let fingerprint = key.fingerprint(HashAlg::Sha256).to_string();
            if self.checked.pinned.contains(&fingerprint) {
                return Ok(());
            }
            return Err(self.not_pinned(key, &fingerprint));
        }
        match self.record.check(key) {
            HostKeyVerdict::Known => return Ok(()),
            HostKeyVerdict::Changed { line } => return Err(self.changed(key, line)),
            HostKeyVerdict::Revoked { line } => return Err(self.revoked(key, line)),
            HostKeyVerdict::Unknown => {}
        }
        match self.policy {
            HostKeyPolicy::Off => Ok(()),
            HostKeyPolicy::Strict => {
                Err(self.refuse(HostKeyProblem::Unknown, key, None, "unknown"))
            }
            HostKeyPolicy::AcceptNew => self.remember(key).await,
            HostKeyPolicy::Ask if self.checked.can_ask => self.ask(key, events).await,
            HostKeyPolicy::Ask => {
                let text = "unknown, and the client cannot be asked";
                Err(self.refuse(HostKeyProblem::CannotAsk, key, None, text))
            }
        }
    }

    /// Checks a host certificate, which servers send only where [`Self::wants_certificate`].
    pub(super) fn check_certificate(
        &self,
        certificate: &Certificate,
    ) -> Result<(), HostKeyProblem> {
        let (certified, authority) = (certificate.public_key(), certificate.signature_key());
        let key = PublicKey::new(certified.clone(), "");
        let refuse = |problem| {
            let text = format!("certificate: {problem}");
            self.refuse(HostKeyProblem::Certificate(problem), &key, None, &text)
        };
        let host = &self.checked.host;
        host_certificates::check(certificate, host, crate::clock::wall()).map_err(refuse)?;
        // A revocation has precedence.
        let revoked = self.record.revoked(authority);
        if let Some(line) = revoked.or_else(|| self.record.revoked(certified)) {
            let text = "the key or its authority is revoked";
            return Err(self.refuse(HostKeyProblem::Revoked, &key, Some(line), text));
        }
        if !self.record.is_authority(authority) {
            return Err(refuse("its authority is not on record for this host"));
        }
        Ok(())
    }

    /// Returns whether host certificates are offered: an authority for this host is on record.
    /// Servers without a certificate then present a plain key.
    pub(super) fn wants_certificate(&self) -> bool {
        self.record.has_authority()
    }

    /// Asks the user about a new key.
    async fn ask(
        &self,
        key: &PublicKey,
        events: &SendWrapper<Rc<dyn SshEvents>>,
    ) -> Result<(), HostKeyProblem> {
        let (sender, answer) = async_channel::bounded(1);
        events.event(SshEvent::HostKeyQuestion {
            algorithm: key.algorithm().as_str().to_owned(),
            fingerprint: key.fingerprint(HashAlg::Sha256).to_string(),
            known: match self.record.has_authority() {
                true => KeyRecord::Changed,
                false => KeyRecord::New,
            },
            answer: sender,
        });
        match answer.recv().await {
            Ok(true) => Ok(()),
            _ => Err(HostKeyProblem::Refused),
        }
    }

    /// Stores a new key.
    async fn remember(&self, key: &PublicKey) -> Result<(), HostKeyProblem> {
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
                tracing::info!(
                    host,
                    port,
                    algorithm = key.algorithm().as_str(),
                    fingerprint = %key.fingerprint(HashAlg::Sha256),
                    known_hosts = %self.file.display(),
                    "new host key accepted and stored"
                );
                Ok(())
            }
            Err(RememberError::Changed { line }) => Err(self.changed(key, line)),
            Err(RememberError::Revoked { line }) => Err(self.revoked(key, line)),
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

    /// Logs a key that is none of the pinned ones. A fingerprint names no type of key, so the type
    /// that the host presents cannot be chosen by it.
    fn not_pinned(&self, key: &PublicKey, fingerprint: &str) -> HostKeyProblem {
        tracing::warn!(
            host = self.checked.host,
            port = self.checked.port,
            problem = "not in host_keys of the named target",
            algorithm = key.algorithm().as_str(),
            %fingerprint,
            "host key refused; of several keys a host presents the one of this algorithm: add it to \
             host_keys, but only after you have compared the fingerprint with the server's own file"
        );
        HostKeyProblem::NotPinned
    }

    fn changed(&self, key: &PublicKey, line: usize) -> HostKeyProblem {
        self.refuse(HostKeyProblem::Changed, key, Some(line), "changed")
    }

    fn revoked(&self, key: &PublicKey, line: usize) -> HostKeyProblem {
        self.refuse(HostKeyProblem::Revoked, key, Some(line), "revoked")
    }

    /// Logs the key that the host presented and returns `problem`, which the log states as `text`;
    /// `line` is that of the entry it conflicts with.
    fn refuse(
        &self,
        problem: HostKeyProblem,
        key: &PublicKey,
        line: Option<usize>,
        text: &str,
    ) -> HostKeyProblem {
        tracing::warn!(
            host = self.checked.host,
            port = self.checked.port,
            problem = text,
            algorithm = key.algorithm().as_str(),
            fingerprint = %key.fingerprint(HashAlg::Sha256),
            known_hosts = %self.file.display(),
            known_hosts_line = line,
            "host key refused; compare the fingerprint on the host itself before you change an entry"
        );
        problem
    }
}
