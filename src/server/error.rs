//! Reasons why the server does not start, and which of them the configuration can mend.

use super::cpus::CpuError;
use super::machine::MachineError;
use crate::bridge::SnapshotError;
use crate::control::admin::AdminError;
use crate::control::takeover::TakeoverError;
use std::io;
use std::net::SocketAddr;
use std::path::Path;

/// Reason why the server did not start. Each text says what to change.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// The configuration cannot be put in force.
    #[error(transparent)]
    Snapshot(#[from] SnapshotError),
    /// The CPUs asked for are not there.
    #[error(transparent)]
    Cpus(#[from] CpuError),
    /// The machine lacks something.
    #[error(transparent)]
    Machine(#[from] MachineError),
    /// A setting names a file or an address that cannot be used.
    #[error("{key}: {source}")]
    Setting {
        /// Name of the setting.
        key: &'static str,
        /// Error of the system, with the address or file it is about.
        source: io::Error,
    },
    /// A thread or a descriptor cannot be created.
    #[error("{what}: {source}")]
    Io {
        /// Step that failed.
        what: &'static str,
        /// Error of the system.
        source: io::Error,
    },
    /// The admin listener cannot be created.
    #[error(transparent)]
    Admin(#[from] AdminError),
    /// The listeners of the process that runs could not be taken over.
    #[error("server.takeover: {0}")]
    Takeover(TakeoverError),
    /// A passed socket is reachable from other machines.
    #[error(
        "a passed socket listens on {0}, which can be reached from other machines without TLS, \
         and passwords cross it; set tls.cert_file and tls.key_file, pass a loopback one, or \
         set server.allow_plaintext=true"
    )]
    OpenSocket(SocketAddr),
    /// No passed socket is one that a proxy is to use.
    #[error("server.proxy_protocol: {0} is not the address of a passed socket")]
    NotProxied(SocketAddr),
    /// SIGTERM, SIGINT or a command to drain came before every shard listened.
    #[error("stopped by a signal or an administrator's command before every shard was listening")]
    Interrupted,
    /// A shard's thread ended before it listened.
    #[error("shard {0} could not start; the log says why")]
    Shard(usize),
}

impl StartError {
    /// Returns whether a change of the configuration, or of a file that it names, would help. It
    /// would not for a machine that lacks something or a port that another process has now.
    pub fn is_configuration(&self) -> bool {
        match self {
            Self::Snapshot(_) | Self::OpenSocket(_) | Self::NotProxied(_) => true,
            Self::Takeover(error) => error.is_configuration(),
            Self::Cpus(error) => *error != CpuError::Unknown,
            Self::Setting { source, .. } | Self::Admin(AdminError::Listen { source, .. }) => {
                source.kind() != io::ErrorKind::AddrInUse
            }
            Self::Admin(AdminError::Token(_) | AdminError::Open(_)) => true,
            Self::Admin(AdminError::Start(_))
            | Self::Machine(_)
            | Self::Io { .. }
            | Self::Interrupted
            | Self::Shard(_) => false,
        }
    }

    pub(super) fn setting(key: &'static str) -> impl Fn(io::Error) -> Self {
        move |source| Self::Setting { key, source }
    }

    pub(super) fn audit(path: &Path, error: io::Error) -> Self {
        let source = io::Error::new(error.kind(), format!("{}: {error}", path.display()));
        Self::setting("audit.file")(source)
    }
}

pub(super) fn io_error(what: &'static str) -> impl Fn(io::Error) -> StartError {
    move |source| StartError::Io { what, source }
}
