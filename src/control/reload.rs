//! Reload: reads and checks the configuration and its files again, and puts all of it in force or
//! nothing. Ends no session.

use super::process::ProcessHandles;
use super::token::{SharedToken, Token, TokenError};
use crate::bridge::{ConfigSnapshot, SnapshotError};
use crate::config::{self, Change, Config, ConfigErrors, HostKeyPolicy};
use crate::limits::{Limits, with_headroom};
use crate::ssh::known_hosts::{RememberError, Store};
use crate::targets::OwnListeners;
use crate::telemetry::AuditLog;
use crate::workers::Workers;
use futures_lite::future::block_on;
use std::io;
use std::path::PathBuf;
use std::sync::Arc;

/// Settings that a reload found changed.
#[derive(Debug, Clone, Default, PartialEq, Eq, serde::Serialize)]
pub struct Reloaded {
    /// Settings whose new value is in force for new sessions.
    pub changed: Vec<&'static str>,
    /// Settings whose new value waits for a restart.
    pub needs_restart: Vec<&'static str>,
}

/// Reason why nothing was changed; it may have several lines.
#[derive(Debug, thiserror::Error)]
pub enum ReloadError {
    /// The configuration is bad.
    #[error("the configuration has errors: {0}")]
    Config(#[from] ConfigErrors),
    /// `targets` has bad rules, or a file of `tls` or the key of tickets is no good.
    #[error(transparent)]
    Snapshot(#[from] SnapshotError),
    /// The machine does not allow as many connections as the new limits.
    #[error("{0}")]
    Machine(String),
    /// The admin token cannot be used.
    #[error("admin.token_file: {0}")]
    Token(#[from] TokenError),
    /// The audit log could not be written to its new file.
    #[error("audit.file {}: {source}", .path.display())]
    Audit {
        /// Path of the new file.
        path: PathBuf,
        /// Reason why it cannot be appended to.
        source: io::Error,
    },
    /// The known hosts cannot be read.
    #[error("ssh.known_hosts: {0}")]
    KnownHosts(#[from] RememberError),
}

/// Check whether the machine allows as many connections as a configuration; the error says what it
/// lacks.
pub type MachineCheck = Box<dyn Fn(&Config) -> Result<(), String> + Send>;

/// Reads the configuration again that the server was started with. Belongs to the control thread.
pub struct Reloader {
    /// Store of known host keys.
    pub known_hosts: Store,
    /// The token of the admin listener.
    pub token: SharedToken,
    /// Worker threads that new sessions use.
    pub workers: Workers,
    /// Addresses of this process, which no session may connect to.
    pub own: OwnListeners,
    /// Asked before anything changes.
    pub machine_check: MachineCheck,
}

impl Reloader {
    /// Reads everything again. Limits, policy and known hosts are in force when it returns. Running
    /// sessions keep the deadlines they started with, and none is ended.
    ///
    /// # Errors
    /// [`ReloadError`]; everything stays as it was.
    pub fn reload(&self, process: &ProcessHandles) -> Result<Reloaded, ReloadError> {
        let Change {
            loaded,
            changed,
            needs_restart,
        } = process.snapshot.load().loaded.read_again()?;
        loaded.require_targets()?;
        let snapshot = ConfigSnapshot::new(loaded, self.workers.clone(), self.own.clone())?;
        let config = &snapshot.config;
        (self.machine_check)(config).map_err(ReloadError::Machine)?;
        let token = config.admin.token_file.as_deref().map(Token::read);
        let token = token.transpose()?.map(Arc::new);
        let moved = config.audit.file.as_deref();
        let moved = moved.filter(|_| changed.contains(&"audit.file"));
        if let Some(path) = moved {
            AuditLog::check(path).map_err(|source| ReloadError::Audit {
                path: path.to_owned(),
                source,
            })?;
        }
        // The last step that can fail.
        block_on(self.known_hosts.reload(&config.ssh.known_hosts))?;
        self.token.store(token);
        if let Some(path) = moved {
            process.audit.move_to(path);
        }
        process.limits.set_limits(limits_of(config));
        warn_of_host_keys(&config.ssh);
        process.snapshot.store(Arc::new(snapshot));
        Ok(Reloaded {
            changed,
            needs_restart,
        })
    }
}

/// Warns of settings of host keys that are most often a mistake, at the start and at each reload.
pub fn warn_of_host_keys(config: &config::Ssh) {
    let file = &config.known_hosts;
    let is_missing = !file.exists();
    match config.host_key_policy {
        HostKeyPolicy::Off => tracing::warn!(
            "ssh.host_key_policy is off: whoever answers at a target's address gets the passwords"
        ),
        HostKeyPolicy::Strict if is_missing => tracing::warn!(
            file = %file.display(),
            "the file of ssh.known_hosts does not exist: only targets with host_keys of their own \
             can be reached; write it with ssh-keyscan, and compare the fingerprints"
        ),
        HostKeyPolicy::AcceptNew | HostKeyPolicy::Ask if is_missing => tracing::warn!(
            file = %file.display(),
            "the file of ssh.known_hosts does not exist: every host key is new"
        ),
        _ => {}
    }
}

/// Returns the limits of a configuration.
pub fn limits_of(config: &Config) -> Limits {
    let config::Limits {
        max_connections,
        max_connections_per_host,
        max_unauthenticated,
        max_connections_per_client,
        connection_timeout: _,
    } = config.limits;
    Limits {
        max_connections,
        max_per_target: max_connections_per_host,
        // `LoginPool` decides who may have them.
        max_unauthenticated: with_headroom(max_unauthenticated),
        max_per_client: max_connections_per_client,
    }
}
