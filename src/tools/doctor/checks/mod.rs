//! The checks, each a pure function of the facts and the configuration. Where the bridge makes the
//! same check at its start, that code is called.

mod cpus;
mod kernel;
mod memory;
mod network;

use super::facts::{Cgroup, Facts};
use super::finding::{CapUnit, Finding};
use super::parse::Limit;
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

/// Finding of a check, or the one that stands for it where a fact is missing.
type Checked = Result<Finding, Finding>;

type Check = fn(&Demand<'_>) -> Checked;

/// Returns the fact that is in `file`.
fn known<T>(fact: Option<T>, file: &str) -> Result<T, Finding> {
    fact.ok_or_else(|| Finding::unknown(file))
}

/// Returns a limit of the cgroup, where there is one.
fn cgroup_limit(demand: &Demand<'_>, of: fn(Cgroup) -> Limit) -> Result<u64, Finding> {
    let cgroup = demand.facts.cgroup;
    let cgroup = cgroup.ok_or_else(|| Finding::ok("no cgroup version 2 here"))?;
    of(cgroup).ok_or_else(|| Finding::ok("max"))
}

/// Runs every check, in the order of the report.
pub(super) fn all(demand: &Demand<'_>) -> Vec<Finding> {
    let checks: [(&str, Check); 17] = [
        ("limits.max_connections", setting),
        ("kernel", kernel::release),
        ("io_uring", kernel::io_uring),
        ("locked memory", kernel::memlock),
        ("open files", kernel::nofile),
        ("vm.max_map_count", kernel::max_map_count),
        ("net.core.somaxconn", network::somaxconn),
        ("net.ipv4.tcp_max_syn_backlog", network::max_syn_backlog),
        ("net.ipv4.ip_local_port_range", network::port_range),
        ("net.ipv4.tcp_mem", network::socket_memory),
        ("memory", memory::machine),
        ("NUMA nodes", cpus::numa),
        ("SMT siblings", cpus::smt),
        ("cpufreq governor", cpus::governor),
        ("cgroup cpu.max", cpus::quota),
        ("cgroup memory.max", memory::cgroup),
        ("cgroup pids.max", cpus::pids),
    ];
    let named = checks.map(|(name, check)| Finding {
        name,
        ..check(demand).unwrap_or_else(|without| without)
    });
    named.into()
}

/// Checks the limit of the configuration.
fn setting(demand: &Demand<'_>) -> Checked {
    let configured = demand.configured;
    let needed = demand.sessions();
    let found = Finding::ok(configured);
    Ok(
        found.capped(configured.into(), CapUnit::Sessions, needed, || {
            format!("Set it to {needed}.")
        }),
    )
}
