//! The terms sessions are served on: what a reload replaces as one.

use crate::config::{Config, Loaded};
use crate::ssh::SshSettings;
use crate::targets::{OwnListeners, Policy, PolicyErrors};
use crate::ticket::{KeyError, Tickets};
use crate::workers::Workers;
use crate::ws::{Tls, TlsError};
use arc_swap::ArcSwap;
use std::sync::Arc;

/// The configuration and what is made of it. A session keeps those it started
/// with; whether its target is allowed it asks the latest.
pub struct Terms {
    /// The configuration.
    pub config: Arc<Config>,
    /// The configuration with the source of each value.
    pub loaded: Loaded,
    /// Which targets are allowed.
    pub policy: Policy,
    /// Which admission tickets are good; `None` if they are off.
    pub tickets: Option<Tickets>,
    /// Options of the SSH side.
    pub ssh: SshSettings,
    /// What the public port speaks TLS with, if it does.
    pub tls: Option<Tls>,
}

/// Why a configuration cannot be put in force.
#[derive(Debug, thiserror::Error)]
pub enum TermsError {
    /// Rules of `targets` that cannot be read, all of them.
    #[error("{0}")]
    Policy(#[from] PolicyErrors),
    /// The certificate or its key.
    #[error(transparent)]
    Tls(#[from] TlsError),
    /// The key of admission tickets cannot be used.
    #[error("{0}")]
    TicketKey(#[from] KeyError),
}

/// The latest terms, shared by every shard; read without a lock.
pub type LatestTerms = Arc<ArcSwap<Terms>>;

impl Terms {
    /// Everything that keeps a configuration from being put in force.
    pub fn check(config: &Config) -> Vec<TermsError> {
        let policy = Policy::read(&config.targets).err().map(TermsError::from);
        let tickets = Tickets::from_settings(&config.admission).err();
        let tls = Tls::load(&config.tls).err();
        let mut found: Vec<TermsError> = policy.into_iter().collect();
        found.extend(tickets.map(TermsError::from));
        found.extend(tls.map(TermsError::from));
        found
    }

    /// The terms of a configuration; `own` is where this process listens.
    /// Reads the files of `tls` and `admission`.
    ///
    /// # Errors
    /// [`TermsError`].
    pub fn new(loaded: Loaded, workers: Workers, own: OwnListeners) -> Result<Self, TermsError> {
        let config = Arc::clone(&loaded.config);
        Ok(Self {
            policy: Policy::read(&config.targets)?.with_own(own),
            tickets: Tickets::from_settings(&config.admission)?,
            ssh: SshSettings::new(config.ssh.clone(), workers),
            tls: Tls::load(&config.tls)?,
            config,
            loaded,
        })
    }
}
