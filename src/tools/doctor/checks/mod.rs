//! The checks, each a pure function of the facts and the configuration. Where the bridge itself
//! checks the same when it starts, its own check is asked.

mod cpus;
mod kernel;
mod memory;
mod network;

use super::facts::Facts;
use super::finding::{Finding, Of};
use crate::config::Config;

/// Demand that the host is checked against.
pub(super) struct Question<'a> {
    pub(super) facts: &'a Facts,
    /// Configuration, with `limits.max_connections` as asked for.
    pub(super) config: &'a Config,
    /// CPUs of the shards.
    pub(super) cpus: &'a [usize],
    /// `limits.max_connections` as it is set.
    pub(super) configured: u32,
}

impl Question<'_> {
    fn sessions(&self) -> u64 {
        self.config.limits.max_connections.into()
    }

    fn shards(&self) -> u64 {
        self.cpus.len() as u64
    }
}

/// Every check, in the order of the report.
pub(super) fn all(question: &Question<'_>) -> Vec<Finding> {
    let checks: &[fn(&Question<'_>) -> Finding] = &[
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
    checks.iter().map(|check| check(question)).collect()
}

/// The configuration's own limit.
fn setting(question: &Question<'_>) -> Finding {
    let configured = question.configured;
    Finding::ok("limits.max_connections", configured).capped(
        configured.into(),
        Of::Sessions,
        question.sessions(),
        || format!("Set it to {}.", question.sessions()),
    )
}
