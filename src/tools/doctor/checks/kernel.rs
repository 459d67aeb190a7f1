//! The kernel's version, io_uring, and the limits of a process.

use super::super::finding::{CapUnit, Finding, Verdict};
use super::super::parse::{self, Limit};
use super::Demand;
use crate::server::MachineError;
use crate::server::machine::{MIN_MEMLOCK, check_memlock, files_needed, sessions_of_files};

/// Least kernel version; glommio's rings need features of it.
const MIN_RELEASE: (u32, u32) = (5, 8);

/// Memory areas of a session whose locked buffers stand alone: the kernel splits an area where a
/// locked page meets an unlocked one. Measured: about 4.
const AREAS_PER_SESSION: u64 = 4;

/// Areas of the program, its libraries, threads and heaps.
const AREAS_BESIDES: u64 = 2000;

pub(super) fn release(demand: &Demand<'_>) -> Finding {
    let name = "kernel";
    let Some(text) = &demand.facts.release else {
        return Finding::unknown(name, "/proc/sys/kernel/osrelease");
    };
    match parse::release(text) {
        Some(found) if found < MIN_RELEASE => {
            let (major, minor) = MIN_RELEASE;
            let change =
                format!("io_uring as it is used here needs Linux {major}.{minor} or newer.");
            Finding::fails(name, text, change)
        }
        Some(_) => Finding::ok(name, text),
        None => Finding::unknown(name, "the number in /proc/sys/kernel/osrelease"),
    }
}

pub(super) fn io_uring(demand: &Demand<'_>) -> Finding {
    let name = "io_uring";
    let facts = demand.facts;
    // Absent in kernels without the switch: io_uring is on.
    let switch = facts.io_uring_disabled.unwrap_or(0);
    let value = match &facts.ring {
        Some(Ok(())) => "a ring can be made".to_owned(),
        Some(Err(_)) => format!("no ring; io_uring_disabled={switch}"),
        None => format!("not tried; io_uring_disabled={switch}"),
    };
    match (&facts.ring, switch) {
        (Some(Ok(())), _) | (None, 0) => Finding::ok(name, value),
        (Some(Err(error)), _) => Finding::fails(name, value, format!("{error}.")),
        (None, 1) => Finding::ok(name, value).advised(
            "Only members of kernel.io_uring_group and CAP_SYS_ADMIN may use it: \
             `sysctl -w kernel.io_uring_disabled=0`, or run the bridge in that group."
                .to_owned(),
        ),
        (None, _) => Finding::fails(
            name,
            value,
            "`sysctl -w kernel.io_uring_disabled=0`.".to_owned(),
        ),
    }
}

pub(super) fn memlock(demand: &Demand<'_>) -> Finding {
    let name = "locked memory";
    let Some(limit) = demand.facts.memlock else {
        return Finding::unknown(name, "/proc/self/limits");
    };
    let value = limit
        .soft
        .map_or_else(|| "unlimited".to_owned(), crate::tools::text::size);
    match check_memlock(limit.soft) {
        Err(error) => Finding::fails(name, value, format!("{error}.")),
        Ok(()) => Finding::ok(name, value),
    }
}

pub(super) fn nofile(demand: &Demand<'_>) -> Finding {
    let name = "open files";
    let Some(limit) = demand.facts.nofile else {
        return Finding::unknown(name, "/proc/self/limits");
    };
    let value = format!(
        "{} (hard {})",
        display_limit(limit.soft),
        display_limit(limit.hard)
    );
    let Some(have) = limit.hard else {
        return Finding::ok(name, value);
    };
    // The bridge raises the soft limit to the hard one.
    let shards = demand.cpus.len();
    let need = files_needed(demand.config, shards);
    let count = sessions_of_files(demand.config, shards, have);
    let mut found = Finding::ok(name, value);
    found = found.capped(count, CapUnit::Sessions, demand.sessions(), || {
        format!("{}.", MachineError::Nofile { have, need })
    });
    if have < files_needed_to_start(demand) {
        found.verdict = Verdict::Fails;
    }
    found
}

/// Checks the open files for `limits.max_connections` as it is set.
fn files_needed_to_start(demand: &Demand<'_>) -> u64 {
    let mut config = demand.config.clone();
    config.limits.max_connections = demand.configured;
    files_needed(&config, demand.cpus.len())
}

/// The buffers that hold secrets are locked, and each locked page can split two areas off.
pub(super) fn max_map_count(demand: &Demand<'_>) -> Finding {
    let name = "vm.max_map_count";
    let Some(have) = demand.facts.max_map_count else {
        return Finding::unknown(name, "/proc/sys/vm/max_map_count");
    };
    let found = Finding::ok(name, have);
    let usable = have.saturating_sub(AREAS_BESIDES);
    let locked = demand.facts.memlock.and_then(|limit| limit.soft);
    let page = demand.facts.page_size.unwrap_or(4096).max(1);
    if locked.is_some_and(|bytes| (bytes / page).saturating_mul(2) <= usable) {
        // Locking stops before the areas do.
        return found;
    }
    let needed = demand.sessions() * AREAS_PER_SESSION + AREAS_BESIDES;
    let count = usable / AREAS_PER_SESSION;
    found.capped(count, CapUnit::Sessions, demand.sessions(), || {
        format!(
            "With so much lockable memory a session takes about {AREAS_PER_SESSION} memory areas: \
             `sysctl -w vm.max_map_count={needed}`, or limit it (`ulimit -l {}`).",
            16 * MIN_MEMLOCK / 1024
        )
    })
}

fn display_limit(limit: Limit) -> String {
    limit.map_or_else(|| "unlimited".to_owned(), |limit| limit.to_string())
}
