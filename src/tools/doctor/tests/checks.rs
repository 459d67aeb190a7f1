//! Findings of each check on hosts that lack something.

use super::super::finding::{Cap, CapUnit, CheckStatus};
use super::{GOOD, examine_with, found, plant, planted, report};
use crate::config::Config;
use std::path::Path;

const LIMITS: &str = "proc/self/limits";
const RELEASE: &str = "proc/sys/kernel/osrelease";
const RINGS: &str = "proc/sys/kernel/io_uring_disabled";
const AREAS: &str = "proc/sys/vm/max_map_count";
const SOMAXCONN: &str = "proc/sys/net/core/somaxconn";
const COOKIES: &str = "proc/sys/net/ipv4/tcp_syncookies";
const PORTS: &str = "proc/sys/net/ipv4/ip_local_port_range";
const TCP_MEM: &str = "proc/sys/net/ipv4/tcp_mem";
const MEMINFO: &str = "proc/meminfo";
const QUOTA: &str = "sys/fs/cgroup/system.slice/sshard.service/cpu.max";
const MEMORY: &str = "sys/fs/cgroup/system.slice/sshard.service/memory.max";
const SLICE_MEMORY: &str = "sys/fs/cgroup/system.slice/memory.max";
const PIDS: &str = "sys/fs/cgroup/system.slice/sshard.service/pids.max";
const CORE_0: &str = "sys/devices/system/cpu/cpu0/topology/thread_siblings_list";
const CORE_1: &str = "sys/devices/system/cpu/cpu1/topology/thread_siblings_list";
const NODE_0: &str = "sys/devices/system/node/node0/cpulist";
const NODE_1: &str = "sys/devices/system/node/node1/cpulist";
const GOVERNOR: &str = "sys/devices/system/cpu/cpu1/cpufreq/scaling_governor";

/// Returns a `/proc/self/limits` with these limits.
fn limits(memlock: &str, files: &str) -> String {
    format!("Max open files {files} files\nMax locked memory {memlock} bytes\n")
}

/// Files in place of good ones, sessions asked for, name of the check, and what it finds: status,
/// cap, and words of what to change, which is nothing where there are none.
type Row<'a> = (
    &'a [(&'a str, &'a str)],
    u32,
    &'a str,
    CheckStatus,
    Option<(u64, CapUnit)>,
    &'a [&'a str],
);

