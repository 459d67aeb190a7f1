//! Requirements of the machine: io_uring, locked memory, file descriptors. Each refusal is a
//! sentence that names what to change.

use crate::config::Config;
use crate::runtime;
use rustix::process::{
    DumpableBehavior, Resource, Rlimit, getrlimit, set_dumpable_behavior, setrlimit,
};
use std::io;

/// Locked memory that glommio's rings need, in bytes per process.
pub const MIN_MEMLOCK: u64 = 512 * 1024;

/// Descriptors of one session: the WebSocket and the SSH connection.
const PER_SESSION: u64 = 2;
/// Descriptors of one shard: rings, event and timer descriptors, listeners, duplicates.
const PER_SHARD: u64 = 32;
/// Descriptors of each thread that may be looking a name up, those that hang included.
const PER_RESOLVER: u64 = 4;
/// Descriptors of the process: log, audit log, known hosts, signals.
const PER_PROCESS: u64 = 32;

/// The host lacks something.
#[derive(Debug, thiserror::Error)]
pub enum MachineError {
    /// RLIMIT_MEMLOCK is too low.
    #[error(
        "the limit of locked memory is {have} bytes, and io_uring needs {need}; \
         raise it with `ulimit -l 8192`, LimitMEMLOCK= in systemd, or --ulimit memlock= in a container"
    )]
    Memlock {
        /// Limit of the process.
        have: u64,
        /// Least limit that is enough.
        need: u64,
    },
    /// RLIMIT_NOFILE is too low.
    #[error(
        "the limit of open files is {have}, and limits.max_connections, \
         limits.max_unauthenticated and server.max_handshakes together need {need}; raise it \
         with `ulimit -n {need}` or \
         LimitNOFILE= in systemd, or lower the limits"
    )]
    Nofile {
        /// Hard limit of the process.
        have: u64,
        /// Least limit that is enough.
        need: u64,
    },
    /// io_uring is missing or forbidden.
    #[error(
        "io_uring cannot be used ({detail}); sshard needs Linux 5.8 or newer, \
         kernel.io_uring_disabled=0, and a container whose seccomp profile allows io_uring_setup"
    )]
    IoUring {
        /// Error of the system.
        detail: String,
    },
    /// Core dumps cannot be turned off.
    #[error("core dumps cannot be turned off: {0}; server.core_dumps=true leaves them as they are")]
    CoreDumps(io::Error),
}

/// Unless `server.core_dumps` allows it: no core dump, to a file or to a program (which a limit of
/// 0 alone does not stop, core(5)), and no other process of the same user may read this one's
/// memory. Root may.
pub(super) fn limit_core_dumps(config: &Config) -> Result<(), MachineError> {
    if config.server.core_dumps {
        return Ok(());
    }
    let none = Rlimit {
        current: Some(0),
        maximum: Some(0),
    };
    setrlimit(Resource::Core, none)
        .and_then(|()| set_dumpable_behavior(DumpableBehavior::NotDumpable))
        .map_err(|errno| MachineError::CoreDumps(errno.into()))
}

/// Checks the limits of this machine against the configured sessions.
pub(super) fn check(config: &Config, shards: usize) -> Result<(), MachineError> {
    check_memlock(getrlimit(Resource::Memlock).current)?;
    check_files(config, shards)?;
    check_io_uring()
}

/// Raises the soft limit of open files to the hard one, and checks that it allows as many
/// connections as `config`.
pub(super) fn check_files(config: &Config, shards: usize) -> Result<(), MachineError> {
    let limit = getrlimit(Resource::Nofile);
    if limit.current != limit.maximum {
        let raised = Rlimit {
            current: limit.maximum,
            maximum: limit.maximum,
        };
        if let Err(error) = setrlimit(Resource::Nofile, raised) {
            tracing::warn!(%error, "the soft limit of open files cannot be raised; it stays as it is");
        }
    }
    let need = files_needed(config, shards);
    match getrlimit(Resource::Nofile).current {
        Some(have) if have < need => Err(MachineError::Nofile { have, need }),
        _ => Ok(()),
    }
}

/// Open files that as many connections as `config` allows can need at once.
pub fn files_needed(config: &Config, shards: usize) -> u64 {
    u64::from(config.limits.max_connections) * PER_SESSION + files_without_sessions(config, shards)
}

/// The highest `limits.max_connections` that so many open files are enough for.
pub fn sessions_of_files(config: &Config, shards: usize, files: u64) -> u64 {
    files.saturating_sub(files_without_sessions(config, shards)) / PER_SESSION
}

/// Open files besides those of the sessions.
fn files_without_sessions(config: &Config, shards: usize) -> u64 {
    // A session counts once: before login in the pool, afterwards in the connections. Those in the
    // pool may hold both descriptors already.
    let pool = u64::from(config.limits.max_unauthenticated) * PER_SESSION;
    let per_shard = PER_SHARD + u64::from(config.server.max_handshakes);
    let lookups = u64::from(config.targets.resolver_threads) * PER_RESOLVER;
    pool + shards as u64 * per_shard + lookups + PER_PROCESS
}

/// Checks that a limit of locked memory, None for unlimited, is enough for the rings.
///
/// # Errors
/// [`MachineError::Memlock`].
pub fn check_memlock(limit: Option<u64>) -> Result<(), MachineError> {
    match limit {
        Some(have) if have < MIN_MEMLOCK => Err(MachineError::Memlock {
            have,
            need: MIN_MEMLOCK,
        }),
        _ => Ok(()),
    }
}

/// Checks that a ring can be made.
///
/// # Errors
/// [`MachineError::IoUring`].
pub fn check_io_uring() -> Result<(), MachineError> {
    runtime::check_io_uring().map_err(|detail| MachineError::IoUring { detail })
}

#[cfg(test)]
mod tests {
    use super::*;
    use rustix::process::dumpable_behavior;

    #[test]
    fn core_dumps_and_tracing_are_off_unless_allowed() {
        let mut config = Config::default();
        config.server.core_dumps = true;
        let before = (dumpable_behavior().unwrap(), getrlimit(Resource::Core));
        limit_core_dumps(&config).unwrap();
        let after = (dumpable_behavior().unwrap(), getrlimit(Resource::Core));
        assert_eq!(before, after);
        limit_core_dumps(&Config::default()).unwrap();
        assert_eq!(dumpable_behavior().unwrap(), DumpableBehavior::NotDumpable);
        let limit = getrlimit(Resource::Core);
        assert_eq!((limit.current, limit.maximum), (Some(0), Some(0)));
    }

    #[test]
    fn a_low_memlock_limit_is_named() {
        assert!(check_memlock(None).is_ok());
        assert!(check_memlock(Some(MIN_MEMLOCK)).is_ok());
        let error = check_memlock(Some(65_536));
        assert!(error.is_err_and(|e| e.to_string().contains("ulimit -l")));
    }
    #[test]
    fn files_needed_grow_with_the_sessions() {
        // As the refusal names them: see tests/operations/machine.rs.
        let mut config = Config::default();
        assert_eq!(files_needed(&config, 1), 4608);
        assert_eq!(sessions_of_files(&config, 1, 4608), 1000);
        assert_eq!(sessions_of_files(&config, 1, 4607), 999);
        assert_eq!(sessions_of_files(&config, 1, 100), 0);
        config.limits.max_connections = 999;
        assert_eq!(files_needed(&config, 1), 4606);
    }
}
