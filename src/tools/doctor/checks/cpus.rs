//! The shards' CPUs: memory nodes, shared cores, clock, quota; and how many threads there may be.

use super::super::finding::{CapUnit, Finding};
use super::Demand;
use std::collections::BTreeSet;

/// CPU of a user who types 4 keys a second, in millionths of one, on the safe side: 66 us for each
/// key and its echo in a quiet hour (perf/SIZING.md), up to twice as much on a busy host.
const TYPING: u64 = 4 * 126;

/// Threads of a shard: its own, its ring's in the kernel, one for key derivation.
const PER_SHARD: u64 = 3;
/// Threads of each resolver thread, while look-ups hang.
const PER_RESOLVER: u64 = 4;
/// Threads of the process: log, audit, signals, the administrator's listener.
const BESIDES: u64 = 16;

pub(super) fn numa(demand: &Demand<'_>) -> Finding {
    let name = "NUMA nodes";
    let nodes = &demand.facts.nodes;
    let used: BTreeSet<usize> = nodes
        .iter()
        .filter(|(_, cpus)| demand.cpus.iter().any(|cpu| cpus.contains(cpu)))
        .map(|(node, _)| *node)
        .collect();
    let found = Finding::ok(name, format!("{}, shards on {}", nodes.len(), used.len()));
    match nodes.len() {
        0 => Finding::ok(name, "unknown"),
        _ if used.len() < 2 => found,
        _ => found.advised(
            "Memory of another node is slower: run one bridge for each node, with server.cpus \
             from /sys/devices/system/node/node*/cpulist."
                .to_owned(),
        ),
    }
}

/// Two shards on one core get half of it each.
pub(super) fn smt(demand: &Demand<'_>) -> Finding {
    let name = "SMT siblings";
    let siblings = &demand.facts.siblings;
    let cores: BTreeSet<&Vec<usize>> = demand
        .cpus
        .iter()
        .filter_map(|cpu| siblings.get(cpu))
        .collect();
    if cores.is_empty() {
        return Finding::ok(name, "unknown");
    }
    let found = Finding::ok(
        name,
        format!("{} shards on {} cores", demand.cpus.len(), cores.len()),
    );
    if cores.len() >= demand.cpus.len() {
        return found;
    }
    let firsts = cores.iter().filter_map(|core| core.first());
    let firsts: Vec<String> = firsts.map(ToString::to_string).collect();
    found.advised(format!(
        "Shards share cores, which brings less than a core each; measure server.cpus=\"{}\" \
         against it.",
        firsts.join(",")
    ))
}

pub(super) fn governor(demand: &Demand<'_>) -> Finding {
    let name = "cpufreq governor";
    let governors = &demand.facts.governors;
    let used: BTreeSet<&str> = demand
        .cpus
        .iter()
        .filter_map(|cpu| governors.get(cpu).map(String::as_str))
        .collect();
    if used.is_empty() {
        return Finding::ok(name, "none");
    }
    let value = used.iter().copied().collect::<Vec<_>>().join(", ");
    let found = Finding::ok(name, value);
    if used.iter().all(|name| *name == "performance") {
        return found;
    }
    found.advised(
        "Clocks that are low while no key is pressed make echoes slower: \
         `cpupower frequency-set -g performance`."
            .to_owned(),
    )
}

pub(super) fn quota(demand: &Demand<'_>) -> Finding {
    let name = "cgroup cpu.max";
    let Some(limits) = demand.facts.cgroup else {
        return Finding::ok(name, "no cgroup version 2 here");
    };
    let Some(milli) = limits.cpu else {
        return Finding::ok(name, "max");
    };
    let shards = demand.shards();
    let found = Finding::ok(name, format!("{}.{:03} CPUs", milli / 1000, milli % 1000));
    let whole = (milli / 1000).max(1);
    let found = if milli < shards * 1000 && whole < shards {
        found.advised(format!(
            "It is less than one CPU for each of {shards} shards, so all stop together when it \
             is used up: server.shards={whole}, or allow more."
        ))
    } else {
        found
    };
    let count = milli.min(shards * 1000) * 1000 / TYPING;
    found.capped(count, CapUnit::Typing, demand.sessions(), || {
        format!(
            "If all users type 4 keys a second that takes {:.1} CPUs: allow more, and as many \
             shards.",
            (demand.sessions() * TYPING) as f64 / 1e6
        )
    })
}

pub(super) fn pids(demand: &Demand<'_>) -> Finding {
    let name = "cgroup pids.max";
    let Some(limits) = demand.facts.cgroup else {
        return Finding::ok(name, "no cgroup version 2 here");
    };
    let Some(have) = limits.pids else {
        return Finding::ok(name, "max");
    };
    let resolvers = u64::from(demand.config.targets.resolver_threads);
    let need = demand.shards() * PER_SHARD + resolvers * PER_RESOLVER + BESIDES;
    if have < need {
        let change =
            format!("The bridge may need {need} threads, whatever the sessions: allow so many.");
        return Finding::fails(name, have, change);
    }
    Finding::ok(name, have)
}
