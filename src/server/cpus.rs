//! Which CPUs the shards are pinned to.

use crate::config::{Server, Shards};

/// The CPUs asked for are not to be had.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub enum CpuError {
    /// The system does not tell which CPUs the process may use.
    #[error(
        "the CPUs this process may use cannot be determined; is /proc or sched_getaffinity blocked?"
    )]
    Unknown,
    /// `server.cpus` names CPUs the process may not use.
    #[error("server.cpus names CPU {cpu}, which this process may not use; it may use {allowed:?}")]
    NotAllowed {
        /// The CPU.
        cpu: usize,
        /// Those it may use.
        allowed: Vec<usize>,
    },
    /// More shards than CPUs.
    #[error(
        "server.shards is {shards}, but there are {cpus} CPUs to pin them to; \
         lower it or widen server.cpus"
    )]
    TooFew {
        /// Shards asked for.
        shards: usize,
        /// CPUs there are.
        cpus: usize,
    },
}

/// One CPU per shard. To be called before any thread is pinned.
///
/// `core_affinity` asks for the process's own mask, so taskset and cpusets
/// are honoured.
pub(super) fn choose(server: &Server) -> Result<Vec<usize>, CpuError> {
    let allowed: Vec<usize> = core_affinity::get_core_ids()
        .filter(|ids| !ids.is_empty())
        .ok_or(CpuError::Unknown)?
        .into_iter()
        .map(|core| core.id)
        .collect();
    pick(&allowed, server.cpus.iter().collect(), server.shards)
}

/// One CPU per shard of those that the process may use.
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
    fn what_is_not_there_is_an_error() {
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
    }
}
