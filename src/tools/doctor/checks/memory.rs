//! Memory, of the machine and of the cgroup.

use super::super::finding::{CapUnit, Finding};
use super::Demand;
use crate::tools::text::size;

/// User space of an idle session; measured (perf/README.md): about 64 KiB.
const IDLE_SESSION: u64 = 64 * 1024;

/// Memory of the process before its first session: rings, tables, code.
const BESIDES: u64 = 64 * 1024 * 1024;

pub(super) fn machine(demand: &Demand<'_>) -> Finding {
    let name = "memory";
    let Some(have) = demand.facts.memory else {
        return Finding::unknown(name, "/proc/meminfo");
    };
    judge(demand, Finding::ok(name, size(have)), have)
}

pub(super) fn cgroup(demand: &Demand<'_>) -> Finding {
    let name = "cgroup memory.max";
    let Some(limits) = demand.facts.cgroup else {
        return Finding::ok(name, "no cgroup version 2 here");
    };
    match limits.memory {
        Some(have) => judge(demand, Finding::ok(name, size(have)), have),
        None => Finding::ok(name, "max"),
    }
}

/// Checks the memory of all sessions with full buffers: above the limit the process is killed.
fn judge(demand: &Demand<'_>, found: Finding, have: u64) -> Finding {
    let websocket = &demand.config.websocket;
    let buffers = websocket.read_buffer_size.bytes() + websocket.write_buffer_size.bytes();
    let each = IDLE_SESSION + buffers as u64;
    let usable = have.saturating_sub(BESIDES);
    let needed = demand.sessions() * each + BESIDES;
    found.capped(usable / each, CapUnit::Sessions, demand.sessions(), || {
        format!(
            "A session takes {} with its buffers full ({} idle, so {} of those): allow {}, or \
             lower websocket.read_buffer_size and write_buffer_size.",
            size(each),
            size(IDLE_SESSION),
            usable / IDLE_SESSION,
            size(needed)
        )
    })
}
