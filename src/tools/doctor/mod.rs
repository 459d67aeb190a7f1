//! `sshard doctor`: checks whether this host can hold as many sessions as the configuration allows,
//! and names the lowest limit and what to change. Reads `/proc` and `/sys`, makes a ring, opens no
//! port and changes nothing.
//!
//! `facts` reads files, `parse` parses them, `checks` compares (pure), `report` prints.

mod checks;
mod facts;
mod finding;
mod parse;
mod report;
#[cfg(test)]
mod tests;

use super::{ToolError, print_report};
use crate::cli::Doctor;
use crate::config::{Config, Loaded};
use crate::server::{CpuError, machine, pick_cpus};
use checks::Demand;
use facts::Facts;
use finding::Finding;
use report::Report;
use std::path::Path;

/// Reason why the host does not suffice, or could not be checked.
#[derive(Debug, thiserror::Error)]
pub enum DoctorError {
    /// Too few sessions fit; the report names what falls short.
    #[error("{sessions} sessions do not fit; checks that fall short: {count}")]
    FallsShort {
        /// Number of checks that fail.
        count: usize,
        /// Number of sessions asked for.
        sessions: u32,
    },
    /// The shards have no CPUs.
    #[error(transparent)]
    Cpus(#[from] CpuError),
}

/// Checks this machine and prints the report.
///
/// # Errors
/// [`ToolError`]; [`DoctorError::FallsShort`] after the report is printed.
pub fn run(loaded: &Loaded, flags: &Doctor) -> Result<(), ToolError> {
    let root = flags.root.as_deref();
    let mut facts = Facts::read(root.unwrap_or(Path::new("/")));
    // A tree copied from elsewhere has no kernel behind it.
    facts.ring = root
        .is_none()
        .then(|| machine::check_io_uring().map_err(|error| error.to_string()));
    let report = examine(&facts, &loaded.config, flags.sessions)?;
    print_report(&report, flags.json, Report::text)?;
    match report.failed_checks() {
        0 => Ok(()),
        count => Err(DoctorError::FallsShort {
            count,
            sessions: report.sessions,
        }
        .into()),
    }
}

/// Runs the checks. `sessions` replaces `limits.max_connections`; None keeps it.
fn examine(facts: &Facts, config: &Config, sessions: Option<u32>) -> Result<Report, DoctorError> {
    let configured = config.limits.max_connections;
    let sessions = sessions.unwrap_or(configured);
    let mut config = config.clone();
    config.limits.max_connections = sessions;
    let allowed = facts.allowed_cpus.as_ref().ok_or(CpuError::Unknown)?;
    let wanted = config.server.cpus.iter().collect();
    let cpus = pick_cpus(allowed, wanted, config.server.shards)?;
    let demand = Demand {
        facts,
        config: &config,
        cpus: &cpus,
        configured,
    };
    let checks: Vec<Finding> = checks::all(&demand);
    Ok(Report {
        sessions,
        fits: !checks.iter().any(Finding::falls_short),
        shards: cpus.len(),
        at_most: finding::lowest(&checks),
        checks,
    })
}
