//! Memory, of the machine and of the cgroup.

use super::super::finding::{CapUnit, Finding};
use super::{Checked, Demand, cgroup_limit, known};
use crate::tools::text::size;

/// User space of an idle session; measured (perf/README.md): about 64 KiB.
const IDLE_SESSION: u64 = 64 * 1024;

/// Memory of the process before its first session: rings, tables, code.
const PROCESS_MEMORY: u64 = 64 * 1024 * 1024;

pub(super) fn machine(demand: &Demand<'_>) -> Checked {
    let have = known(demand.facts.memory, "/proc/meminfo")?;
    Ok(check_memory(demand, have))
}

pub(super) fn cgroup(demand: &Demand<'_>) -> Checked {
    let have = cgroup_limit(demand, |cgroup| cgroup.memory)?;
    Ok(check_memory(demand, have))
}

/// Checks the memory of all sessions with full buffers: above the limit the process is killed.
fn check_memory(demand: &Demand<'_>, have: u64) -> Finding {
    let websocket = &demand.config.websocket;
    let buffers = websocket.read_buffer_size.bytes() + websocket.write_buffer_size.bytes();
    let each = IDLE_SESSION + buffers as u64;
    let usable = have.saturating_sub(PROCESS_MEMORY);
    let needed = demand.sessions() * each + PROCESS_MEMORY;
    Finding::ok(size(have)).capped(usable / each, CapUnit::Sessions, demand.sessions(), || {
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