fn check(rows: &[Row<'_>]) {
    for (files, sessions, name, status, cap, says) in rows {
        let report = report(&planted(files), Some(*sessions));
        let found = found(&report, name);
        let seen = format!("{files:?}: {found:?}");
        assert_eq!(found.status, *status, "{seen}");
        let cap = cap.map(|(count, unit)| Cap { count, unit });
        assert_eq!(found.cap, cap, "{seen}");
        assert_eq!(found.change.is_empty(), says.is_empty(), "{seen}");
        for word in *says {
            assert!(found.change.contains(word), "{word:?} in {seen}");
        }
        let short = matches!(status, CheckStatus::Caps | CheckStatus::Fails);
        assert_eq!(report.fits, !short, "{seen}: {report:?}");
    }
}

#[test]
fn a_good_host_passes_every_check() {
    let report = report(&planted(&[]), None);
    assert_eq!(
        (report.fits, report.failed_checks(), report.shards),
        (true, 0, 2)
    );
    assert_eq!(report.checks.len(), 17);
    for check in &report.checks {
        assert_eq!(check.status, CheckStatus::Ok, "{check:?}");
        assert_eq!(check.change, "", "{check:?}");
    }
    let most = report.at_most.unwrap();
    assert_eq!(
        (most.sessions, most.check),
        (1000, "limits.max_connections")
    );
}

// A row a line, as in a table.
#[rustfmt::skip]
#[test]
fn kernel_and_limits_of_the_process() {
    use CheckStatus::{Caps, Fails, Ok};
    let sessions = |count| Some((count, CapUnit::Sessions));
    let (kernel, rings, locked, files, areas) = (
        "kernel",
        "io_uring",
        "locked memory",
        "open files",
        "vm.max_map_count",
    );
    // 2 for each of 1000 before login, 544 for each of 2 shards, 64 besides: 3152.
    let few = limits("8388608 8388608", "256 5000");
    let fewer = limits("8388608 8388608", "256 5152");
    let endless = limits("unlimited unlimited", "1024 unlimited");
    let little = limits("65536 65536", "1024 524288");
    let much = limits("1073741824 1073741824", "1024 524288");
    check(&[
        (&[(RELEASE, "5.4.0")], 1000, kernel, Fails, None, &["5.8"]),
        (&[(RELEASE, "5.8.0")], 1000, kernel, Ok, None, &[]),
        (&[(RINGS, "2")], 1000, rings, Fails, None, &["io_uring_disabled=0"]),
        (&[(RINGS, "1")], 1000, rings, Ok, None, &["io_uring_group"]),
        (&[(LIMITS, &little)], 1000, locked, Fails, None, &["65536", "524288", "ulimit -l"]),
        (&[(LIMITS, &endless)], 1000, locked, Ok, None, &[]),
        (&[(LIMITS, &endless)], 1000, files, Ok, None, &[]),
        (&[(LIMITS, &few)], 1000, files, Fails, sessions(924), &["5000", "ulimit -n 5152"]),
        (&[(LIMITS, &fewer)], 1000, files, Ok, sessions(1000), &[]),
        (&[(LIMITS, &fewer)], 1001, files, Caps, sessions(1000), &["ulimit -n 5154"]),
        (&[], 300_000, files, Caps, sessions(260_568), &["ulimit -n 603152"]),
        (&[(LIMITS, &endless)], 1000, areas, Ok, sessions(15_882), &[]),
        (&[(LIMITS, &much)], 1000, areas, Ok, sessions(15_882), &[]),
        (&[(LIMITS, &endless), (AREAS, "5999")], 1000, areas, Caps, sessions(999), &["max_map_count=6000", "ulimit -l 8192"]),
        (&[(AREAS, "6000")], 1_000, areas, Ok, sessions(1000), &[]),
    ]);
}

// A row a line, as in a table.
#[rustfmt::skip]
#[test]
fn network() {
    use CheckStatus::{Caps, Ok};
    let (queue, syn) = ("net.core.somaxconn", "net.ipv4.tcp_max_syn_backlog");
    let (ports, memory) = ("net.ipv4.ip_local_port_range", "net.ipv4.tcp_mem");
    let arriving = |count| Some((count, CapUnit::Arriving));
    let target = |count| Some((count, CapUnit::OneTarget));
    let sessions = |count| Some((count, CapUnit::Sessions));
    check(&[
        (&[], 1000, queue, Ok, arriving(8192), &[]),
        (&[(SOMAXCONN, "65535")], 1000, queue, Ok, arriving(8192), &[]),
        (&[(SOMAXCONN, "128")], 1000, queue, Caps, arriving(256), &["somaxconn=4096"]),
        (&[], 1000, syn, Ok, None, &[]),
        (&[(COOKIES, "0")], 1000, syn, Caps, arriving(1536), &["tcp_syncookies=1", "5464"]),
        (&[], 1000, ports, Ok, target(28_232), &[]),
        (&[(PORTS, "60000 60008")], 1000, ports, Caps, target(9), &["1024 65535"]),
        (&[(PORTS, "60000 60008")], 9, ports, Ok, target(9), &[]),
        (&[(PORTS, "9 8")], 1, ports, Caps, target(0), &["allows 1"]),
        (&[], 1000, memory, Ok, sessions(500_000), &[]),
        (&[(TCP_MEM, "1 2 200000")], 1000, memory, Ok, sessions(50_000), &["183 sessions"]),
        (&[(TCP_MEM, "1 2 3999")], 1000, memory, Caps, sessions(999), &["4000 or more"]),
    ]);
}

// A row a line, as in a table.
#[rustfmt::skip]
#[test]
fn machine_and_container() {
    use CheckStatus::{Caps, Fails, Ok};
    let sessions = |count| Some((count, CapUnit::Sessions));
    let typing = |count| Some((count, CapUnit::Typing));
    let (machine, memory, quota, pids) = (
        "memory",
        "cgroup memory.max",
        "cgroup cpu.max",
        "cgroup pids.max",
    );
    let small = "MemTotal: 256000 kB\n";
    check(&[
        (&[], 1000, machine, Ok, sessions(84_992), &[]),
        (&[(MEMINFO, small)], 1000, machine, Caps, sessions(992), &["192 KiB", "64 KiB"]),
        (&[(MEMINFO, small)], 992, machine, Ok, sessions(992), &[]),
        (&[(MEMORY, "262144000")], 1000, memory, Caps, sessions(992), &["252 MiB"]),
        // The tightest of all above counts.
        (&[(SLICE_MEMORY, "262144000")], 1000, memory, Caps, sessions(992), &["allow"]),
        (&[(MEMORY, "536870912"), (SLICE_MEMORY, "262144000")], 992, memory, Ok, sessions(992), &[]),
        (&[(QUOTA, "400000 100000")], 1000, quota, Ok, typing(3968), &[]),
        (&[(QUOTA, "150000 100000")], 1000, quota, Ok, typing(2976), &["server.shards=1"]),
        (&[(QUOTA, "10000 100000")], 1000, quota, Caps, typing(198), &["0.5 CPUs"]),
        (&[(PIDS, "53")], 1000, pids, Fails, None, &["54 threads"]),
        (&[(PIDS, "54")], 1000, pids, Ok, None, &[]),
        (&[(CORE_0, "0-1"), (CORE_1, "0-1")], 9, "SMT siblings", Ok, None, &["cpus=\"0\""]),
        (&[(NODE_0, "0"), (NODE_1, "1")], 9, "NUMA nodes", Ok, None, &["for each node"]),
        (&[(NODE_1, "2-3")], 9, "NUMA nodes", Ok, None, &[]),
        (&[(GOVERNOR, "powersave\n")], 9, "cpufreq governor", Ok, None, &["performance"]),
    ]);
}

#[test]
fn more_sessions_than_are_configured_are_said() {
    let report = report(&planted(&[]), Some(1001));
    let setting = found(&report, "limits.max_connections");
    assert_eq!(setting.status, CheckStatus::Caps);
    assert_eq!(setting.change, "Set it to 1001.");
    assert_eq!((report.fits, report.failed_checks()), (false, 1));
}

#[test]
fn a_ring_that_was_tried_is_believed() {
    let mut facts = planted(&[(RINGS, "2")]);
    facts.ring = Some(Ok(()));
    assert_eq!(
        found(&report(&facts, None), "io_uring").status,
        CheckStatus::Ok
    );
    let mut facts = planted(&[]);
    facts.ring = Some(Err("seccomp".to_owned()));
    let report = report(&facts, None);
    let ring = found(&report, "io_uring");
    assert_eq!(
        (ring.status, ring.change.as_str()),
        (CheckStatus::Fails, "seccomp.")
    );
}

#[test]
fn what_cannot_be_read_is_unknown_and_nothing_panics() {
    let root = tempfile::tempdir().unwrap();
    plant(root.path(), GOOD);
    for (path, good) in GOOD {
        for text in [
            "",
            "\n",
            "x",
            "-1",
            "18446744073709551615",
            "0",
            "0 0 0",
            "\u{0}",
        ] {
            plant(root.path(), &[(*path, text)]);
            let facts = super::Facts::read(root.path());
            // No CPUs, no shards: that alone is an error.
            if let Err(error) = examine_with(&facts, &Config::default()) {
                assert_eq!(*path, "proc/self/status", "{error}");
            }
        }
        plant(root.path(), &[(*path, *good)]);
    }
    let facts = super::Facts::read(Path::new("/nonexistent"));
    assert!(examine_with(&facts, &Config::default()).is_err());
    let mut facts = facts;
    facts.allowed_cpus = Some(vec![0]);
    let report = report(&facts, None);
    assert!(report.fits, "{report:?}");
    let unknown = report
        .checks
        .iter()
        .filter(|c| c.status == CheckStatus::Unknown);
    assert_eq!(unknown.count(), 9);
}

#[test]
fn shards_without_cpus_are_an_error() {
    let mut config = Config::default();
    config.server.shards = crate::config::Shards::Count(3);
    let error = examine_with(&planted(&[]), &config).unwrap_err();
    assert!(error.to_string().contains("server.shards is 3"), "{error}");
}
