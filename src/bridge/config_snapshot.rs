//! One immutable snapshot of the configuration and of everything built from it (policy, TLS,
//! tickets, SSH options), replaced as a whole by a reload.
//!
//! A session keeps the snapshot it started with, and reads the latest one only to check its target.
//! Does not watch files and does not decide when to reload.

use crate::config::{Config, Loaded};
use crate::ssh::SshSettings;
use crate::targets::{OwnListeners, Policy, PolicyErrors};
use crate::ticket::{KeyError, Tickets};
use crate::workers::Workers;
use crate::ws::{Tls, TlsError};
use arc_swap::ArcSwap;
use std::sync::Arc;

/// A configuration and everything built from it.
pub struct ConfigSnapshot {
    /// Values of `loaded`, without their sources.
    pub config: Arc<Config>,
    /// Values, each with its source.
    pub loaded: Loaded,
    /// Rules on targets, compiled from `config`.
    pub policy: Policy,
    /// Verifier of admission tickets; `None` if they are off.
    pub tickets: Option<Tickets>,
    /// Options of the SSH side.
    pub ssh: SshSettings,
    /// Certificate and key of the public port; `None` without TLS.
    pub tls: Option<Tls>,
}

/// Reason for which a configuration cannot be put in force.
#[derive(Debug, thiserror::Error)]
pub enum SnapshotError {
    /// All rules of `targets` that cannot be parsed.
    #[error("{0}")]
    Policy(#[from] PolicyErrors),
    /// The certificate or its key cannot be used.
    #[error(transparent)]
    Tls(#[from] TlsError),
    /// The key of admission tickets cannot be used.
    #[error("{0}")]
    TicketKey(#[from] KeyError),
}

/// The latest snapshot, shared by every shard; read without a lock.
pub type SharedSnapshot = Arc<ArcSwap<ConfigSnapshot>>;

impl ConfigSnapshot {
    /// Returns everything that keeps a configuration from being put in force.
    pub fn check(config: &Config) -> Vec<SnapshotError> {
        let policy = Policy::parse(&config.targets).err().map(Into::into);
        let tickets = Tickets::from_settings(&config.admission);
        let tickets = tickets.err().map(Into::into);
        let tls = Tls::load(&config.tls).err().map(Into::into);
        [policy, tickets, tls].into_iter().flatten().collect()
    }

    /// Builds the snapshot of a configuration; `own` is where this process listens. Reads the files
    /// of `tls` and `admission`.
    ///
    /// # Errors
    /// [`SnapshotError`].
    pub fn new(loaded: Loaded, workers: Workers, own: OwnListeners) -> Result<Self, SnapshotError> {
        let config = Arc::clone(&loaded.config);
        Ok(Self {
            policy: Policy::parse(&config.targets)?.with_own(own),
            tickets: Tickets::from_settings(&config.admission)?,
            ssh: SshSettings::new(config.ssh.clone(), workers),
            tls: Tls::load(&config.tls)?,
            config,
            loaded,
        })
    }
}
