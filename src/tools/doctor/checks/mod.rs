//! The checks, each a pure function of the facts and the configuration. Where the bridge makes the
//! same check at its start, that code is called.

mod cpus;
mod kernel;
mod memory;
mod network;

use super::facts::Facts;
use super::finding::{CapUnit, Finding};
use crate::config::Config;

/// Demand that the host is checked against.
pub(super) struct Demand<'a> {
    pub(super) facts: &'a Facts,
    /// Configuration, with `limits.max_connections` as asked for.
    pub(super) config: &'a Config,
    /// CPUs of the shards.
    pub(super) cpus: &'a [usize],
    /// `limits.max_connections` as it is set.
    pub(super) configured: u32,
}

impl Demand<'_> {
    fn sessions(&self) -> u64 {
        self.config.limits.max_connections.into()
    }

    fn shards(&self) -> u64 {
        self.cpus.len() as u64
    }
}

/// Runs every check, in the order of the report.
pub(super) fn all(demand: &Demand<'_>) -> Vec<Finding> {
    let checks: &[fn(&Demand<'_>) -> Finding] = &[
        setting,
        kernel::release,
        kernel::io_uring,
        kernel::memlock,
        kernel::nofile,
        kernel::max_map_count,
        network::somaxconn,
        network::max_syn_backlog,
        network::port_range,
        network::socket_memory,
        memory::machine,
        cpus::numa,
        cpus::smt,
        cpus::governor,
        cpus::quota,
        memory::cgroup,
        cpus::pids,
    ];
    checks.iter().map(|check| check(demand)).collect()
}

/// Checks the limit of the configuration.
fn setting(demand: &Demand<'_>) -> Finding {
    let configured = demand.configured;
    Finding::ok("limits.max_connections", configured).capped(
        configured.into(),
        CapUnit::Sessions,
        demand.sessions(),
        || format!("Set it to {}.", demand.sessions()),
    )
}
