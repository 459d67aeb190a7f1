//! Findings of each check on hosts that lack something.

use super::super::finding::{Cap, CapUnit, Verdict};
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
fn limits(memlock: &str, files: &str) -> &'static str {
    format!("Max open files {files} files\nMax locked memory {memlock} bytes\n").leak()
}

/// Files in place of good ones, sessions asked for, and what is said of `name`.
struct Row {
    files: Vec<(&'static str, &'static str)>,
    sessions: u32,
    name: &'static str,
    verdict: Verdict,
    cap: Option<(u64, CapUnit)>,
    says: &'static [&'static str],
}

/// A row in one line; `says` is said of what to change, nothing where it is empty.
fn row(
    files: &[(&'static str, &'static str)],
    sessions: u32,
    name: &'static str,
    verdict: Verdict,
    cap: Option<(u64, CapUnit)>,
    says: &'static [&'static str],
) -> Row {
    Row {
        files: files.to_vec(),
        sessions,
        name,
        verdict,
        cap,
        says,
    }
}

fn check(rows: Vec<Row>) {
    for row in rows {
        let report = report(&planted(&row.files), Some(row.sessions));
        let found = found(&report, row.name);
        let seen = format!("{:?}: {found:?}", row.files);
        assert_eq!(found.verdict, row.verdict, "{seen}");
        let cap = row.cap.map(|(count, unit)| Cap { count, unit });
        assert_eq!(found.cap, cap, "{seen}");
        assert_eq!(found.change.is_empty(), row.says.is_empty(), "{seen}");
        for word in row.says {
            assert!(found.change.contains(word), "{word:?} in {seen}");
        }
        let short = matches!(row.verdict, Verdict::Caps | Verdict::Fails);
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
        assert_eq!(check.verdict, Verdict::Ok, "{check:?}");
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
    use Verdict::{Caps, Fails, Ok};
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
    check(vec![
        row(&[(RELEASE, "5.4.0")], 1000, kernel, Fails, None, &["5.8"]),
        row(&[(RELEASE, "5.8.0")], 1000, kernel, Ok, None, &[]),
        row(&[(RINGS, "2")], 1000, rings, Fails, None, &["io_uring_disabled=0"]),
        row(&[(RINGS, "1")], 1000, rings, Ok, None, &["io_uring_group"]),
        row(&[(LIMITS, little)], 1000, locked, Fails, None, &["65536", "524288", "ulimit -l"]),
        row(&[(LIMITS, endless)], 1000, locked, Ok, None, &[]),
        row(&[(LIMITS, endless)], 1000, files, Ok, None, &[]),
        row(&[(LIMITS, few)], 1000, files, Fails, sessions(924), &["5000", "ulimit -n 5152"]),
        row(&[(LIMITS, fewer)], 1000, files, Ok, sessions(1000), &[]),
        row(&[(LIMITS, fewer)], 1001, files, Caps, sessions(1000), &["ulimit -n 5154"]),
        row(&[], 300_000, files, Caps, sessions(260_568), &["ulimit -n 603152"]),
        row(&[(LIMITS, endless)], 1000, areas, Ok, sessions(15_882), &[]),
        row(&[(LIMITS, much)], 1000, areas, Ok, sessions(15_882), &[]),
        row(&[(LIMITS, endless), (AREAS, "5999")], 1000, areas, Caps, sessions(999), &["max_map_count=6000", "ulimit -l 8192"]),
        row(&[(AREAS, "6000")], 1_000, areas, Ok, sessions(1000), &[]),
    ]);
}

#[test]
fn network() {
    use Verdict::{Caps, Ok};
    let (queue, syn) = ("net.core.somaxconn", "net.ipv4.tcp_max_syn_backlog");
    let (ports, memory) = ("net.ipv4.ip_local_port_range", "net.ipv4.tcp_mem");
    let arriving = |count| Some((count, CapUnit::Arriving));
    let target = |count| Some((count, CapUnit::OneTarget));
    let sessions = |count| Some((count, CapUnit::Sessions));
    check(vec![
        row(&[], 1000, queue, Ok, arriving(8192), &[]),
        row(
            &[(SOMAXCONN, "65535")],
            1000,
            queue,
            Ok,
            arriving(8192),
            &[],
        ),
        row(
            &[(SOMAXCONN, "128")],
            1000,
            queue,
            Caps,
            arriving(256),
            &["somaxconn=4096"],
        ),
        row(&[], 1000, syn, Ok, None, &[]),
        row(
            &[(COOKIES, "0")],
            1000,
            syn,
            Caps,
            arriving(1536),
            &["tcp_syncookies=1", "5464"],
        ),
        row(&[], 1000, ports, Ok, target(28_232), &[]),
        row(
            &[(PORTS, "60000 60008")],
            1000,
            ports,
            Caps,
            target(9),
            &["1024 65535"],
        ),
        row(&[(PORTS, "60000 60008")], 9, ports, Ok, target(9), &[]),
        row(&[(PORTS, "9 8")], 1, ports, Caps, target(0), &["allows 1"]),
        row(&[], 1000, memory, Ok, sessions(500_000), &[]),
        row(
            &[(TCP_MEM, "1 2 200000")],
            1000,
            memory,
            Ok,
            sessions(50_000),
            &["183 sessions"],
        ),
        row(
            &[(TCP_MEM, "1 2 3999")],
            1000,
            memory,
            Caps,
            sessions(999),
            &["4000 or more"],
        ),
    ]);
}

// A row a line, as in a table.
#[rustfmt::skip]
#[test]
fn machine_and_container() {
    use Verdict::{Caps, Fails, Ok};
    let sessions = |count| Some((count, CapUnit::Sessions));
    let typing = |count| Some((count, CapUnit::Typing));
    let (machine, memory, quota, pids) = (
        "memory",
        "cgroup memory.max",
        "cgroup cpu.max",
        "cgroup pids.max",
    );
    let small = "MemTotal: 256000 kB\n";
    check(vec![
        row(&[], 1000, machine, Ok, sessions(84_992), &[]),
        row(&[(MEMINFO, small)], 1000, machine, Caps, sessions(992), &["192 KiB", "64 KiB"]),
        row(&[(MEMINFO, small)], 992, machine, Ok, sessions(992), &[]),
        row(&[(MEMORY, "262144000")], 1000, memory, Caps, sessions(992), &["252 MiB"]),
        // The tightest of all above counts.
        row(&[(SLICE_MEMORY, "262144000")], 1000, memory, Caps, sessions(992), &["allow"]),
        row(&[(MEMORY, "536870912"), (SLICE_MEMORY, "262144000")], 992, memory, Ok, sessions(992), &[]),
        row(&[(QUOTA, "400000 100000")], 1000, quota, Ok, typing(3968), &[]),
        row(&[(QUOTA, "150000 100000")], 1000, quota, Ok, typing(2976), &["server.shards=1"]),
        row(&[(QUOTA, "10000 100000")], 1000, quota, Caps, typing(198), &["0.5 CPUs"]),
        row(&[(PIDS, "53")], 1000, pids, Fails, None, &["54 threads"]),
        row(&[(PIDS, "54")], 1000, pids, Ok, None, &[]),
        row(&[(CORE_0, "0-1"), (CORE_1, "0-1")], 9, "SMT siblings", Ok, None, &["cpus=\"0\""]),
        row(&[(NODE_0, "0"), (NODE_1, "1")], 9, "NUMA nodes", Ok, None, &["for each node"]),
        row(&[(NODE_1, "2-3")], 9, "NUMA nodes", Ok, None, &[]),
        row(&[(GOVERNOR, "powersave\n")], 9, "cpufreq governor", Ok, None, &["performance"]),
    ]);
}

#[test]
fn more_sessions_than_are_configured_are_said() {
    let report = report(&planted(&[]), Some(1001));
    let setting = found(&report, "limits.max_connections");
    assert_eq!(setting.verdict, Verdict::Caps);
    assert_eq!(setting.change, "Set it to 1001.");
    assert_eq!((report.fits, report.failed_checks()), (false, 1));
}

#[test]
fn a_ring_that_was_tried_is_believed() {
    let mut facts = planted(&[(RINGS, "2")]);
    facts.ring = Some(Ok(()));
    assert_eq!(
        found(&report(&facts, None), "io_uring").verdict,
        Verdict::Ok
    );
    let mut facts = planted(&[]);
    facts.ring = Some(Err("seccomp".to_owned()));
    let report = report(&facts, None);
    let ring = found(&report, "io_uring");
    assert_eq!(
        (ring.verdict, ring.change.as_str()),
        (Verdict::Fails, "seccomp.")
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
        .filter(|c| c.verdict == Verdict::Unknown);
    assert_eq!(unknown.count(), 9);
}

#[test]
fn shards_without_cpus_are_an_error() {
    let mut config = Config::default();
    config.server.shards = crate::config::Shards::Count(3);
    let error = examine_with(&planted(&[]), &config).unwrap_err();
    assert!(error.to_string().contains("server.shards is 3"), "{error}");
}
