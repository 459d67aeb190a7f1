//! Limit of open files, checked before a run.

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use std::io;

/// Descriptors of neither sessions nor sink: runtime, /proc, files of the report.
const SPARE: u64 = 64;

/// Raises the soft limit of open files to the hard one, and checks that so many sessions fit.
///
/// # Errors
/// When they do not.
pub fn raise_file_limit(sessions: usize) -> io::Result<()> {
    let limit = getrlimit(Resource::Nofile);
    let hard = limit.maximum.unwrap_or(u64::MAX);
    let wanted = (sessions as u64).saturating_add(SPARE);
    if limit.current.is_some_and(|soft| soft < wanted) && hard >= wanted {
        let raised = Rlimit {
            current: limit.maximum,
            maximum: limit.maximum,
        };
        setrlimit(Resource::Nofile, raised)?;
    }
    if hard < wanted {
        return Err(io::Error::other(format!(
            "{sessions} sessions need {wanted} open files, and the limit (ulimit -Hn) is {hard}"
        )));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_limit_that_is_too_low_is_reported_before_the_run() {
        assert!(raise_file_limit(1).is_ok());
        let error = raise_file_limit(usize::MAX - 1).unwrap_err().to_string();
        assert!(error.contains("ulimit -Hn"), "{error}");
    }
}
