//! Choice of the CPUs that the shards are pinned to, of those that the process may use.

use crate::config::{Server, Shards, spell_cpus};

/// Reason why the shards cannot be pinned as asked for.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub enum CpuError {
    /// The CPUs that the process may use are unknown.
    #[error(
        "the CPUs this process may use cannot be determined; is /proc or sched_getaffinity blocked?"
    )]
    Unknown,
    /// `server.cpus` names CPUs the process may not use.
    #[error(
        "server.cpus names CPU {cpu}, which this process may not use; it may use {}",
        spell_cpus(.allowed.iter().copied())
    )]
    NotAllowed {
        /// Number of the CPU.
        cpu: usize,
        /// CPUs that the process may use.
        allowed: Vec<usize>,
    },
    /// More shards than CPUs.
    #[error(
        "server.shards is {shards}, but there are {cpus} CPUs to pin them to; \
         lower it or widen server.cpus"
    )]
    TooFew {
        /// Value of `server.shards`.
        shards: usize,
        /// Number of CPUs to pin them to.
        cpus: usize,
    },
}

/// Returns one CPU per shard. To be called before any thread is pinned.
///
/// `core_affinity` reads the mask of the process, so taskset and cpusets are honoured.
pub(super) fn choose(server: &Server) -> Result<Vec<usize>, CpuError> {
    let allowed: Vec<usize> = core_affinity::get_core_ids()
        .filter(|ids| !ids.is_empty())
        .ok_or(CpuError::Unknown)?
        .into_iter()
        .map(|core| core.id)
        .collect();
    pick(&allowed, server.cpus.iter().collect(), server.shards)
}

/// Returns one CPU per shard of those that the process may use.
///
/// # Errors
/// [`CpuError`]: more is asked for than is allowed.
pub fn pick(allowed: &[usize], wanted: Vec<usize>, shards: Shards) -> Result<Vec<usize>, CpuError> {
    if let Some(cpu) = wanted.iter().find(|cpu| !allowed.contains(cpu)) {
        return Err(CpuError::NotAllowed {
            cpu: *cpu,
            allowed: allowed.to_vec(),
        });
    }
    let mut cpus = if wanted.is_empty() {
        allowed.to_vec()
    } else {
        wanted
    };
    if let Shards::Count(count) = shards {
        let count = usize::from(count);
        if count > cpus.len() {
            return Err(CpuError::TooFew {
                shards: count,
                cpus: cpus.len(),
            });
        }
        cpus.truncate(count);
    }
    Ok(cpus)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn auto_takes_all_and_a_count_the_first() {
        assert_eq!(pick(&[0, 2, 5], vec![], Shards::Auto), Ok(vec![0, 2, 5]));
        assert_eq!(pick(&[0, 2, 5], vec![], Shards::Count(2)), Ok(vec![0, 2]));
        assert_eq!(pick(&[0, 2, 5], vec![2, 5], Shards::Auto), Ok(vec![2, 5]));
        assert_eq!(pick(&[0, 2, 5], vec![5], Shards::Count(1)), Ok(vec![5]));
    }

    #[test]
    fn cpus_that_do_not_exist_are_an_error() {
        assert_eq!(
            pick(&[0, 1], vec![3], Shards::Auto),
            Err(CpuError::NotAllowed {
                cpu: 3,
                allowed: vec![0, 1]
            })
        );
        assert_eq!(
            pick(&[0, 1], vec![], Shards::Count(3)),
            Err(CpuError::TooFew { shards: 3, cpus: 2 })
        );
        let error = pick(&[0, 1, 2, 5], vec![3], Shards::Auto).unwrap_err();
        assert!(error.to_string().ends_with("it may use 0-2,5"), "{error}");
    }
}
