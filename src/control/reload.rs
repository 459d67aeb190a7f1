//! Reload: the configuration is read and checked again, and all of it is put
//! in force or nothing.

use super::token::{SharedToken, Token, TokenError};
use crate::bridge::{ConfigSnapshot, SharedSnapshot, SnapshotError};
use crate::config::{self, Change, Config, ConfigErrors};
use crate::limits::{LimitTable, Limits, with_headroom};
use crate::ssh::known_hosts::{RememberError, Store};
use crate::targets::OwnListeners;
use crate::telemetry::AuditLog;
use crate::workers::Workers;
use futures_lite::future::block_on;
use std::path::PathBuf;
use std::sync::Arc;
use std::{fmt, io};

/// What a reload changed.
#[derive(Debug, Clone, Default, PartialEq, Eq, serde::Serialize)]
pub struct Reloaded {
    /// Settings whose new value is in force, for new sessions.
    pub changed: Vec<&'static str>,
    /// Settings whose new value waits for a restart.
    pub needs_restart: Vec<&'static str>,
}

/// Why nothing was changed.
#[derive(Debug, thiserror::Error)]
pub enum ReloadError {
    /// The configuration is bad.
    #[error("the configuration has errors:\n{0}")]
    Config(#[from] ConfigErrors),
    /// `targets` has bad rules, or a file of `tls` or the key of tickets is no good.
    #[error(transparent)]
    Snapshot(#[from] SnapshotError),
    /// The host cannot bear the new limits.
    #[error("{0}")]
    Host(String),
    /// The administrator's token cannot be used.
    #[error("admin.token_file: {0}")]
    Token(#[from] TokenError),
    /// The audit log could not be written to its new file.
    #[error("audit.file {}: {source}", .path.display())]
    Audit {
        /// The new file.
        path: PathBuf,
        /// Why it cannot be appended to.
        source: io::Error,
    },
    /// The known hosts cannot be read.
    #[error("ssh.known_hosts: {0}")]
    KnownHosts(#[from] RememberError),
}

/// Whether the host can bear a configuration; the error says what it lacks.
pub type HostCheck = Box<dyn Fn(&Config) -> Result<(), String> + Send>;

/// Reads again what the server was started with. One thread's.
pub struct Reloader {
    /// What sessions are served on.
    pub snapshot: SharedSnapshot,
    /// The limits of the process.
    pub limits: Arc<LimitTable>,
    /// Known host keys.
    pub known_hosts: Store,
    /// The token of the administrator's listener.
    pub token: SharedToken,
    /// Who did what.
    pub audit: AuditLog,
    /// For the new snapshot.
    pub workers: Workers,
    /// For the new snapshot, too.
    pub own: OwnListeners,
    /// Asked before anything changes.
    pub host_check: HostCheck,
}

impl Reloader {
    /// Reads everything again. Limits, policy and known hosts are in force
    /// when it returns; sessions there keep the deadlines they started with,
    /// and none is ended.
    ///
    /// # Errors
    /// [`ReloadError`]; everything stays as it was.
    pub fn reload(&self) -> Result<Reloaded, ReloadError> {
        let Change {
            loaded,
            changed,
            needs_restart,
        } = self.snapshot.load().loaded.read_again()?;
        loaded.require_targets()?;
        let snapshot = ConfigSnapshot::new(loaded, self.workers.clone(), self.own.clone())?;
        let config = &snapshot.config;
        (self.host_check)(config).map_err(ReloadError::Host)?;
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
            self.audit.move_to(path);
        }
        self.limits.set_limits(limits_of(config));
        self.snapshot.store(Arc::new(snapshot));
        Ok(Reloaded {
            changed,
            needs_restart,
        })
    }
}

/// The limits a configuration asks for.
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
        // Who may have them is for `LoginPool` to say.
        max_unauthenticated: with_headroom(max_unauthenticated),
        max_per_client: max_connections_per_client,
    }
}

impl fmt::Display for Reloaded {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let list = |keys: &[&str]| match keys {
            [] => "none".to_owned(),
            keys => keys.join(", "),
        };
        write!(
            f,
            "changed: {}; waiting for a restart: {}",
            list(&self.changed),
            list(&self.needs_restart)
        )
    }
}
