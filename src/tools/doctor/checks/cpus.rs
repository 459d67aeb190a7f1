//! The shards' CPUs: memory nodes, shared cores, clock, quota; and how many threads there may be.

use super::super::finding::{CapUnit, Finding};
use super::{Checked, Demand, cgroup_limit};
use crate::tools::text::counted;
use std::collections::BTreeSet;

/// CPU of a user who types 4 keys a second, in millionths of one, on the safe side: 66 us for each
/// key and its echo in a quiet hour (perf/SIZING.md), up to twice as much on a busy host.
const TYPING: u64 = 4 * 126;

/// Threads of a shard: its own, its ring's in the kernel, one for key derivation.
const PER_SHARD: u64 = 3;
/// Threads of each resolver thread, while look-ups hang.
const PER_RESOLVER: u64 = 4;
/// Threads of the process: log, audit, signals, the admin listener.
const PROCESS_THREADS: u64 = 16;

pub(super) fn numa(demand: &Demand<'_>) -> Checked {
    let nodes = &demand.facts.nodes;
    let used: BTreeSet<usize> = nodes
        .iter()
        .filter(|(_, cpus)| demand.cpus.iter().any(|cpu| cpus.contains(cpu)))
        .map(|(node, _)| *node)
        .collect();
    let found = Finding::ok(format!("{}, shards on {}", nodes.len(), used.len()));
    Ok(match nodes.len() {
        0 => Finding::ok("unknown"),
        _ if used.len() < 2 => found,
        _ => found.advised(
            "Memory of another node is slower: run one bridge for each node, with server.cpus \
             from /sys/devices/system/node/node*/cpulist.",
        ),
    })
}

/// Two shards on one core get half of it each.
pub(super) fn smt(demand: &Demand<'_>) -> Checked {
    let siblings = &demand.facts.siblings;
    let cores = demand.cpus.iter().filter_map(|cpu| siblings.get(cpu));
    let cores: BTreeSet<&Vec<usize>> = cores.collect();
    if cores.is_empty() {
        return Ok(Finding::ok("unknown"));
    }
    let (shards, count) = (demand.cpus.len(), cores.len());
    let found = Finding::ok(format!(
        "{} on {}",
        counted(shards as u64, "shard"),
        counted(count as u64, "core")
    ));
    if count >= shards {
        return Ok(found);
    }
    let firsts = cores.iter().filter_map(|core| core.first());
    let firsts: Vec<String> = firsts.map(ToString::to_string).collect();
    Ok(found.advised(format!(
        "Shards share cores and get less than a core each; compare with server.cpus=\"{}\".",
        firsts.join(",")
    )))
}

pub(super) fn governor(demand: &Demand<'_>) -> Checked {
    let governors = &demand.facts.governors;
    let used = demand.cpus.iter().filter_map(|cpu| governors.get(cpu));
    let used: BTreeSet<&str> = used.map(String::as_str).collect();
    if used.is_empty() {
        return Ok(Finding::ok("none"));
    }
    let found = Finding::ok(used.iter().copied().collect::<Vec<_>>().join(", "));
    if used.iter().all(|name| *name == "performance") {
        return Ok(found);
    }
    Ok(found.advised(
        "A CPU that lowers its clock between keystrokes makes echoes slower: \
         `cpupower frequency-set -g performance`.",
    ))
}

pub(super) fn quota(demand: &Demand<'_>) -> Checked {
    let milli = cgroup_limit(demand, |cgroup| cgroup.cpu)?;
    let shards = demand.shards();
    let mut found = Finding::ok(format!("{}.{:03} CPUs", milli / 1000, milli % 1000));
    let whole = (milli / 1000).max(1);
    if milli < shards * 1000 && whole < shards {
        found = found.advised(format!(
            "It is less than one CPU for each of {shards} shards, so all stop together when it \
             is used up: server.shards={whole}, or allow more."
        ));
    }
    let count = milli.min(shards * 1000) * 1000 / TYPING;
    let needed = demand.sessions();
    Ok(found.capped(count, CapUnit::Typing, needed, || {
        format!(
            "If all users type 4 keys a second that takes {:.1} CPUs: allow more, and as many \
             shards.",
            (needed * TYPING) as f64 / 1e6
        )
    }))
}

pub(super) fn pids(demand: &Demand<'_>) -> Checked {
    let have = cgroup_limit(demand, |cgroup| cgroup.pids)?;
    let resolvers = u64::from(demand.config.targets.resolver_threads);
    let need = demand.shards() * PER_SHARD + resolvers * PER_RESOLVER + PROCESS_THREADS;
    if have >= need {
        return Ok(Finding::ok(have));
    }
    let change =
        format!("The bridge may need {need} threads, whatever the sessions: allow so many.");
    Ok(Finding::fails(have, change))
}
