//! The terms sessions are served on: what a reload replaces as one.

use crate::config::{Config, Loaded};
use crate::ssh::SshSettings;
use crate::targets::{Policy, PolicyErrors};
use crate::ticket::{KeyError, Tickets};
use crate::workers::Workers;
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
}

/// Why there are no terms of a configuration.
#[derive(Debug, thiserror::Error)]
pub enum TermsError {
    /// Rules of `targets` that cannot be read.
    #[error("{0}")]
    Policy(#[from] PolicyErrors),
    /// The key of admission tickets cannot be used.
    #[error("{0}")]
    TicketKey(#[from] KeyError),
}

/// The latest terms, shared by every shard; read without a lock.
pub type LatestTerms = Arc<ArcSwap<Terms>>;

impl Terms {
    /// The terms of a configuration.
    ///
    /// # Errors
    /// [`TermsError`].
    pub fn new(loaded: Loaded, workers: Workers) -> Result<Self, TermsError> {
        let config = Arc::clone(&loaded.config);
        let targets = &config.targets;
        Ok(Self {
            policy: Policy::parse(&targets.allow, &targets.deny, &targets.named)?,
            tickets: Tickets::from_settings(&config.admission)?,
            ssh: SshSettings {
                config: config.ssh.clone(),
                workers,
            },
            config,
            loaded,
        })
    }
}
