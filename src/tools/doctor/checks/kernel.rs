//! The kernel's version, io_uring, and the limits of a process.

use super::super::finding::{CapUnit, CheckStatus, Finding};
use super::super::parse;
use super::{Checked, Demand, known};
use crate::server::MachineError;
use crate::server::machine::{MIN_MEMLOCK, check_memlock, files_needed, sessions_of_files};

/// Least kernel version; glommio's rings need features of it.
const MIN_RELEASE: (u32, u32) = (5, 8);

/// Memory areas of a session whose locked buffers stand alone: the kernel splits an area where a
/// locked page meets an unlocked one. Measured: about 4.
const AREAS_PER_SESSION: u64 = 4;

/// Areas of the program, its libraries, threads and heaps.
const PROCESS_AREAS: u64 = 2000;

pub(super) fn release(demand: &Demand<'_>) -> Checked {
    let text = known(
        demand.facts.release.as_deref(),
        "/proc/sys/kernel/osrelease",
    )?;
    Ok(match parse::release(text) {
        Some(found) if found < MIN_RELEASE => {
            let (major, minor) = MIN_RELEASE;
            let change =
                format!("io_uring as it is used here needs Linux {major}.{minor} or newer.");
            Finding::fails(text, change)
        }
        Some(_) => Finding::ok(text),
        None => Finding::unknown("the number in /proc/sys/kernel/osrelease"),
    })
}

pub(super) fn io_uring(demand: &Demand<'_>) -> Checked {
    let facts = demand.facts;
    // Absent in kernels without the switch: io_uring is on.
    let switch = facts.io_uring_disabled.unwrap_or(0);
    let value = match &facts.ring {
        Some(Ok(())) => "a ring can be made".to_owned(),
        Some(Err(_)) => format!("no ring; io_uring_disabled={switch}"),
        None => format!("not tried; io_uring_disabled={switch}"),
    };
    Ok(match (&facts.ring, switch) {
        (Some(Ok(())), _) | (None, 0) => Finding::ok(value),
        (Some(Err(error)), _) => Finding::fails(value, format!("{error}.")),
        (None, 1) => Finding::ok(value).advised(
            "Only members of kernel.io_uring_group and CAP_SYS_ADMIN may use it: \
             `sysctl -w kernel.io_uring_disabled=0`, or run the bridge in that group.",
        ),
        (None, _) => Finding::fails(value, "`sysctl -w kernel.io_uring_disabled=0`."),
    })
}

pub(super) fn memlock(demand: &Demand<'_>) -> Checked {
    let limit = known(demand.facts.memlock, "/proc/self/limits")?;
    let value = or_unlimited(limit.soft.map(crate::tools::text::size));
    Ok(match check_memlock(limit.soft) {
        Err(error) => Finding::fails(value, format!("{error}.")),
        Ok(()) => Finding::ok(value),
    })
}

pub(super) fn nofile(demand: &Demand<'_>) -> Checked {
    let limit = known(demand.facts.nofile, "/proc/self/limits")?;
    let (soft, hard) = (or_unlimited(limit.soft), or_unlimited(limit.hard));
    let mut found = Finding::ok(format!("{soft} (hard {hard})"));
    let Some(have) = limit.hard else {
        return Ok(found);
    };
    // The bridge raises the soft limit to the hard one.
    let shards = demand.cpus.len();
    let need = files_needed(demand.config, shards);
    let count = sessions_of_files(demand.config, shards, have);
    found = found.capped(count, CapUnit::Sessions, demand.sessions(), || {
        format!("{}.", MachineError::Nofile { have, need })
    });
    let mut at_start = demand.config.clone();
    at_start.limits.max_connections = demand.configured;
    if have < files_needed(&at_start, shards) {
        found.status = CheckStatus::Fails;
    }
    Ok(found)
}

/// The buffers that hold secrets are locked, and each locked page can split two areas off.
pub(super) fn max_map_count(demand: &Demand<'_>) -> Checked {
    let have = known(demand.facts.max_map_count, "/proc/sys/vm/max_map_count")?;
    let found = Finding::ok(have);
    let usable = have.saturating_sub(PROCESS_AREAS);
    let locked = demand.facts.memlock.and_then(|limit| limit.soft);
    let page = demand.facts.page_size.unwrap_or(4096).max(1);
    if locked.is_some_and(|bytes| (bytes / page).saturating_mul(2) <= usable) {
        // Locking stops before the areas do.
        return Ok(found);
    }
    let needed = demand.sessions() * AREAS_PER_SESSION + PROCESS_AREAS;
    let count = usable / AREAS_PER_SESSION;
    Ok(
        found.capped(count, CapUnit::Sessions, demand.sessions(), || {
            format!(
                "With locked memory unlimited, or its limit this high, a session takes about \
                 {AREAS_PER_SESSION} memory areas: `sysctl -w vm.max_map_count={needed}`, or lower \
                 that limit (`ulimit -l {}`).",
                16 * MIN_MEMLOCK / 1024
            )
        }),
    )
}

fn or_unlimited(limit: Option<impl ToString>) -> String {
    limit.map_or_else(|| "unlimited".to_owned(), |limit| limit.to_string())
}
